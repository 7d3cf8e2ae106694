r"""One engine for all Voronoi losses of the softmax-gated Gaussian mixture of experts.

For a fitted measure G with cells :math:`A_j` around the atoms of the truth :math:`G_*`,

.. math::
   D(G,G_*)=\inf_{t_1,t_2}\sum_j\Big[\sum_{i\in A_j}e^{\beta_{0i}}
   \sum_{(B,r)\in T(|A_j|)}\|\Delta^{t_2}_{ij}B\|^{r}
   +\Big|\sum_{i\in A_j}e^{\beta_{0i}}-e^{\beta_{0j}^*+t_1}\Big|\Big],

where :math:`\Delta^{t_2}_{ij}` are differences of parameters, of :math:`\beta_1` after the shift:
:math:`\beta_{1i}-\beta_{1j}^*-t_2`. A loss is its table T: which blocks B of parameters are taken
in one norm, and raised to which power r, in a cell of a given size.

Both measures are first normalised to total weight one and their equal atoms merged, so a loss is
a function of the measures: relabelling, translating the gate and splitting an atom exactly do not
change it. The infimum is exact and over all :math:`t_1\in[-\infty,\infty)`,
:math:`t_2\in R^d`. The units are those of the parameters, ``variance`` being a variance.

References
----------
.. [1] Nguyen, H., Nguyen, T. and Ho, N. (2023). Demystifying softmax gating function in Gaussian
   mixture of experts. arXiv:2305.03288, equations (4) and (5).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np

from mixexp.models.measure import MixingMeasure
from mixexp.theory.exponents import ALL, GATE, LARGEST_PROVED_SIZE, Table, Term, r_bar
from mixexp.theory.translations import DistancePowers, Minimum, weighted_median
from mixexp.theory.voronoi import Partition, voronoi_partition

Cells = Literal["expert", "all"]


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
        ``"d1"``, ``"d2"`` or ``"d2_sharp"``.
    value : float
        The loss.
    shift : Shift
        A minimiser (t1, t2) for the normalised measures. t1 is -inf if the true atoms of empty
        cells hold more than half of the weight.
    cells : tuple of int arrays
        For each true atom, the fitted atoms of its cell, in the user's numbering.
    table : tuple of Contribution
        Summands by cell and block; they add up to the value.
    gap : float
        Certified bound, up to rounding, on the distance of the value from the infimum.
    identifiable : bool
        Whether k < 2 k* (numbers of distinct atoms). From 2 k* atoms on, some measures have the
        density of the truth and a positive D2: multiplying all gates by a common
        cosh(delta'x) splits every atom. Then a positive loss does not tell that the density
        is wrong.
    conjectural : bool
        Whether a power rests on the conjecture r-bar(m) = 2m for cells of m >= 4 atoms.
    """

    name: str
    value: float
    shift: Shift
    cells: tuple[np.ndarray, ...]
    table: tuple[Contribution, ...]
    gap: float
    identifiable: bool
    conjectural: bool

    def __float__(self) -> float:
        return self.value


def voronoi_loss(
    name: str,
    table: Table,
    fitted: MixingMeasure,
    truth: MixingMeasure,
    cells: Cells = "expert",
    exponents: Mapping[int, float] | None = None,
) -> VoronoiLoss:
    """The Voronoi loss with a given table of exponents.

    Parameters
    ----------
    name : str
        What the loss is called.
    table : callable
        The terms of an atom, from the size of its cell and the r-bar of that size.
    fitted, truth, cells, exponents
        As in :func:`mixexp.theory.losses.d2`, where ``exponents`` is called ``r_bar``.

    Raises
    ------
    ValueError
        If the measures lack a block or differ in their blocks, cells are not defined, or an
        exponent is missing.

    Examples
    --------
    A table of one's own: the norms of the blocks added up, instead of their joint norm.

    >>> def separate(size, r_bar):
    ...     return tuple(Term((name,), 1.0) for name in ALL)
    >>> truth = MixingMeasure([1.0, 1.0], {"gate_coef": [[2.0], [0.0]], "coef": [[2.0], [-1.5]],
    ...                                    "intercept": [2.0, -2.0], "variance": [0.25, 0.25]})
    >>> moved = {**truth.atoms, "intercept": [2.3, -2.0], "coef": [[2.4], [-1.5]]}
    >>> voronoi_loss("separate", separate, MixingMeasure([1.0, 1.0], moved), truth).value
    0.35
    """
    if cells not in ("expert", "all"):
        raise ValueError(f"cells is {cells!r}; use 'expert' or 'all'")
    check_blocks(truth)
    partition = voronoi_partition(fitted, truth)
    terms = atom_terms(partition, table, exponents)
    best = optimal_slope(partition, terms)
    if cells == "all":
        partition = voronoi_partition(fitted, truth, best.point)
        terms = atom_terms(partition, table, exponents)
        best = optimal_slope(partition, terms)
    scale = optimal_scale(partition)
    rows = tuple(_contributions(partition, terms, scale, best.point))
    with np.errstate(divide="ignore"):
        shift = Shift(float(np.log(scale)), best.point)
    return VoronoiLoss(
        name=name,
        value=sum(row.value for row in rows),
        shift=shift,
        cells=partition.cells,
        table=rows,
        gap=best.gap,
        identifiable=partition.fitted.n_atoms < 2 * partition.truth.n_atoms,
        conjectural=exponents is None and _uses_conjecture(partition, table),
    )


def _uses_conjecture(partition: Partition, table: Table) -> bool:
    large = {int(size) for size in partition.size if size > LARGEST_PROVED_SIZE}
    return any(table(size, r_bar(size)) != table(size, r_bar(size) + 1.0) for size in large)


def check_blocks(truth: MixingMeasure) -> None:
    """Raise ValueError unless the blocks of a softmax-gated Gaussian mixture are there."""
    if missing := set(ALL) - set(truth.atoms):
        raise ValueError(f"truth lacks the blocks {sorted(missing)}; the loss needs {ALL}")


def atom_terms(
    partition: Partition, table: Table, exponents: Mapping[int, float] | None
) -> list[tuple[Term, ...]]:
    """The terms of every distinct fitted atom, by the size of its cell."""
    sizes = [int(size) for size in partition.size[partition.label]]
    if exponents is None:
        return [table(size, r_bar(size)) for size in sizes]
    if absent := {size for size in sizes if size > 1} - set(exponents):
        raise ValueError(f"r_bar has no exponent for cells of size {sorted(absent)}; add them")
    return [table(size, float(exponents.get(size, 1.0))) for size in sizes]


def optimal_scale(partition: Partition) -> float:
    r"""The :math:`s=e^{t_1}` that minimises :math:`\sum_j|W_j-s\,w_j^*|`: a weighted median."""
    weight = partition.truth.weight
    return weighted_median(partition.mass / weight, weight)


def optimal_slope(partition: Partition, terms: list[tuple[Term, ...]]) -> Minimum:
    """The t2 that minimises the terms with the gate in them; atoms without terms do not count."""
    found = [(i, t) for i, many in enumerate(terms) for t in many if GATE in t.blocks]
    atoms = [i for i, _ in found]
    centre = partition.difference[GATE][atoms]
    offset = np.array(
        [partition.distance(tuple(b for b in t.blocks if b != GATE))[i] for i, t in found]
    )
    weight = partition.fitted.weight[atoms]
    return DistancePowers(centre, offset, weight, np.array([t.power for _, t in found])).minimise()


def _contributions(
    partition: Partition, terms: list[tuple[Term, ...]], scale: float, slope: np.ndarray
) -> Iterator[Contribution]:
    """The summands of a loss, cell by cell."""
    moved = partition.aligned(slope)
    weight = partition.fitted.weight
    for j, size in enumerate(partition.size.tolist()):
        atoms = np.flatnonzero(partition.label == j)
        for term in terms[atoms[0]] if size else ():
            errors = weight[atoms] @ moved.distance(term.blocks)[atoms] ** term.power
            yield Contribution(j, size, term.blocks, term.power, float(errors))
        excess = abs(partition.mass[j] - scale * partition.truth.weight[j])
        yield Contribution(j, size, ("weight",), 1.0, float(excess))
