"""One reported parameter given, the others free: coordinates in which that is a bound."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mixexp.estimation.box import Box
from mixexp.estimation.objective import Evaluation, Objective
from mixexp.estimation.pieces import FixedRegions, pieces_of, rigid_basis
from mixexp.estimation.solvers import Reason
from mixexp.estimation.solvers.newton import Newton
from mixexp.inference.fitted import Fitted

Array = NDArray[np.float64]

# Parts of a row of the Jacobian below this are rounding.
_NOTHING = 1e-10
# Length of a step, in θ, after which a parameter that is affine is where its derivative says.
_FAR = 3.0
_SAME = 1e-7
_STEPS = 200


class Constrained(NamedTuple):
    """θ of the highest likelihood at a given value, the penalised value, and if it is an optimum"""

    theta: Array
    value: float
    stationary: bool


class _Sheared:
    """An objective in coordinates φ = θ but for one, which is a linear function of all of θ."""

    def __init__(self, objective: Objective | FixedRegions, fixing: Fixing):
        self._objective, self._fixing = objective, fixing

    def evaluate(self, phi: Array, order: int = 0) -> Evaluation:
        """Value and derivatives with respect to φ."""
        shear = self._fixing.shear
        value, gradient, hessian = self._objective.evaluate(self._fixing.theta_of(phi), order)
        if gradient is not None:
            gradient = shear.T @ gradient
        if hessian is not None:
            hessian = shear.T @ hessian @ shear
            hessian = 0.5 * (hessian + hessian.T)
        return Evaluation(value, gradient, hessian)


@dataclass(frozen=True, eq=False)
class Fixing:
    r"""The constraint :math:`\psi_j=\hat\psi_j+c_pt`, for a parameter affine in θ.

    With :math:`c=\partial\psi_j/\partial\theta` and p its largest entry, the coordinates
    :math:`\varphi_q=\theta_q` (q ≠ p) and :math:`\varphi_p=c^\top(\theta-\hat\theta)/c_p+
    \hat\theta_p` make it a bound, :math:`\varphi_p=\hat\theta_p+t`, and leave the conditioning of
    the standardised columns as it is: the shear has no entry beyond one. For slopes and
    log-variances φ is θ.

    Attributes
    ----------
    fitted : Fitted
    index : int
        j.

    Raises
    ------
    ValueError
        If ψ_j is not affine in θ, or decides about pieces of the likelihood.
    """

    fitted: Fitted
    index: int

    def __post_init__(self) -> None:
        name = self.fitted.names[self.index]
        rng = np.random.default_rng(0)
        step = _FAR * rng.normal(size=self.fitted.n_free)
        there = self.fitted.user(self.fitted.theta + step)[self.index]
        ahead = self.fitted.psi[self.index] + self.row @ step
        if abs(there - ahead) > _SAME * (1.0 + abs(there) + float(np.abs(self.row) @ abs(step))):
            raise ValueError(
                f"the parameter {name!r} is not an affine function of what the solver moves, and "
                "has no profile here; use bootstrap() for an interval"
            )
        pieces, layout = pieces_of(self.fitted.objective), self.fitted.model.layout
        if pieces is not None and pieces.jumps:
            where = layout.slices[pieces.coordinate]
            if np.any(self.row[where] != 0.0):
                raise ValueError(
                    f"the likelihood jumps as {name!r} moves rows from expert to expert, and its "
                    "profile is no smooth curve; use bootstrap() for an interval"
                )

    @cached_property
    def row(self) -> Array:
        """c, without rounding."""
        row = self.fitted.jacobian[self.index].copy()
        row[np.abs(row) <= _NOTHING * np.abs(row).max()] = 0.0
        return row

    @cached_property
    def pivot(self) -> int:
        """p."""
        return int(np.argmax(np.abs(self.row)))

    @property
    def unit(self) -> float:
        """c_p: how much ψ_j changes where t changes by one."""
        return float(self.row[self.pivot])

    @cached_property
    def shear(self) -> Array:
        """∂θ/∂φ, (P, P)."""
        shear = np.eye(self.fitted.n_free)
        shear[self.pivot] = -self.row / self.unit
        shear[self.pivot, self.pivot] = 1.0
        return shear

    @property
    def range(self) -> tuple[float, float]:
        """Smallest and largest t in the box."""
        theta, box, part = self.fitted.theta, self.fitted.box, self.row / self.unit
        low, high = part * (box.lower - theta), part * (box.upper - theta)
        return float(np.minimum(low, high).sum()), float(np.maximum(low, high).sum())

    def theta_of(self, phi: Array) -> Array:
        """θ at φ."""
        return self.fitted.theta + self.shear @ (phi - self.fitted.theta)

    def phi_of(self, theta: Array) -> Array:
        """φ at θ."""
        phi = theta.copy()
        phi[self.pivot] = (
            self.fitted.theta[self.pivot] + self.row @ (theta - self.fitted.theta) / self.unit
        )
        return phi

    @cached_property
    def standard_error(self) -> float:
        """Of t, from the observed information; infinite where there is none."""
        hessian = self._objective.evaluate(self.fitted.theta, 2).hessian
        assert hessian is not None
        values, vectors = np.linalg.eigh(-hessian)
        part = vectors[self.pivot]
        kept = np.abs(part) > _NOTHING
        if np.any(values[kept] <= 0.0):
            return np.inf
        return float(np.sqrt(np.sum(part[kept] ** 2 / values[kept])))

    @cached_property
    def _objective(self) -> _Sheared:
        objective: Any = self.fitted.objective
        pieces = pieces_of(objective)
        if pieces is not None and pieces.jumps:
            objective = FixedRegions(objective, rigid_basis(objective, self.fitted.theta))
        return _Sheared(objective, self)

    def value(self, t: float, start: Array) -> float:
        """The penalised log-likelihood at t, the other coordinates as at θ = ``start``."""
        return self._objective.evaluate(self._phi_at(t, start)).value

    def scaled_gate(self, t: float, theta: Array) -> Array | None:
        """θ with all gate coefficients multiplied by the number that leads to t, if there is one.

        It makes a gate steeper and leaves its boundaries where they are.
        """
        fitted, model = self.fitted, self.fitted.model
        exponents = model.gate.homogeneity()
        if self.index >= model.layout.n_gate or exponents is None or set(exponents) != {1.0}:
            return None
        psi = fitted.user(theta)
        ratio = (fitted.psi[self.index] + self.unit * t) / (psi[self.index] or np.inf)
        if not ratio > 0.0:
            return None
        psi[: model.layout.n_gate] *= ratio
        return fitted.solver(psi)

    def _phi_at(self, t: float, start: Array) -> Array:
        box = self.fitted.box
        phi = np.clip(self.phi_of(start), box.lower, box.upper)
        phi[self.pivot] = self.fitted.theta[self.pivot] + t
        return phi

    def maximise(self, t: float, start: Array, tol: float = 1e-9) -> Constrained:
        """The highest likelihood at t, climbed from θ = ``start``."""
        phi, box = self._phi_at(t, start), self.fitted.box
        lower, upper = box.lower.copy(), box.upper.copy()
        lower[self.pivot] = upper[self.pivot] = phi[self.pivot]
        objective: Any = self._objective
        found = Newton().solve(objective, phi, Box(lower, upper), tol=tol, max_iter=_STEPS)
        theta = self.theta_of(found.theta)
        return Constrained(theta, found.value, found.reason is Reason.STATIONARY)
