r"""One engine for the Voronoi losses of all models; a loss is a table of exponents.

For a fitted measure G with cells :math:`A_j` around the atoms of the truth :math:`G_*`,

.. math::
   D(G,G_*)=\inf_{t_1,t_2}\sum_j\Big[\sum_{i\in A_j}e^{\beta_{0i}}
   \sum_{(B,r)\in T(A_j)}\|\Delta^{t_2}_{ij}B\|^{r}
   +\Big|\sum_{i\in A_j}e^{\beta_{0i}}-e^{\beta_{0j}^*+t_1}\Big|\Big],

where :math:`\Delta^{t_2}_{ij}` are differences of parameters, of :math:`\beta_1` after the shift:
:math:`\beta_{1i}-\beta_{1j}^*-t_2`. The table T says which blocks B of parameters are taken in
one norm, and raised to which power r, in a cell of a given size around a given true atom.

Both measures are first normalised to total weight one and their equal atoms merged, so a loss is
a function of the measures: relabelling and splitting an atom exactly do not change it, nor does
translating a gate for which the table declares it. Papers that fix a reference gate have no
infimum; here the losses do not depend on which expert is the reference. The infimum is exact and
over all :math:`t_1\in[-\infty,\infty)`, :math:`t_2\in R^d`; where weights are probabilities, as
in a joint law of (x, y), there is none and both are zero. The units are those of the
parameters, ``variance`` being a variance.

References
----------
.. [1] Nguyen, H., Nguyen, T. and Ho, N. (2023). Demystifying softmax gating function in Gaussian
   mixture of experts. arXiv:2305.03288, equations (4) and (5).
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import update_wrapper
from typing import Any, Literal, NamedTuple

import numpy as np

from mixexp.models.measure import MixingMeasure
from mixexp.theory.voronoi.alignment import (
    Terms,
    cell_terms,
    optimal_scale,
    optimal_slope,
    term_value,
    true_cells,
)
from mixexp.theory.voronoi.cells import Around, Partition, voronoi_partition
from mixexp.theory.voronoi.checks import check_measure
from mixexp.theory.voronoi.terms import GATE, LARGEST_STATED_SIZE, Table, checked_count
from mixexp.theory.voronoi.translations import Minimum

Cells = Literal["expert", "all"]
Status = Literal["stated in the literature", "derived here"]


class Shift(NamedTuple):
    """A translation of the gate: the fit is compared with exp(t1) w*, beta_1* + t2."""

    intercept: float
    slope: np.ndarray


class Contribution(NamedTuple):
    """What one term of one cell adds to a loss; blocks is ``("weight",)`` for the weights."""

    cell: int
    size: int
    blocks: tuple[str, ...]
    power: float
    value: float


@dataclass(frozen=True)
class VoronoiLoss:
    """Value of a Voronoi loss, with everything it is made of; ``float(loss)`` is the value.

    Parameters
    ----------
    name : str
        Name of the loss, such as ``"d2_sharp"``.
    value : float
        The loss.
    shift : Shift
        A minimiser (t1, t2) for the normalised measures. t1 is -inf if the true atoms of empty
        cells hold more than half of the weight; t2 is zero for gates that cannot be translated.
    cells : tuple of int arrays
        For each true atom, the fitted atoms of its cell, in the user's numbering.
    table : tuple of Contribution
        Summands by cell and block; they add up to the value. With ``n_active`` only the cells
        that count.
    gap : float
        Certified bound, up to rounding, on the distance of the value from the infimum.
    identifiable : bool
        Whether k < 2 k* (numbers of distinct atoms), or the law is a joint one, which knows its
        mixing measure for every k. For a softmax gate with linear logits some
        measures of 2 k* atoms or more have the density of the truth and a positive loss:
        multiplying all gates by a common cosh(delta'x) splits every atom. Then a positive loss
        does not tell that the density is wrong.
    derived_order : bool
        Whether a power rests on r-bar of a cell of m >= 4 atoms. It is 2m: stated in the
        literature for m = 2, 3; derived here, not refereed, for m >= 4.
    """

    name: str
    value: float
    shift: Shift
    cells: tuple[np.ndarray, ...]
    table: tuple[Contribution, ...]
    gap: float
    identifiable: bool
    derived_order: bool

    def __float__(self) -> float:
        return self.value


@dataclass(eq=False, repr=False)
class LossTable:
    """A Voronoi loss: a table of exponents and what has to be known to apply it.

    Made from a function by :func:`loss_table`; it keeps the name and the docstring of the function.

    Parameters
    ----------
    table : callable
        From a :class:`~mixexp.theory.voronoi.terms.Cell` to its terms.
    blocks : tuple of str
        Blocks that both measures must have.
    source : str
        Paper and equation.
    status : {"stated in the literature", "derived here"}
        Where the loss comes from.
    optional : tuple of str
        Blocks of the table that measures may lack.
    cells : {"expert", "all"}
        Which blocks define the cells unless a call says otherwise.
    translations : bool
        Whether ``gate_coef`` is known up to a common translation only.
    n_active : int, optional
        Sum the n_active largest cells in place of all.
    common_factor : bool
        Whether weights are known up to a common factor only, as in a gate; False where they are
        probabilities, as in a joint law.
    summed : bool
        Whether cells are by the sum of the norms of the blocks, in place of their joint norm.
    around : callable, optional
        From a measure and an atom of the truth to the measure in coordinates of that atom, in which
        its cell is found and its errors are measured.
    prepare : callable, optional
        From a measure to a measure: takes out a convention, or adds blocks computed from others.
        Cells never depend on added blocks.
    made_by : tuple, optional
        Function and arguments that make this loss, for pickling; by default it is a global.
    """

    table: Table
    blocks: tuple[str, ...]
    source: str
    status: Status
    optional: tuple[str, ...] = ()
    cells: Cells = "expert"
    translations: bool = True
    n_active: int | None = None
    common_factor: bool = True
    summed: bool = False
    around: Around | None = None
    prepare: Callable[[MixingMeasure], MixingMeasure] | None = None
    made_by: tuple[Callable[..., LossTable], tuple[Any, ...]] | None = None

    def __post_init__(self) -> None:
        if self.made_by is None:
            update_wrapper(self, self.table)
            self.name = getattr(self.table, "__name__", "loss")
        else:
            maker, arguments = self.made_by
            update_wrapper(self, maker)
            self.name = f"{maker.__name__}({', '.join(map(str, arguments))})"
        self.__signature__ = inspect.signature(self.__call__)
        if self.n_active is not None:
            self.n_active = checked_count("n_active", self.n_active, "number of active experts")

    def __repr__(self) -> str:
        return f"<loss {self.name}: {self.source}>"

    def __reduce__(self) -> str | tuple[Any, ...]:
        # The function inside cannot be pickled by its name, which now stands for this object.
        return self.name if self.made_by is None else self.made_by

    def __call__(
        self,
        fitted: MixingMeasure,
        truth: MixingMeasure,
        *,
        cells: Cells | None = None,
        r_bar: Mapping[int, float] | None = None,
    ) -> VoronoiLoss:
        """Evaluate the loss; see :func:`voronoi_loss`."""
        return voronoi_loss(self, fitted, truth, cells=cells, r_bar=r_bar)


def loss_table(**about: Any) -> Callable[[Table], LossTable]:
    """Decorator that makes a loss of a table of exponents; keywords of :class:`LossTable`.

    Examples
    --------
    >>> from mixexp.theory.voronoi.terms import separate
    >>> blocks = ("gate_coef", "coef", "intercept", "variance")
    >>> @loss_table(blocks=blocks, source="an example", status="derived here")
    ... def sum_of_norms(cell):
    ...     return separate(dict.fromkeys(blocks, 1.0))
    >>> truth = MixingMeasure([1.0, 1.0], {"gate_coef": [[2.0], [0.0]], "coef": [[2.0], [-1.5]],
    ...                                    "intercept": [2.0, -2.0], "variance": [0.25, 0.25]})
    >>> moved = {**truth.atoms, "intercept": [2.3, -2.0], "coef": [[2.4], [-1.5]]}
    >>> sum_of_norms(MixingMeasure([1.0, 1.0], moved), truth).value
    0.35
    """
    return lambda table: LossTable(table, **about)


def voronoi_loss(
    loss: LossTable,
    fitted: MixingMeasure,
    truth: MixingMeasure,
    *,
    cells: Cells | None = None,
    r_bar: Mapping[int, float] | None = None,
) -> VoronoiLoss:
    r"""A Voronoi loss between two measures.

    Parameters
    ----------
    loss : LossTable
        Its table of exponents.
    fitted, truth : MixingMeasure
        Measures with the same blocks.
    cells : {"expert", "all"}, optional
        Cells by the expert's blocks or by all; by default as the loss declares. For "all" a gate
        that can be translated is first aligned by the t2 that is optimal with cells "expert".
    r_bar : mapping of int to float, optional
        Exponents by size of the cell, finite and 1 or more, in place of
        :func:`mixexp.theory.voronoi.terms.r_bar`.

    Raises
    ------
    ValueError
        If the measures lack a block, differ in their blocks or have one of the gate that the loss
        does not use; a variance or a temperature is not positive, or temperatures differ between
        atoms; ``r_bar`` lacks a size or holds an exponent below 1 or not finite; cells are not
        defined; or more experts are active than the truth has.
    """
    partition, terms, best = resolve(loss, fitted, truth, cells, r_bar)
    scale = scale_of(loss, partition)
    moved = partition.aligned(best.point) if loss.translations else partition
    rows = list(_contributions(moved, terms, scale))
    counted, gap = _largest(rows, partition.truth.n_atoms, loss.n_active, best.gap)
    with np.errstate(divide="ignore"):
        shift = Shift(float(np.log(scale)), best.point)
    return VoronoiLoss(
        name=loss.name,
        value=sum(row.value for row in counted),
        shift=shift,
        cells=partition.cells,
        table=counted,
        gap=gap,
        identifiable=not loss.common_factor
        or partition.fitted.n_atoms < 2 * partition.truth.n_atoms,
        derived_order=r_bar is None and _uses_derived_order(partition, loss),
    )


def resolve(
    loss: LossTable,
    fitted: MixingMeasure,
    truth: MixingMeasure,
    cells: Cells | None = None,
    r_bar: Mapping[int, float] | None = None,
) -> tuple[Partition, Terms, Minimum]:
    """Cells, their terms and the best t2 (zero if the gate cannot be translated)."""
    cells = loss.cells if cells is None else cells
    if cells not in ("expert", "all"):
        raise ValueError(f"cells is {cells!r}; use 'expert' or 'all'")
    for name, measure in (("fitted", fitted), ("truth", truth)):
        check_measure(name, measure, loss.name, loss.blocks, loss.optional)
    everything, expert = tuple(truth.atoms), truth.expert_blocks
    if loss.prepare is not None:
        fitted, truth = loss.prepare(fitted), loss.prepare(truth)

    def solve(names: tuple[str, ...], t2: np.ndarray) -> tuple[Partition, Terms, Minimum]:
        shift = t2 if loss.translations else None
        partition = voronoi_partition(
            fitted, truth, shift, cells_by=names, points_by=everything,
            summed=loss.summed, around=loss.around,
        )  # fmt: skip
        terms = cell_terms(partition, loss.table, r_bar, loss.optional)
        best = optimal_slope(partition, terms) if loss.translations else Minimum(t2, 0.0, 0.0)
        return partition, terms, best

    zero = np.zeros(truth.flat([GATE] if GATE in truth.atoms else []).shape[1])
    if cells == "expert" or not loss.translations:
        return solve(expert if cells == "expert" else everything, zero)
    return solve(everything, solve(expert, zero)[2].point)


def scale_of(loss: LossTable, partition: Partition) -> float:
    """The factor exp(t1) of the true weights: the best one, or 1 if weights are probabilities."""
    return optimal_scale(partition) if loss.common_factor else 1.0


def _contributions(partition: Partition, terms: Terms, scale: float) -> Iterator[Contribution]:
    """The summands of all cells."""
    for j, size in enumerate(partition.size.tolist()):
        for term in terms[j]:
            value = term_value(partition, j, term)
            yield Contribution(j, size, term.blocks, term.power, value)
        excess = abs(partition.mass[j] - scale * partition.truth.weight[j])
        yield Contribution(j, size, ("weight",), 1.0, float(excess))


def _largest(
    rows: list[Contribution], n_cells: int, n_active: int | None, gap: float
) -> tuple[tuple[Contribution, ...], float]:
    r"""The summands of the K largest cells, and the gap of their sum.

    With S the sum of all cells, T that of the K largest and (s, t) the minimiser of S, the
    infimum of T is at least :math:`\inf\,(K/k_*)S\ge(K/k_*)(S(s,t)-\text{gap})`.
    """
    if n_active is None:
        return tuple(rows), gap
    if n_active > n_cells:
        raise ValueError(
            f"n_active is {n_active} and the truth has {n_cells} atoms; activate at most that many"
        )
    cell_value = np.zeros(n_cells)
    for row in rows:
        cell_value[row.cell] += row.value
    largest = set(np.argsort(-cell_value, kind="stable")[:n_active].tolist())
    counted = tuple(row for row in rows if row.cell in largest)
    bound = n_active / n_cells * (cell_value.sum() - gap)
    return counted, max(0.0, sum(row.value for row in counted) - float(bound))


def _uses_derived_order(partition: Partition, loss: LossTable) -> bool:
    large = [cell for cell in true_cells(partition) if cell.size > LARGEST_STATED_SIZE]
    return any(loss.table(c) != loss.table(c._replace(order=c.order + 1.0)) for c in large)
