"""Conditional laws p(y | x): the problem of every gate that does not model x."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mixexp.estimation.blocks import single_threaded_blas
from mixexp.estimation.box import Bounds
from mixexp.estimation.fit import Fit, Options, fit
from mixexp.estimation.solvers.multistart import Optimum
from mixexp.models import Law, MixingMeasure, MixtureOfExperts, MixtureParams
from mixexp.models.gates import Gate
from mixexp.simulation.claims.arms import Arm, LiteratureEM, NearTruth, Unfitted
from mixexp.simulation.claims.problem import Outcome, Problem
from mixexp.simulation.claims.problems.literature import em
from mixexp.simulation.claims.problems.near_truth import near_truth
from mixexp.simulation.study import Scalar
from mixexp.theory.divergences.divergence import divergence
from mixexp.theory.truths.truth import Truth

Array = NDArray[np.float64]

# Starts for k* experts, whose likelihood only says what the superfluous ones gain.
_EXACT_STARTS = 4


@dataclass(frozen=True)
class Conditional(Problem):
    """A truth p(y | x) with x uniform, and a model of k experts fitted to it on a compact Θ.

    Parameters
    ----------
    truth : Truth
    k : int
        Number of experts fitted.
    bounds : Bounds
        Θ, in the units of the data: nothing is standardised. The estimator is the highest optimum
        in Θ, on a bound or not.
    gate : Gate, optional
        Gate of the fitted model where it is not that of the truth.
    """

    truth: Truth
    k: int
    bounds: Bounds
    gate: Gate | None = None

    def __repr__(self) -> str:
        measure = {key: block.tolist() for key, block in self.truth.measure.atoms.items()}
        return (
            f"Conditional({self.truth.name}, {self.truth.model.gate!r}, "
            f"{self.truth.model.expert!r}, weight={self.truth.measure.weight.tolist()}, {measure}, "
            f"x in [{self.truth.lower}, {self.truth.upper}], k={self.k}, {self.bounds}, "
            f"gate={self.gate!r})"
        )

    @property
    def truth_measure(self) -> MixingMeasure:
        return self.truth.measure

    @property
    def n_experts(self) -> int:
        return self.k

    @property
    def model(self) -> MixtureOfExperts:
        """The fitted model."""
        true = self.truth.model
        gate = true.gate.for_experts(self.k) if self.gate is None else self.gate
        return MixtureOfExperts(gate, true.expert, self.k, true.n_columns)

    def sample(self, n: int, rng: np.random.Generator) -> tuple[Array, Array]:
        return self.truth.sample(n, rng)

    def loglik_of_truth(self, x: Array, y: Array) -> float:
        return float(self.truth.model.log_prob(self.truth.params, x, y).sum())

    def loglik_of_exact(self, x: Array, y: Array, seed: int) -> float | None:
        if self.k <= self.truth.model.n_experts:
            return None
        # From the truth as well: what superfluous experts gain must not be an optimum missed here.
        truth = [self.truth.params]
        options = self._options(_EXACT_STARTS, seed)
        found = fit(self.truth.model, x, y, options=options, given=truth)
        return found.loglik(best_in_theta(found))

    def hellinger(self, measure: MixingMeasure, n_points: int) -> float:
        law = Law(self.model, self.model.from_measure(measure))
        return divergence(law, self.truth, self.truth.design(n_points)).hellinger

    @single_threaded_blas()
    def fit(self, arm: Arm, x: Array, y: Array, seed: int) -> Outcome:
        if isinstance(arm, Unfitted | NearTruth | LiteratureEM):
            starts = self._near_starts(arm.n_starts, len(x), seed)
        if isinstance(arm, Unfitted):
            loglik = float(self.model.log_prob(starts[0], x, y).sum())
            return Outcome(self.model.measure(starts[0]), loglik, {})
        if isinstance(arm, LiteratureEM):
            return em(self.model, self.bounds, starts, x, y, arm)
        given = starts if isinstance(arm, NearTruth) else []
        options = self._options(arm.n_starts, seed)
        found = fit(self.model, x, y, options=options, given=given)
        best = best_in_theta(found)
        params = found.params(best)
        return Outcome(self.model.measure(params), found.loglik(best), about(found, best))

    def _near_starts(self, number: int, n: int, seed: int) -> list[MixtureParams]:
        rng = np.random.default_rng([seed, 2])
        measures = (near_truth(self.truth_measure, self.k, n, rng) for _ in range(number))
        return [self.model.from_measure(measure) for measure in measures]

    def _options(self, n_init: int, seed: int) -> Options:
        return Options(
            n_init=n_init, bounds=self.bounds, min_share=0.0, standardize=False, seed=seed
        )


def best_in_theta(found: Fit) -> Optimum:
    """The highest optimum, on a bound or not: Θ is declared."""
    return max(found.optima, key=lambda optimum: optimum.value)


def about(found: Fit, best: Optimum) -> dict[str, Scalar]:
    """What a fit says about itself, as columns."""
    certificate = best.certificate
    said: dict[str, Scalar] = {
        "certified": best.certified,
        "at_bound": certificate is not None and bool(certificate.active_bounds),
        "n_optima": len(found.optima),
        "n_hits": best.n_hits,
        "n_iter": best.solution.n_iter,
        "kind": best.kind,
    }
    if certificate is not None:
        said |= {"remaining_gain": certificate.remaining_gain, "n_starts": certificate.n_starts}
    return said
