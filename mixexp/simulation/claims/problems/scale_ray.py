"""Free temperatures whose scale nothing determines: fitted as they are, and ratios beside them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mixexp.estimation.blocks import single_threaded_blas
from mixexp.estimation.fit import fit
from mixexp.models import MixtureParams
from mixexp.models.gates import Temperature
from mixexp.simulation.claims.arms import Arm, Search
from mixexp.simulation.claims.measures.basic import Columns, Fitted, Measure
from mixexp.simulation.claims.problem import Outcome
from mixexp.simulation.claims.problems.conditional import Conditional, about, best_in_theta
from mixexp.theory.voronoi.engine import LossTable

Array = NDArray[np.float64]

_LOG_SPREAD = 0.5


@dataclass(frozen=True)
class OnRay(Conditional):
    """A gate of free temperature τ that is not normalised, searched from starts of random τ.

    The search is made at τ = 1. Each of its optima, times a random factor of median 1 and log
    standard deviation 1/2, is then a start of the solver that moves τ as well: (β0, β1, τ) ends
    where the start's ray leads it.
    """

    def __repr__(self) -> str:
        return f"OnRay({super().__repr__()})"

    @single_threaded_blas()
    def fit(self, arm: Arm, x: Array, y: Array, seed: int) -> Outcome:
        if not isinstance(arm, Search):
            return super().fit(arm, x, y, seed)
        options = self._options(arm.n_starts, seed)
        normal = replace(self.model, gate=Temperature(self.model.gate.base))
        rng = np.random.default_rng([seed, 3])
        searched = fit(normal, x, y, options=options)
        starts = [
            self._scaled(searched.params(optimum), np.exp(_LOG_SPREAD * rng.standard_normal()))
            for optimum in searched.optima
        ]
        found = fit(self.model, x, y, options=replace(options, n_init=len(starts)), given=starts)
        best = best_in_theta(found)
        # The second fit only polishes: it is the first that searched.
        kept = about(searched, best_in_theta(searched))
        names = ("n_starts", "n_optima", "n_hits", "kind")
        said = {**about(found, best), **{name: kept[name] for name in names if name in kept}}
        return Outcome(self.model.measure(found.params(best)), found.loglik(best), said)

    def _scaled(self, params: MixtureParams, tau: float) -> MixtureParams:
        """The same law at temperature tau, from parameters at temperature 1."""
        *gate, _ = self.model.gate.from_params(params.gate)
        gate = [tau * table for table in gate] + [np.full((1, 1), np.log(tau))]
        return MixtureParams(self.model.gate.to_params(gate), params.expert)


@dataclass(frozen=True)
class Ratios(Measure):
    r"""Errors of (β0, β1, τ) as they are, and of β0/τ and β1/τ, which the density determines.

    Columns ``raw_gate_coef``, ``raw_gate_intercept``, ``raw_temperature``, ``ratio_gate_coef`` and
    ``ratio_gate_intercept``: the largest over atoms of the norm of the error, gates taken
    relative to that of the true reference's cell. None of them unless every cell has one atom.

    Parameters
    ----------
    loss : LossTable
        Its cells are used.

    Examples
    --------
    Ten times (β0, β1, τ) is the same law.

    >>> from mixexp.models import MixingMeasure
    >>> from mixexp.theory.losses import softmax_gaussian, temperature_gaussian
    >>> from mixexp.theory.truths.named import TRUTHS
    >>> truth = TRUTHS["temperature"].measure
    >>> scaled = {name: 10.0 * truth[name] for name in ("gate_coef", "gate_temperature")}
    >>> moved = MixingMeasure(truth.weight, {**truth.atoms, **scaled})
    >>> found = Ratios(temperature_gaussian.d(1.0))(Fitted(moved, truth, None, np.zeros((1, 1))))
    >>> print({name: round(error, 3) for name, error in found.items()})
    {'raw_gate_coef': 18.0, 'raw_gate_intercept': 2.7, 'raw_temperature': 4.5, 'ratio_gate_coef': 0.0, 'ratio_gate_intercept': 0.0}
    """  # noqa: E501

    loss: LossTable

    def __call__(self, fitted: Fitted) -> Columns:
        cells = self.loss(fitted.measure, fitted.truth).cells
        if any(len(cell) != 1 for cell in cells):
            return {}
        found = _relative(fitted.measure, np.concatenate(cells))
        true = _relative(fitted.truth, np.arange(fitted.truth.n_atoms))
        return {
            name: float(np.linalg.norm(found[name] - true[name], axis=-1).max()) for name in true
        }


def _relative(measure, atoms):  # type: ignore[no-untyped-def]
    """Rows (K, ...) relative to the last of `atoms`, raw and divided by τ."""
    tau = measure["gate_temperature"][atoms][:, None]
    slope = measure["gate_coef"][atoms]
    slope = slope - slope[-1]
    height = np.log(measure.weight[atoms])[:, None]
    height = height - height[-1]
    return {
        "raw_gate_coef": slope,
        "raw_gate_intercept": tau * height,
        "raw_temperature": tau,
        "ratio_gate_coef": slope / tau,
        "ratio_gate_intercept": height,
    }
