r"""Hellinger distance of laws that jump across rays from the origin.

Top-K selection by scores without biases depends on the direction of x alone. A square B around the
origin is cut along the rays to its corners and along the boundaries of both laws into triangles
with ends p and q on its sides, on each of which the integrand is smooth:

.. math:: E_Xh=\frac1{|B|}\sum|p\times q|\int_0^1\!\int_0^1h\big(r(p+u(q-p))\big)\,r\,dr\,du.

Gauss-Legendre points converge geometrically, however thin the wedge between a true and a
fitted boundary. On a line the cut is at 0.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mixexp.models import Law, MixtureOfExperts
from mixexp.models.gates import TopK
from mixexp.simulation.claims.measures.angles import boundary_angles
from mixexp.simulation.claims.measures.basic import Columns, Fitted, Measure
from mixexp.simulation.claims.problems.conditional import Conditional
from mixexp.theory.divergences.divergence import divergence
from mixexp.theory.exponents.boundaries import design_between
from mixexp.theory.truths.truth import Design, uniform_design

Array = NDArray[np.float64]


def triangle_design(lower: float, upper: float, cuts: Iterable[float], n: int = 4) -> Design:
    """Points of the uniform law on a square around the origin, n by n in every triangle.

    Parameters
    ----------
    lower, upper : float
        Ends of both columns of x, lower < 0 < upper.
    cuts : iterable of float
        Angles at which integrands may jump, radians.
    n : int
        Gauss-Legendre points in u and in r.

    Raises
    ------
    ValueError
        If the origin is not inside the square.

    Examples
    --------
    >>> x, weight = triangle_design(-1.0, 1.0, [0.3])
    >>> print(weight.sum(), weight @ (x[:, 0] * x[:, 1]) ** 2)
    1.0 0.111111111111
    """
    if not lower < 0.0 < upper:
        raise ValueError(f"lower={lower}, upper={upper}: rays need the origin inside the square")
    corners = [np.arctan2(b, a) for a in (lower, upper) for b in (lower, upper)]
    angle = np.unique(np.mod(np.concatenate([list(cuts), corners]), 2.0 * np.pi))
    direction = np.column_stack([np.cos(angle), np.sin(angle)])
    with np.errstate(divide="ignore"):
        reach = np.where(direction > 0.0, upper / direction, lower / direction).min(axis=1)
    p = reach[:, None] * direction
    q = np.roll(p, -1, axis=0)
    area = np.abs(p[:, 0] * q[:, 1] - p[:, 1] * q[:, 0]) / (upper - lower) ** 2
    unit = uniform_design(0.0, 1.0, n)
    side = p[:, None] + unit.x * (q - p)[:, None]
    x = side[:, :, None] * unit.x
    weight = area[:, None, None] * unit.weight[:, None] * (unit.weight * unit.x[:, 0])
    return Design(x.reshape(-1, 2), weight.ravel())


@dataclass(frozen=True)
class RayHellinger(Measure):
    """``hellinger``, E_X h, and ``kl``, E_X KL(truth, fit) in nats a row, cut at all boundaries.

    For truths and fits of one or two covariates whose gates are top-K by the score.

    Parameters
    ----------
    n_points : int
        Gauss-Legendre points in each direction of a triangle, four times as many on a half-line.
    """

    n_points: int = 4

    def __call__(self, fitted: Fitted) -> Columns:
        problem = fitted.problem
        if not isinstance(problem, Conditional):
            raise TypeError(f"problem={problem!r} has no conditional law; use Conditional")
        truth, model = problem.truth, problem.model
        if model.n_columns == 1:
            design = design_between(truth.lower, truth.upper, [0.0], 4 * self.n_points)
        else:
            slopes = fitted.truth["gate_coef"], fitted.measure["gate_coef"]
            cuts = [
                boundary.angle
                for law, beta in zip((truth.model, model), slopes, strict=True)
                for boundary in boundary_angles(beta, _n_active(law))
            ]
            design = triangle_design(truth.lower, truth.upper, cuts, self.n_points)
        found = divergence(truth, Law(model, model.from_measure(fitted.measure)), design)
        return {"hellinger": found.hellinger, "kl": found.kl}


def _n_active(model: MixtureOfExperts) -> int:
    if not isinstance(model.gate, TopK) or not model.gate.by_score:
        raise TypeError(f"gate={model.gate!r} does not select by scores alone; use TopK(K)")
    return model.gate.n_active
