"""Exact invariances as claims that can be checked: other parameters of the same law."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from mixexp.models.coordinates import Sharing
from mixexp.models.law import Law
from mixexp.models.measure import MixingMeasure
from mixexp.models.mixture import MixtureOfExperts

Array = NDArray[np.float64]

# Blocks of atoms that differ by less than this, relative to their size, are equal.
_EQUAL = 1e-9


@dataclass(frozen=True)
class Setting:
    """What an invariance is looked for in.

    Attributes
    ----------
    law : Law
    x : array (n, n_columns)
        Rows of the design.
    k_true : int
        Number of experts of the law that is to be estimated; the model may have more.
    strength : float
        How far the proposed parameters are from those at hand, in units of one.
    """

    law: Law
    x: Array
    k_true: int
    strength: float = 0.7

    @cached_property
    def truth(self) -> Law:
        """A law with ``k_true`` experts that the model can be: nearest atoms made one."""
        return reduced(self.law, self.k_true)

    @property
    def n_extra(self) -> int:
        """Experts beyond the true number."""
        return self.law.model.n_experts - self.k_true

    @cached_property
    def gate_sizes(self) -> Array:
        """Root mean squares of the features that the gate's slopes multiply, (d_gate,)."""
        return _sizes(self.law.model, self.x, of_gate=True)

    @cached_property
    def expert_sizes(self) -> Array:
        """The same for the experts' slopes."""
        return _sizes(self.law.model, self.x, of_gate=False)


@dataclass(frozen=True)
class Claim:
    """That ``measure`` of ``model`` is the law ``law``, with other parameters.

    ``detail`` says about which experts the claim is, ``evidence`` holds its numbers.
    """

    law: Law
    model: MixtureOfExperts
    measure: MixingMeasure
    detail: str = ""
    evidence: dict[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Invariance:
    """An exact invariance: a way to other parameters with the same conditional density.

    Attributes
    ----------
    key : str
        Short name, such as ``"common-factor"``.
    statement : str
        What is not identified, and when, in one sentence.
    remedy : str
        What to do about it.
    reference : str
        Where it comes from.
    partners : callable
        From a :class:`Setting` to claims. They may be too bold: :func:`verify` decides.
    severity : str
        ``"not identified"``, or ``"note"`` if nothing is lost.
    said_by_fit : bool
        Whether the findings of a fit tell it already, in ``Gate.findings`` or ``fit_findings``.
    """

    key: str
    statement: str
    remedy: str
    reference: str
    partners: Callable[[Setting], Iterator[Claim]]
    severity: str = "not identified"
    said_by_fit: bool = False


def reduced(law: Law, n_atoms: int) -> Law:
    """The law with the nearest atoms made one until ``n_atoms`` are left.

    An atom that absorbs another keeps its parameters and takes the weight, so equal atoms merge
    without a change of the law. The last atom is never absorbed: it may be the gate's reference.
    """
    measure = law.measure
    if n_atoms >= measure.n_atoms:
        return law
    table = _table(measure, tuple(measure.atoms))
    weight, kept = measure.weight.copy(), list(range(measure.n_atoms))
    while len(kept) > n_atoms:
        pairs = [(i, j) for n, i in enumerate(kept) for j in kept[n + 1 :]]
        i, j = min(pairs, key=lambda pair: float(np.sum((table[pair[0]] - table[pair[1]]) ** 2)))
        weight[j] += weight[i]
        kept.remove(i)
    smaller = MixingMeasure(weight[kept], measure.take(kept).atoms)
    model = law.with_experts(n_atoms)
    return Law(model, model.from_measure(smaller))


def n_distinct(law: Law) -> int:
    """Number of atoms that differ from each other."""
    table = _table(law.measure, tuple(law.measure.atoms))
    return len(table) - sum(
        any(np.abs(table[i] - table[j]).max(initial=0.0) <= _EQUAL for j in range(i))
        for i in range(len(table))
    )


def equal_experts(measure: MixingMeasure) -> Iterator[tuple[int, int]]:
    """Pairs of atoms whose experts are equal."""
    table = _table(measure, measure.expert_blocks)
    for i in range(len(table)):
        for j in range(i + 1, len(table)):
            if np.abs(table[i] - table[j]).max(initial=0.0) <= _EQUAL:
                yield i, j


def changed(measure: MixingMeasure, weight: Array | None = None, **blocks: Array) -> MixingMeasure:
    """The measure with other weights or blocks."""
    weight = measure.weight if weight is None else weight
    # As in Gate.atoms: a weight may fall below the smallest number.
    weight = np.maximum(weight / weight.sum(), np.finfo(float).tiny)
    return MixingMeasure(weight, {**measure.atoms, **blocks}).normalized()


def temperature(measure: MixingMeasure) -> float:
    """The τ that divides the gate's logits, 1 if there is none."""
    return float(measure.atoms.get("gate_temperature", np.ones(1)).ravel()[0])


def are_labels(claim: Claim) -> bool:
    """Whether the claim says no more than a relabelling, or a translation of a softmax gate."""
    first, second = claim.law.measure, claim.measure.normalized()
    # Claims about a smaller law are claims about one with copies of its atoms.
    if first.n_atoms != second.n_atoms or claim.model.gate != claim.law.model.gate:
        return False
    pinned = any(c.sharing is Sharing.PINNED for c in claim.model.layout.gate)
    tables = []
    for measure in (first, second):
        if not pinned and "gate_coef" in measure.atoms:
            middle = measure["gate_coef"].mean(axis=0)
            measure = measure.translate(0.0, -middle)
        flat = measure.flat(tuple(measure.atoms))
        tables.append(np.column_stack([np.log(measure.weight), flat]))
    cost = np.sum((tables[0][:, None] - tables[1][None]) ** 2, axis=-1)
    difference = tables[0] - tables[1][linear_sum_assignment(cost)[1]]
    return bool(np.abs(difference).max() <= _EQUAL * (1.0 + np.abs(tables[0]).max()))


def _table(measure: MixingMeasure, names: tuple[str, ...]) -> Array:
    """Blocks side by side, each column in units of its largest entry."""
    flat = measure.flat(names)
    size = np.abs(flat).max(axis=0, initial=0.0)
    return np.asarray(flat / np.where(size > 0.0, size, 1.0))


def _sizes(model: MixtureOfExperts, x: Array, *, of_gate: bool) -> Array:
    coordinates = model.layout.gate if of_gate else model.layout.expert
    bases = [c.basis for c in coordinates if c.basis.slopes.any()]
    if not bases:
        return np.ones(0)
    z = np.ascontiguousarray(x.T)
    phi = bases[0].expand(z, np.empty((bases[0].n_terms, z.shape[1])))[bases[0].slopes]
    size = np.sqrt(np.mean(phi**2, axis=1))
    return np.where(size > 0.0, size, 1.0)
