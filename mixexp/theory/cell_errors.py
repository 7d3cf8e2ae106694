r"""Errors of a fit, cell by cell and block by block: the numbers whose slopes show the rates.

A Voronoi loss is of order :math:`n^{-1/2}` by design, because its exponents absorb the slow rates.
The rates show in the errors of the blocks inside a cell.

References
----------
.. [1] Nguyen, H., Nguyen, T. and Ho, N. (2023). Demystifying softmax gating function in Gaussian
   mixture of experts. arXiv:2305.03288, Theorems 1 and 2 and the table of rates.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, overload

import numpy as np

from mixexp.models.measure import MixingMeasure
from mixexp.theory.exponents import ALL, Term, d1_table, d2_sharp_table
from mixexp.theory.voronoi import Partition, voronoi_partition
from mixexp.theory.voronoi_loss import atom_terms, check_blocks, optimal_scale, optimal_slope

if TYPE_CHECKING:
    import pandas


@overload
def cell_errors(
    fitted: MixingMeasure,
    truth: MixingMeasure,
    *,
    r_bar: Mapping[int, float] | None = ...,
    as_frame: Literal[False] = ...,
) -> list[dict[str, Any]]: ...


@overload
def cell_errors(
    fitted: MixingMeasure,
    truth: MixingMeasure,
    *,
    r_bar: Mapping[int, float] | None = ...,
    as_frame: Literal[True],
) -> pandas.DataFrame: ...


def cell_errors(
    fitted: MixingMeasure,
    truth: MixingMeasure,
    *,
    r_bar: Mapping[int, float] | None = None,
    as_frame: bool = False,
) -> list[dict[str, Any]] | pandas.DataFrame:
    r"""Errors in every block of parameters inside every Voronoi cell.

    .. math:: \Big(\sum_{i\in A_j}w_i\|\Delta_{ij}B\|^{r}\Big/\sum_{i\in A_j}w_i\Big)^{1/r}

    with r the exponent of block B in the sharper loss: 1 in a cell of one atom; otherwise 2 for
    ``gate_coef`` and ``coef``, :math:`\bar r` for ``intercept``, :math:`\bar r/2` for
    ``variance``.

    The gate is known up to a translation. It is aligned by the cells of one atom, the ones that
    estimate at the fast rate, with the t2 that is optimal for D1 on them; if there are none, with
    the t2 of the sharper loss. A lone cell of one atom serves as the reference: its error in
    ``gate_coef`` is zero by construction.

    Parameters
    ----------
    fitted, truth : MixingMeasure
        Measures with blocks ``gate_coef``, ``coef``, ``intercept`` and ``variance``; both are
        normalised, and equal atoms merged.
    r_bar : mapping of int to float, optional
        Exponents by size of the cell, in place of the default of the losses.
    as_frame : bool
        Return a pandas data frame instead of a list.

    Returns
    -------
    list of dict, or pandas.DataFrame
        One row per true atom: ``cell``, its index; ``size``, number of distinct fitted atoms;
        ``mass``, their weight W; ``weight``, :math:`|W-s\,w^*|` with the optimal s of the
        losses; for each block the error above under the block's name and the norm of the
        error of the cell's weighted mean under ``<block>_mean``; ``reference``, whether the cell
        alone aligned the gate. Errors of empty cells are NaN.

    Raises
    ------
    ValueError
        If the measures lack a block or differ in their blocks, or cells are not defined.

    Examples
    --------
    >>> truth = MixingMeasure([1.0, 1.0], {"gate_coef": [[2.0], [0.0]], "coef": [[2.0], [-1.5]],
    ...                                    "intercept": [2.0, -2.0], "variance": [0.25, 0.25]})
    >>> fitted = truth.split(0, [0.5, 0.5])
    >>> fitted = MixingMeasure(fitted.weight, {**fitted.atoms, "intercept": [1.8, 2.2, -2.1]})
    >>> [(row["size"], row["intercept"], row["intercept_mean"])
    ...  for row in cell_errors(fitted, truth)]
    [(2, 0.2, 0.0), (1, 0.1, 0.1)]
    """
    check_blocks(truth)
    partition = voronoi_partition(fitted, truth)
    terms = atom_terms(partition, d2_sharp_table, r_bar)
    partition = partition.aligned(_gate_shift(partition, terms))
    scale = optimal_scale(partition)
    rows = [_row(partition, j, terms, scale) for j in range(partition.truth.n_atoms)]
    if not as_frame:
        return rows
    import pandas

    return pandas.DataFrame(rows)


def _gate_shift(partition: Partition, terms: list[tuple[Term, ...]]) -> np.ndarray:
    alone = partition.size[partition.label] == 1
    if not np.any(alone):
        return optimal_slope(partition, terms).point
    return optimal_slope(partition, [d1_table(1, 1.0) if single else () for single in alone]).point


def _row(
    partition: Partition, cell: int, terms: list[tuple[Term, ...]], scale: float
) -> dict[str, Any]:
    atoms = np.flatnonzero(partition.label == cell)
    mass, size = partition.mass[cell], len(atoms)
    power = {b: t.power for i in atoms[:1] for t in terms[i] for b in t.blocks}
    row: dict[str, Any] = {
        "cell": cell,
        "size": size,
        "mass": float(mass),
        "weight": float(abs(mass - scale * partition.truth.weight[cell])),
    }
    for name in ALL:
        row[name] = row[f"{name}_mean"] = np.nan
        if size:
            share = partition.fitted.weight[atoms] / mass
            error = partition.distance((name,))[atoms]
            row[name] = _power_mean(error, share, power[name])
            row[f"{name}_mean"] = float(np.linalg.norm(share @ partition.difference[name][atoms]))
    row["reference"] = size == 1 and int(np.sum(partition.size == 1)) == 1
    return row


def _power_mean(value: np.ndarray, share: np.ndarray, power: float) -> float:
    # Relative to the largest value, whose power might underflow.
    top = float(np.max(value, initial=0.0))
    return top * float(share @ (value / top) ** power) ** (1 / power) if top > 0 else 0.0
