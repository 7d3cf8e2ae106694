r"""Terms of a loss on the cells of a partition, and the translation of the gate that is best.

The infimum over translations :math:`(t_1,t_2)` separates: :math:`t_1` enters the weights of the
cells only, :math:`t_2` only the errors of ``gate_coef``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from mixexp.theory.voronoi.cells import Partition
from mixexp.theory.voronoi.checks import checked_exponents
from mixexp.theory.voronoi.terms import GATE, Cell, Table, Term, r_bar
from mixexp.theory.voronoi.translations import DistancePowers, Minimum, weighted_median

Terms = Sequence[tuple[Term, ...]]
"""The terms of every cell; none for an empty cell."""


def cell_terms(
    partition: Partition,
    table: Table,
    exponents: Mapping[int, float] | None = None,
    optional: tuple[str, ...] = (),
) -> Terms:
    """The terms of a table in every cell, without optional blocks that the measures lack.

    Raises
    ------
    ValueError
        If ``exponents`` lacks the size of a cell, or holds one below 1 or not finite.
    """
    absent = set(optional) - set(partition.truth.atoms)
    return [
        _without(table(cell), absent) if cell.size else ()
        for cell in true_cells(partition, exponents)
    ]


def true_cells(partition: Partition, exponents: Mapping[int, float] | None = None) -> list[Cell]:
    """The cells as a table sees them; r-bar from ``exponents`` where given."""
    sizes = partition.size.tolist()
    if exponents is None:
        # No table is asked about an empty cell.
        order = {size: r_bar(max(size, 1)) for size in sizes}
    else:
        given = checked_exponents(exponents)
        if absent := {size for size in sizes if size > 1} - set(given):
            raise ValueError(f"r_bar has no exponent for cells of size {sorted(absent)}; add them")
        order = {size: given.get(size, 1.0) for size in sizes}
    return [
        Cell(size, order[size], {name: block[j] for name, block in partition.truth.atoms.items()})
        for j, size in enumerate(sizes)
    ]


def _without(terms: tuple[Term, ...], absent: set[str]) -> tuple[Term, ...]:
    kept = [
        term._replace(blocks=tuple(name for name in term.blocks if name not in absent))
        for term in terms
    ]
    return tuple(term for term in kept if term.blocks)


def term_value(partition: Partition, cell: int, term: Term) -> float:
    r"""What a term adds to a loss: :math:`\sum_{i\in A_j}w_i\|\Delta_{ij}B\|^r`, or as it says."""
    weight, norms = errors(partition, cell, term)
    return float(weight @ np.sum(norms**term.power, axis=1))


def errors(partition: Partition, cell: int, term: Term) -> tuple[np.ndarray, np.ndarray]:
    """Weights (m,) and norms (m, L) of the errors behind a term.

    There are m = 1 rows for the mean of a cell and one for each of its atoms otherwise; L norms for
    ``each``, and 1 otherwise.
    """
    weight, difference = _rows(partition, cell, term)
    parts = [
        block.reshape(len(weight), *_leading(partition, name, term.each), -1)
        for name, block in difference.items()
    ]
    if len({part.shape[1] for part in parts}) > 1:
        raise ValueError(f"the blocks {term.blocks} have unequal numbers of leading indices; "
                         "give each its own term")  # fmt: skip
    return weight, np.linalg.norm(np.concatenate(parts, axis=2), axis=2)


def _leading(partition: Partition, name: str, each: bool) -> tuple[int, ...]:
    shape = partition.truth[name].shape[1:]
    return shape[:1] if each and shape else (1,)


def _rows(partition: Partition, cell: int, term: Term) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Weights (m,) and flat errors (m, width) of the blocks of a term."""
    atoms = np.flatnonzero(partition.label == cell)
    weight = partition.fitted.weight[atoms]
    difference = {name: partition.difference[name][atoms] for name in term.blocks}
    if not term.of_mean:
        return weight, difference
    share = weight / weight.sum()
    return weight.sum(keepdims=True), {n: (share @ rows)[None] for n, rows in difference.items()}


def optimal_scale(partition: Partition) -> float:
    r"""The :math:`s=e^{t_1}` that minimises :math:`\sum_j|W_j-s\,w_j^*|`: a weighted median."""
    weight = partition.truth.weight
    return weighted_median(partition.mass / weight, weight)


def optimal_slope(partition: Partition, terms: Terms) -> Minimum:
    """The t2 that minimises the terms with the gate in them; cells without terms do not count.

    Raises
    ------
    ValueError
        If the gate has a power below 1, or a norm for each of its coordinates.
    """
    centre, offset, weight, power = [], [], [], []
    for cell, many in enumerate(terms):
        for term in (t for t in many if GATE in t.blocks):
            _check_convex(term)
            w, difference = _rows(partition, cell, term)
            others = [np.zeros((len(w), 1)), *(difference[b] for b in term.blocks if b != GATE)]
            centre.append(difference[GATE])
            offset.append(np.linalg.norm(np.hstack(others), axis=1))
            weight.append(w)
            power.append(np.full(len(w), term.power))
    joined = [np.concatenate(parts) for parts in (centre, offset, weight, power)]
    return DistancePowers(*joined).minimise()


def _check_convex(term: Term) -> None:
    if term.each or term.power < 1:
        raise ValueError(
            f"{term} cannot be aligned over translations of the gate; give {GATE} one norm and a "
            "power of 1 or more (r_bar of 2 or more)"
        )
