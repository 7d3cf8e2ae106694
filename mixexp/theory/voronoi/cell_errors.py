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
from mixexp.theory.losses.softmax_gaussian import d2_sharp
from mixexp.theory.voronoi.alignment import Terms, errors, optimal_slope
from mixexp.theory.voronoi.cells import Partition
from mixexp.theory.voronoi.engine import LossTable, resolve, scale_of
from mixexp.theory.voronoi.terms import Term

if TYPE_CHECKING:
    import pandas


@overload
def cell_errors(
    fitted: MixingMeasure,
    truth: MixingMeasure,
    *,
    loss: LossTable = ...,
    r_bar: Mapping[int, float] | None = ...,
    as_frame: Literal[False] = ...,
) -> list[dict[str, Any]]: ...


@overload
def cell_errors(
    fitted: MixingMeasure,
    truth: MixingMeasure,
    *,
    loss: LossTable = ...,
    r_bar: Mapping[int, float] | None = ...,
    as_frame: Literal[True],
) -> pandas.DataFrame: ...


def cell_errors(
    fitted: MixingMeasure,
    truth: MixingMeasure,
    *,
    loss: LossTable = d2_sharp,
    r_bar: Mapping[int, float] | None = None,
    as_frame: bool = False,
) -> list[dict[str, Any]] | pandas.DataFrame:
    r"""Errors in every block of parameters inside every Voronoi cell.

    .. math:: \Big(\sum_{i\in A_j}w_i\|\Delta_{ij}B\|^{r}\Big/\sum_{i\in A_j}w_i\Big)^{1/r}

    with r the exponent of block B in the loss. For the default: 1 in a cell of one atom; otherwise
    2 for ``gate_coef`` and ``coef``, :math:`\bar r` for ``intercept``, :math:`\bar r/2` for
    ``variance``. The norm is over the whole block, also where the loss takes classes one by one.

    A gate that is known up to a translation is aligned by the cells of one atom, the ones that
    estimate at the fast rate, with the t2 that is optimal for their terms of the loss; if there
    are none, with the t2 of the loss. A lone cell of one atom serves as the reference: its error
    in ``gate_coef`` is zero by construction.

    Parameters
    ----------
    fitted, truth : MixingMeasure
        Measures with the blocks that the loss needs; both are normalised, and equal atoms merged.
    loss : LossTable
        Its cells and exponents are used.
    r_bar : mapping of int to float, optional
        Exponents by size of the cell, finite and 1 or more, in place of the default of the losses.
    as_frame : bool
        Return a pandas data frame instead of a list.

    Returns
    -------
    list of dict, or pandas.DataFrame
        One row per true atom: ``cell``, its index; ``size``, number of distinct fitted atoms;
        ``mass``, their weight W; ``weight``, :math:`|W-s\,w^*|` with the optimal s of the
        losses; for each block the error above under the block's name and the norm of the
        error of the cell's weighted mean under ``<block>_mean``; ``reference``, whether the cell
        alone aligned the gate. Errors of empty cells are NaN, and so is the error of a block that
        the loss leaves out in the cell. Where the loss measures the mean only, so does the error.

    Raises
    ------
    ValueError
        As :func:`mixexp.theory.voronoi.engine.voronoi_loss`.

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
    partition, terms, best = resolve(loss, fitted, truth, r_bar=r_bar)
    if loss.translations:
        partition = partition.aligned(_gate_shift(partition, terms, best.point))
    scale = scale_of(loss, partition)
    lone = loss.translations and int(np.sum(partition.size == 1)) == 1
    rows = [
        {**_row(partition, j, terms[j], scale), "reference": lone and bool(partition.size[j] == 1)}
        for j in range(partition.truth.n_atoms)
    ]
    if not as_frame:
        return rows
    import pandas

    return pandas.DataFrame(rows)


def _gate_shift(partition: Partition, terms: Terms, otherwise: np.ndarray) -> np.ndarray:
    alone = partition.size == 1
    if not np.any(alone):
        return otherwise
    chosen = [many if single else () for many, single in zip(terms, alone, strict=True)]
    return optimal_slope(partition, chosen).point


def _row(partition: Partition, cell: int, terms: tuple[Term, ...], scale: float) -> dict[str, Any]:
    mass, size = float(partition.mass[cell]), int(partition.size[cell])
    row: dict[str, Any] = {
        "cell": cell,
        "size": size,
        "mass": mass,
        "weight": float(abs(mass - scale * partition.truth.weight[cell])),
    }
    term_of = {name: term for term in terms for name in term.blocks}
    for name in partition.truth.atoms:
        row[name] = row[f"{name}_mean"] = np.nan
        if size:
            _, mean = errors(partition, cell, Term((name,), 1.0, of_mean=True))
            row[f"{name}_mean"] = float(mean[0, 0])
        if name in term_of:
            whole = term_of[name]._replace(blocks=(name,), each=False)
            weight, error = errors(partition, cell, whole)
            row[name] = _power_mean(error[:, 0], weight / weight.sum(), whole.power)
    return row


def _power_mean(value: np.ndarray, share: np.ndarray, power: float) -> float:
    # Relative to the largest value, whose power might underflow.
    top = float(np.max(value, initial=0.0))
    return top * float(share @ (value / top) ** power) ** (1 / power) if top > 0 else 0.0
