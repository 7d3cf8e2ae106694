"""From a start to a joint optimum: EM, then Newton with the exact observed information."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from mixexp.estimation.box import Bounds, Box
from mixexp.estimation.gllim.chart import Chart
from mixexp.estimation.gllim.data import JointData
from mixexp.estimation.gllim.em import Floors, JointEM
from mixexp.estimation.gllim.objective import JointObjective
from mixexp.estimation.gllim.repair import dead, revived
from mixexp.estimation.solvers.newton import Newton
from mixexp.models.gllim import GLLiM, GLLiMParams

Array = NDArray[np.float64]

# Free parameters P, and multiplications n P², beyond which no Hessian is formed: EM goes on alone.
NEWTON_LIMIT = 1000
_MULTIPLICATIONS = 2e10
# Steps of EM alone for each step of Newton's that a user allows.
_EM_STEPS = 10
_ROUND, _ROUNDS = 50, 20


@dataclass
class Climb:
    """Where a climb ended.

    ``n_hits`` counts the starts it stands for.

    ``value`` is the joint log-likelihood on the solver's scale, ``gain`` what is thought to be left
    (nats), ``theta`` the free coordinates where Newton ran, ``trace`` the values on the way.
    """

    params: GLLiMParams
    value: float
    gain: float
    mass: Array
    kind: str = ""
    theta: Array | None = None
    trace: list[float] = field(default_factory=list, repr=False)
    n_hits: int = 1


class Climber:
    """Climbs on one data set.

    Parameters
    ----------
    model : GLLiM
        On the scale of the data.
    data : JointData
    bounds : Bounds
    n_threads : int
    """

    def __init__(self, model: GLLiM, data: JointData, bounds: Bounds, n_threads: int = 1):
        floor = bounds.scale[0] ** 2
        self.em = JointEM(model, data, Floors(floor, floor), n_threads)
        self.model, self.data, self.bounds = model, data, bounds
        self.chart = None if model.n_latent or model.n_parameters > NEWTON_LIMIT else Chart(model)
        self.objective: JointObjective | None = None
        if self.chart is not None and _affordable(self.chart.n_free, data):
            self.objective = JointObjective(self.chart, data, n_threads)

    @property
    def box(self) -> Box:
        """The parameter space in the coordinates of the chart."""
        assert self.chart is not None
        return self.chart.box(self.bounds)

    def thin(self, mass: Array, min_share: float) -> NDArray[np.bool_]:
        """Experts with a smaller share, or fewer rows, than coefficients need."""
        total, n = self.data.total_weight, self.data.n_rows
        # With fewer rows than coefficients an expert interpolates.
        enough = (self.model.basis.n_terms + 1) * total / n
        return (mass < min_share * total) | (mass < enough)

    def on_floor(self, params: GLLiMParams) -> NDArray[np.bool_]:
        """Experts with a direction whose variance lies on its floor."""
        floors = self.em.floors
        gate = params.gate_covariance.eigenvalues().min(axis=1)
        expert = params.covariance.eigenvalues().min(axis=1)
        return (gate <= floors.gate * (1.0 + 1e-6)) | (expert <= floors.expert * (1.0 + 1e-6))

    def admissible(self, climb: Climb, min_share: float) -> bool:
        """Whether no expert is thin or on a floor."""
        return not (self.thin(climb.mass, min_share).any() or self.on_floor(climb.params).any())

    def em_steps(
        self,
        params: GLLiMParams,
        n_steps: int,
        tol: float,
        kind: str = "",
        ahead: float = -np.inf,
    ) -> Climb:
        """EM until what is left, extrapolated geometrically, is at most ``tol`` nats.

        Given up where many times the gain of the last steps would not reach the value ``ahead``.
        """
        trace: list[float] = []
        gain = np.inf
        for step in range(n_steps + 1):
            s = self.em.statistics(params)
            if not np.isfinite(s.value):
                return Climb(params, -np.inf, np.inf, s.mass, kind, None, trace)
            trace.append(s.value)
            gain = _remaining(trace)
            if gain <= tol or step == n_steps or _is_behind(trace, ahead):
                break
            params = self.em.m_step(params, s)
        return Climb(params, trace[-1], gain, s.mass, kind, None, trace)

    def run(
        self, start: Climb, tol: float, max_iter: int, n_em: int, ahead: float = -np.inf
    ) -> Climb:
        """EM, then Newton where the Hessian can be formed, and only EM where it cannot."""
        if self.objective is None:
            return self.em_steps(start.params, _EM_STEPS * max_iter, tol, start.kind, ahead)
        warm = self.em_steps(start.params, n_em, tol, start.kind)
        if np.isfinite(warm.value) and dead(self.em, warm.mass).any():
            params = revived(self.em, warm.params, warm.mass)
            warm = self.em_steps(params, n_em, tol, f"{start.kind}, dead experts revived")
        if not np.isfinite(warm.value):
            return warm
        return self.newton(warm, tol, max_iter)

    def newton(self, warm: Climb, tol: float, max_iter: int) -> Climb:
        """Newton from where EM got to; EM's point if that turns out to be better."""
        assert self.chart is not None and self.objective is not None
        solution = Newton().solve(
            self.objective,  # type: ignore[arg-type]
            self.chart.theta(warm.params), self.box, tol=tol, max_iter=max_iter,
        )  # fmt: skip
        trace = warm.trace + solution.trace
        rounding = 1e-12 * (1.0 + abs(warm.value)) if np.isfinite(warm.value) else 0.0
        if not solution.value >= warm.value - rounding:
            return warm
        params = self.chart.params(solution.theta)
        mass = self.em.statistics(params).mass
        gain = tol if solution.reason.name == "STATIONARY" else np.inf
        return Climb(params, solution.value, gain, mass, warm.kind, solution.theta, trace)


def _is_behind(trace: list[float], ahead: float) -> bool:
    """Whether the gain of the last round, made many times more, leaves a climb behind another."""
    if len(trace) <= _ROUND or len(trace) % _ROUND:
        return False
    return trace[-1] + _ROUNDS * (trace[-1] - trace[-1 - _ROUND]) < ahead


def _affordable(n_free: int, data: JointData) -> bool:
    """Whether a Hessian can be formed, and means more than that parameters outnumber the data."""
    numbers = data.n_rows * (len(data.u) + len(data.v))
    multiplications = n_free**2 * data.n_rows
    return n_free <= min(NEWTON_LIMIT, numbers) and multiplications <= _MULTIPLICATIONS


def _remaining(trace: list[float]) -> float:
    """Gain that is left if EM's increments go on falling at their present rate (Aitken), nats."""
    if len(trace) < 3:
        return np.inf
    before, now = trace[-2] - trace[-3], trace[-1] - trace[-2]
    rounding = 1e-13 * (1.0 + abs(trace[-1]))
    if abs(now) <= rounding:
        return 0.0
    if now >= before or before <= 0.0:
        return np.inf
    return float(now * now / (before - now))
