"""Joint laws p(x, y) of Gaussian-gated experts: the problem of a gate that models x."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from mixexp.estimation.blocks import single_threaded_blas
from mixexp.estimation.box import Bounds
from mixexp.estimation.gllim.fit import JointFit, JointOptimum, JointOptions, fit_joint
from mixexp.models import MixingMeasure
from mixexp.models.covariances import Covariance, Full
from mixexp.models.gllim import GLLiM, GLLiMParams
from mixexp.models.gllim.density import log_joint
from mixexp.simulation.claims.arms import Arm, LiteratureEM, NearTruth, Unfitted
from mixexp.simulation.claims.problem import Outcome, Problem
from mixexp.simulation.claims.problems.joint_literature import joint_em
from mixexp.simulation.claims.problems.near_joint import near_joint
from mixexp.simulation.study import Scalar
from mixexp.theory.divergences.monte_carlo import (
    LogDensityOfSample,
    Sampler,
    sampled_divergence,
)
from mixexp.theory.exponents.estimate import LocalExponents
from mixexp.theory.exponents.joint import JOINT_BLOCKS, joint_exponents
from mixexp.theory.truths.joint import sample_joint

Array = NDArray[np.float64]

# Starts for fewer experts, whose optimum is split, or says what superfluous experts gain.
_NARROW_STARTS = 4
# Steps of EM before Newton's; more were not found to lead to other optima.
_EM_STEPS = 20
# One sample for all fits: differences between them owe nothing to it.
_HELLINGER_SEED = 0


@dataclass(frozen=True)
class Joint(Problem):
    """A truth p(x, y) of Gaussian-gated Gaussian experts, and k experts fitted on a compact Θ.

    Parameters
    ----------
    truth : MixingMeasure
        Blocks ``gate_mean``, ``gate_covariance``, ``coef``, ``intercept`` and ``variance``; weights
        are probabilities.
    k : int
        Number of experts fitted.
    bounds : Bounds
        Θ, in the units of the data: nothing is standardised, so Θ does not depend on the sample.
        ``gate`` bounds log-ratios of weights, ``expert`` centres, slopes and intercepts, ``scale``
        the standard deviations of the response and of each covariate given the earlier ones. The
        estimator is the highest optimum in Θ, on a bound or not.
    gate_covariance : Covariance
        Structure of the fitted Γ.
    name : str
        Name of the truth.
    """

    truth: MixingMeasure
    k: int
    bounds: Bounds
    gate_covariance: Covariance = field(default_factory=Full)
    name: str = ""

    def __repr__(self) -> str:
        atoms = {key: block.tolist() for key, block in self.truth.atoms.items()}
        return (
            f"Joint({self.name}, weight={self.truth.weight.tolist()}, {atoms}, k={self.k}, "
            f"{self.bounds}, gate_covariance={self.gate_covariance!r})"
        )

    @property
    def truth_measure(self) -> MixingMeasure:
        return self.truth

    @property
    def n_experts(self) -> int:
        return self.k

    @property
    def model(self) -> GLLiM:
        """The fitted model."""
        return GLLiM(self.k, self.truth["gate_mean"].shape[1], 1, self.gate_covariance)

    def sample(self, n: int, rng: np.random.Generator) -> tuple[Array, Array]:
        return sample_joint(self.truth, n, rng)

    def loglik_of_truth(self, x: Array, y: Array) -> float:
        return float(self._log_density(self.truth, x, y).sum())

    @single_threaded_blas()
    def loglik_of_exact(self, x: Array, y: Array, seed: int) -> float | None:
        if self.k <= self.truth.n_atoms:
            return None
        model = replace(self.model, n_experts=self.truth.n_atoms)
        found = fit_joint(model, x, y[:, None], options=self._options(_NARROW_STARTS, seed))
        return best_in_theta(found).value

    def hellinger(self, measure: MixingMeasure, n_points: int) -> float:
        """Hellinger distance of the joint laws, from ``n_points`` draws, half of each law."""

        def law(of: MixingMeasure) -> tuple[LogDensityOfSample, Sampler]:
            return lambda z: self._log_density(of, *z), lambda n, rng: sample_joint(of, n, rng)

        (log_p, sample_p), (log_q, sample_q) = law(self.truth), law(measure)
        rng = np.random.default_rng(_HELLINGER_SEED)
        found = sampled_divergence(log_p, log_q, sample_p, sample_q, n_points, rng)
        return found.hellinger

    @single_threaded_blas()
    def fit(self, arm: Arm, x: Array, y: Array, seed: int) -> Outcome:
        starts = self._near_starts(arm.n_starts, len(x), seed)
        if isinstance(arm, Unfitted):
            loglik = float(self._log_density(starts[0], x, y).sum())
            return Outcome(starts[0], loglik, {})
        params = [self.model.from_measure(start) for start in starts]
        if isinstance(arm, LiteratureEM):
            return joint_em(self.model, self.bounds, params, x, y, arm)
        near = isinstance(arm, NearTruth)
        given = params if near else []
        previous = None if near or self.k == 1 else self._narrower(x, y, seed)
        options = self._options(arm.n_starts, seed)
        found = fit_joint(
            self.model, x, y[:, None], options=options, given=given, previous=previous
        )
        best = best_in_theta(found)
        measure = self.model.measure(found.model.rescale(best.standard, found.data.scaling))
        return Outcome(measure, best.value, about(found, best))

    def local_exponent(self, block: str, cell: int, copies: int = 2) -> LocalExponents:
        """Exponent r of h against a distance ε of two of the copies of a true atom in a block.

        In units of x and y in which the atom's Γ and ν are 1; exponents do not depend on units.

        Raises
        ------
        ValueError
            If there are several covariates, for which the exponents are not implemented.
        """
        if self.truth["gate_mean"].shape[1] != 1:
            raise ValueError(
                f"the truth {self.name!r} has {self.truth['gate_mean'].shape[1]} covariates; local "
                "exponents of joint laws need one, take a truth with d = 1"
            )
        c, gamma, a, b, nu = (self.truth[name][cell].item() for name in JOINT_BLOCKS)
        width, spread = gamma**0.5, nu**0.5
        atom = [c / width, 1.0, a * width / spread, b / spread, 1.0]
        return joint_exponents(atom, block, copies=copies)

    def _log_density(self, measure: MixingMeasure, x: Array, y: Array) -> Array:
        model = GLLiM(measure.n_atoms, x.shape[1], 1)
        return log_joint(model, model.from_measure(measure), x.T, y[None])

    def _narrower(self, x: Array, y: Array, seed: int) -> GLLiMParams:
        """The highest fit with one expert less, on the user's scale, for separated splits."""
        model = replace(self.model, n_experts=self.k - 1)
        found = fit_joint(model, x, y[:, None], options=self._options(_NARROW_STARTS, seed))
        return model.rescale(best_in_theta(found).standard, found.data.scaling)

    def _near_starts(self, number: int, n: int, seed: int) -> list[MixingMeasure]:
        rng = np.random.default_rng([seed, 2])
        return [near_joint(self.truth, self.k, n, rng) for _ in range(number)]

    def _options(self, n_init: int, seed: int) -> JointOptions:
        return JointOptions(
            n_init=n_init, bounds=self.bounds, n_em=_EM_STEPS, standardize=False, seed=seed
        )


def best_in_theta(found: JointFit) -> JointOptimum:
    """The highest optimum, on a bound or not: Θ is declared."""
    return max(found.optima, key=lambda optimum: optimum.value)


def about(found: JointFit, best: JointOptimum) -> dict[str, Scalar]:
    """What a joint fit says about itself, as columns."""
    certificate = best.certificate
    return {
        "certified": certificate.holds,
        "at_bound": bool(certificate.active_bounds) or bool(best.on_floor),
        "n_optima": len(found.optima),
        "n_hits": best.n_hits,
        "n_iter": best.n_iter,
        "kind": best.kind,
        "remaining_gain": certificate.remaining_gain,
        "n_starts": certificate.n_starts,
    }
