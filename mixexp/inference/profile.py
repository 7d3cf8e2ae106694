"""Intervals of single parameters from the profile of their likelihood."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2

from mixexp.estimation.pieces import pieces_of
from mixexp.estimation.solvers import solve
from mixexp.inference.fitted import Fitted
from mixexp.inference.fixing import Constrained, Fixing
from mixexp.inference.marching import HIGHER, End, March

if TYPE_CHECKING:
    from pandas import DataFrame

Array = NDArray[np.float64]

# Times that a profile is begun again from a higher optimum that it came across.
_AGAIN = 3
# Distance from a bound, in standardised units, that is none.
_ON_BOUND = 1e-9


@dataclass(frozen=True, eq=False)
class Profile:
    r"""The profile :math:`\ell_p(\psi_j)=\max_{\psi_{-j}}\ell(\psi)` and the interval it gives.

    Attributes
    ----------
    name : str
    estimate : float
        The maximiser :math:`\hat\psi_j` of the profile.
    level : float
    interval : (float, float)
        :math:`\{\psi_j: 2(\hat\ell-\ell_p(\psi_j))\le\chi^2_{1,level}\}`. Infinite on a side where
        the profile stays above the cutoff, NaN where no profile of this optimum is left.
    grid : array (m,)
        Values of the parameter, increasing.
    loglik : array (m,)
        The profile there, nats; with ridge penalties the penalised one.
    cutoff : float
        The log-likelihood at the ends of the interval.
    findings : tuple of str
        What to know about it, in words.
    """

    name: str
    estimate: float
    level: float
    interval: tuple[float, float]
    grid: Array
    loglik: Array
    cutoff: float
    findings: tuple[str, ...] = ()

    @property
    def table(self) -> DataFrame:
        r"""Columns ``value``, ``loglik`` and ``root``.

        The latter is :math:`\mathrm{sign}(\psi_j-\hat\psi_j)\sqrt{2(\hat\ell-\ell_p)}`: a straight
        line where Wald's interval is right.
        """
        from pandas import DataFrame

        top = self.cutoff + 0.5 * float(chi2.ppf(self.level, 1))
        root = np.sqrt(np.maximum(2.0 * (top - self.loglik), 0.0))
        sign = np.sign(self.grid - self.estimate)
        return DataFrame({"value": self.grid, "loglik": self.loglik, "root": sign * root})

    def __repr__(self) -> str:
        low, high = self.interval
        head = f"{self.name} = {self.estimate:.5g}, {self.level:.0%} profile likelihood interval"
        return "\n".join([f"{head} [{low:.5g}, {high:.5g}]", *self.findings])


def profile(fitted: Fitted, name: str, level: float = 0.95, *, min_share: float = 0.05) -> Profile:
    r"""Interval :math:`\{\psi_j: 2(\hat\ell-\ell_p(\psi_j))\le\chi^2_{1,level}\}` of a parameter.

    All other parameters are maximised over, by trust-region Newton with the exact Hessian, from the
    fit outwards in steps, so that the profile is that of the optimum that was fitted. It follows
    the likelihood where Wald's interval takes a parabola for it: asymmetric where the data are, and
    without an end where the data set none. It does not depend on the scale that the parameter is
    written on. Coefficients that other parameters are standardised by (intercepts) are held exactly
    as well.

    Parameters
    ----------
    fitted : Fitted
    name : str
        One of ``fitted.names``.
    level : float
    min_share : float
        Share below which an expert is thin. An optimum with such an expert, or with a scale on its
        floor, that the profile runs into is not taken for a better fit.

    Raises
    ------
    ValueError
        If there is no such parameter, ``level`` is not in (0, 1), the value of the parameter was
        given by equal bounds, or its profile is not a smooth curve (scores of a top-K gate).

    References
    ----------
    Venzon & Moolgavkar (1988), A method for computing profile-likelihood-based confidence
    intervals, Applied Statistics 37.

    Examples
    --------
    The slope of a regression line has the profile -n/2 log(1 + t²/(n - 2)), t being Student's:

    >>> from mixexp import GaussianMoE
    >>> from mixexp.inference.fitted import Fitted
    >>> x = np.linspace(0.0, 1.0, 40)[:, None]
    >>> y = 2.0 * x[:, 0] + np.cos(30.0 * x[:, 0])
    >>> moe = GaussianMoE(n_experts=1).fit(x, y)
    >>> profile(Fitted.of(moe, x, y, None), "mean[0] x0")
    mean[0] x0 = 1.7545, 95% profile likelihood interval [1.0015, 2.5075]
    """
    index = _index(fitted, name, level)
    findings: list[str] = []
    for _ in range(_AGAIN):
        fixing = Fixing(fitted, index)
        top = fitted.objective.evaluate(fitted.theta).value
        march = March(fixing, top, float(np.sqrt(chi2.ppf(level, 1))))
        march.points[0.0] = Constrained(fitted.theta, top, True)
        ends = [march.go(sign) for sign in (-1.0, 1.0)]
        better = None if march.higher is None else _climbed(fitted, march.higher, min_share)
        if better is None:
            break
        gain = better.objective.evaluate(better.theta).value - top
        findings.append(
            f"the profile came across a fit that is {gain:.3g} nats higher, and is the profile of "
            "that one: fit again with a larger n_init"
        )
        fitted = better
    return _profile(march, name, level, ends, findings)


def _index(fitted: Fitted, name: str, level: float) -> int:
    if not 0.0 < level < 1.0:
        raise ValueError(f"level={level} is not in (0, 1); use 0.95 for instance")
    if name not in fitted.names:
        raise ValueError(f"name={name!r} is not a parameter; use one of {fitted.names}")
    if fitted.names.count(name) > 1:
        raise ValueError(f"name={name!r} is that of several parameters; rename the column")
    index = fitted.names.index(name)
    if fitted.box.known[index]:
        raise ValueError(f"the value of {name!r} was given by equal bounds: it has no profile")
    return index


def _climbed(fitted: Fitted, point: Constrained, min_share: float) -> Fitted | None:
    """The fit above a point that is higher than the fit; None if it is not a regular one."""
    objective, box = fitted.objective, fitted.box
    found = solve("auto", objective, box.project(point.theta), box, n_em=0)
    scale = objective.layout.entries("scale")
    on_floor = np.any(found.theta[scale] <= box.lower[scale] + 1e-9)
    thin = objective.shares(found.theta).min() < min_share
    higher = found.value > objective.evaluate(fitted.theta).value + HIGHER
    return None if on_floor or thin or not higher else replace(fitted, theta=found.theta)


def _profile(
    march: March, name: str, level: float, ends: list[tuple[float, End]], findings: list[str]
) -> Profile:
    fixing, fitted = march.fixing, march.fixing.fitted
    estimate = float(fitted.psi[fixing.index])
    limits = [_limit(t, end, fixing.unit, estimate) for t, end in ends]
    words = [_words(t, end, fixing.unit, estimate) or _held(march, t) for t, end in ends]
    if fixing.unit < 0.0:
        limits, words = limits[::-1], words[::-1]
    t = np.array(sorted(march.points, key=lambda at: at * fixing.unit))
    values = np.array([march.points[at].value for at in t])
    scale = fitted.objective.data.log_scale
    findings += [text for text in words if text]
    return Profile(
        name, estimate, level, (limits[0], limits[1]), estimate + fixing.unit * t,
        values - scale, march.top - 0.5 * march.target**2 - scale,
        (*findings, *_about(march)),
    )  # fmt: skip


def _limit(t: float, end: End, unit: float, estimate: float) -> float:
    if end is End.FOUND:
        return estimate + unit * t
    return float(np.copysign(np.inf, unit * t)) if end is End.FLAT and t else _no_end(t, end, unit)


def _no_end(t: float, end: End, unit: float) -> float:
    return float(np.copysign(np.inf, unit * t)) if end is End.FLAT else np.nan


def _words(t: float, end: End, unit: float, estimate: float) -> str:
    side = "upper" if unit * t > 0.0 or (t == 0.0 and unit * np.copysign(1.0, t) > 0.0) else "lower"
    value = estimate + unit * t
    return {
        End.FOUND: "",
        End.FLAT: f"there is no {side} end: the profile stays above the cutoff up to the bound of "
        f"the parameter space, at {value:.4g}; the data do not rule out an infinite value",
        End.HIGHER: f"there is no {side} end: at {value:.4g} the likelihood is above that of the "
        "fit, because an expert becomes thin or a scale meets its floor",
        End.LOST: f"there is no {side} end: the profile was followed to {value:.4g} and is above "
        "the cutoff there",
    }[end]


def _held(march: March, t: float) -> str:
    """What holds an end of the interval beside the data."""
    fitted, near = march.fixing.fitted, min(march.points, key=lambda at: abs(at - t))
    lower, upper = fitted.box

    def on_bound(theta: Array) -> NDArray[np.bool_]:
        return (theta - lower <= _ON_BOUND) | (upper - theta <= _ON_BOUND)

    met = on_bound(march.points[near].theta) & ~on_bound(fitted.theta)
    names = ", ".join(np.array(fitted.names)[met])
    value = float(fitted.psi[march.fixing.index]) + march.fixing.unit * t
    return (
        f"at the end {value:.4g} of the interval {names} is on a bound of the parameter space: "
        "with wider bounds= the interval may be wider"
        if names
        else ""
    )


def _about(march: March) -> list[str]:
    """What concerns the whole curve."""
    fitted, found = march.fixing.fitted, []
    if fitted.objective.penalty.matrix.any():
        found.append(
            "the profile is that of the penalised likelihood: the interval is about what the "
            "penalised fit estimates"
        )
    pieces = pieces_of(fitted.objective)
    if pieces is not None and pieces.jumps:
        found.append("boundaries between active experts are held where the fit has them")
    failed = sum(not point.stationary for point in march.points.values())
    if failed:
        found.append(
            f"at {failed} of {len(march.points)} points the solver stopped short of an optimum: "
            "the profile may be higher there, and the interval wider"
        )
    return found
