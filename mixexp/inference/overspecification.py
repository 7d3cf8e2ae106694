"""Whether a fit has more experts than the data ask for, where normal theory does not hold."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from mixexp.estimation.box import Box
from mixexp.estimation.objective import Objective
from mixexp.estimation.solvers.multistart import Search
from mixexp.estimation.start import Start
from mixexp.inference.alignment import has_pinned_reference
from mixexp.inference.fitted import Fitted
from mixexp.inference.parts import on_part
from mixexp.models.gates import Softmax
from mixexp.models.layout import Layout
from mixexp.models.measure import MixingMeasure
from mixexp.models.mixture import MixtureOfExperts

Array = NDArray[np.float64]

# Pairs of experts whose merger is climbed from: all of them up to four experts.
_CLIMBED = 6
# A climb stops when this much is left to gain, nats.
_TOL, _MAX_ITER = 1e-4, 200


@dataclass(frozen=True)
class Overspecification:
    """Two experts that one could stand in for.

    Attributes
    ----------
    found : bool
    pair : tuple of int
        The two experts; empty if none were looked for.
    difference : float
        BIC of the best fit with one expert less minus that of the fit; infinite if none was made.
    """

    found: bool = False
    pair: tuple[int, ...] = ()
    difference: float = np.inf

    @property
    def message(self) -> str:
        """What is withheld and why."""
        a, b = self.pair
        return (
            f"experts {a} and {b} may be one: with them merged BIC is lower by "
            f"{-self.difference:.2f}, and estimates of experts that do not exist have no normal "
            "law (test_n_experts() tests their number)"
        )

    def entries(self, layout: Layout) -> NDArray[np.bool_]:
        """The entries of θ that belong to one of the two, their shares of the gate included."""
        mine = np.isin(layout.expert_of, self.pair)
        if layout.n_experts - 1 in self.pair:
            # What the gate says is said relative to the last expert.
            mine[: layout.n_gate] |= layout.expert_of[: layout.n_gate] >= 0
        return mine


def overspecification(fitted: Fitted, n_obs: float | None = None) -> Overspecification:
    r"""Compare a fit with those of one expert less that its own mergers lead to.

    Each pair of experts is replaced by its barycentre, and EM and Newton climb from there on the
    data of the fit; of more than four experts from the six mergers of highest likelihood. If
    :math:`\mathrm{BIC}_{K-1}\le\mathrm{BIC}_K`, the data do not ask for both of the two experts
    whose rows one expert has in the smaller fit. A law with fewer experts than the model is a point
    where the information is singular and estimates converge slower than :math:`n^{-1/2}`; its
    sample version is nearly always regular and shows nothing of this.

    Parameters
    ----------
    fitted : Fitted
        With a certificate; its cost is about that of as many starts as climbs are made.
    n_obs : float, optional
        Number of observations in the criterion; the total weight by default.

    References
    ----------
    McLachlan & Peel (2000), Finite Mixture Models, section 6.4.
    """
    model = fitted.model
    k = model.n_experts
    if k < 2:
        return Overspecification()
    smaller = _one_less(model)
    objective = Objective(
        smaller, fitted.objective.data, fitted.objective.penalty.rebuild(smaller.layout),
        fitted.objective.n_threads,
    )  # fmt: skip
    search = Search(
        objective, _box(fitted, smaller.layout), tol=_TOL, max_iter=_MAX_ITER, search=False
    )
    best, at = -np.inf, None
    for theta in _mergers(fitted, smaller, objective, search.box):
        optimum = search.run(Start(theta, "merged"))
        # A spike of an expert on its floor says nothing about the number of experts.
        loglik = optimum.value + objective.penalty.value(optimum.theta)
        if not optimum.on_floor and loglik > best:
            best, at = loglik, optimum.theta
    if at is None:
        return Overspecification()
    n = fitted.total_weight if n_obs is None else n_obs
    drop = fitted.loglik + fitted.objective.data.log_scale - best
    # Weights that do not count observations are brought to a mean of one.
    drop *= n / fitted.total_weight
    difference = 2.0 * drop - (_n_free(model.layout) - _n_free(smaller.layout)) * float(np.log(n))
    return Overspecification(bool(difference <= 0.0), _pair(fitted, objective, at), difference)


def _pair(fitted: Fitted, objective: Objective, theta: Array) -> tuple[int, int]:
    """The two experts that are one in a fit with one less.

    Climbs from several mergers end in one optimum, so where a climb began does not tell: it is the
    two that share their rows there.
    """
    k = fitted.model.n_experts
    single: Array = np.zeros((k, k - 1))
    both = {pair: np.zeros(k - 1) for pair in combinations(range(k), 2)}
    for part in fitted.objective.data.parts():
        ours = on_part(fitted.objective, part).responsibilities(fitted.theta)
        theirs = np.sqrt(on_part(objective, part).responsibilities(theta))
        if part.weight is not None:
            theirs *= part.weight[:, None]
        single += np.sqrt(ours).T @ theirs
        for a, b in both:
            both[a, b] += np.sqrt(ours[:, a] + ours[:, b]) @ theirs
    affinity = {}
    for a, b in both:
        table = np.vstack([np.delete(single, (a, b), axis=0), both[a, b]])
        affinity[a, b] = table[linear_sum_assignment(table, maximize=True)].sum()
    return max(affinity, key=lambda pair: affinity[pair])


def _one_less(model: MixtureOfExperts) -> MixtureOfExperts:
    k = model.n_experts - 1
    # Every gate of a single expert is the same one.
    gate = Softmax() if k == 1 else model.gate.for_experts(k)
    return replace(model, gate=gate, n_experts=k)


def _n_free(layout: Layout) -> int:
    return layout.n_free if layout.n_experts > 1 else layout.n_free - layout.n_gate


def _box(fitted: Fitted, layout: Layout) -> Box:
    """The bounds of the fit, kind by kind."""
    kinds = {c.box: fitted.model.layout.entries(c.box) for c in fitted.model.layout.coordinates}
    lower, upper = (
        layout.fill({kind: float(of[where].mean()) for kind, where in kinds.items() if where.any()})
        for of in (fitted.box.lower, fitted.box.upper)
    )
    return Box(lower, upper)


def _mergers(
    fitted: Fitted, smaller: MixtureOfExperts, objective: Objective, box: Box
) -> list[Array]:
    """Where mergers of two experts lie among the parameters with one less, the highest first."""
    model, k = fitted.model, fitted.model.n_experts
    measure = model.measure(model.to_params(model.layout.coefficients(fitted.theta)))
    found = []
    for a, b in combinations(range(k), 2):
        groups = [[i] for i in range(k) if i not in (a, b)]
        # A reference whose scores are fixed stays the last expert.
        groups.insert(len(groups) if b == k - 1 else 0, [a, b])
        merged = measure.merge(groups)
        theta = box.project(_theta(smaller, merged))
        found.append((objective.evaluate(theta).value, theta))
    found.sort(key=lambda one: one[0], reverse=True)
    return [theta for _, theta in found[:_CLIMBED]]


def _theta(model: MixtureOfExperts, measure: MixingMeasure) -> Array:
    layout = model.layout
    if model.n_experts > 1:
        if has_pinned_reference(layout):
            coef = measure["gate_coef"].copy()
            coef[-1] = 0.0
            measure = MixingMeasure(measure.weight, {**measure.atoms, "gate_coef": coef})
        return layout.vector(model.coefficients(model.from_measure(measure)))
    expert = model.expert.from_params(model.expert.from_atoms(measure.atoms))
    gate = layout.coefficients(np.zeros(layout.n_free))[: len(layout.gate)]
    return layout.vector([*gate, *expert])
