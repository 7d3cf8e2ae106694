r"""Fits of K = 1, 2, ... experts to one data set, each starting from the one before.

The law of the covariate x given the response y is modelled, with the gate in y, by joint maximum
likelihood over a compact Θ; p(y | x) follows in closed form. Every fit leaves a row.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mixexp.estimation.blocks import single_threaded_blas
from mixexp.estimation.box import Bounds
from mixexp.estimation.gllim.fit import JointFit, JointOptimum, JointOptions, fit_joint
from mixexp.models.gllim import GLLiM, GLLiMParams, Scaling
from mixexp.models.gllim.dimension import conditional_dimension
from mixexp.models.gllim.forward import Forward
from mixexp.selection import entropy_of

Array = NDArray[np.float64]
Measure = Callable[[Forward], dict[str, float]]
Starts = Callable[[int], list[Array]]

_FLOOR, _CEILING = 0.1, 1e3
# Nats by which the likelihood may fall from K to K + 1 before the search counts as failed.
TOLERATED_RISE = 0.01
_RETRY_FACTOR, _COPIES = 3, 3


@dataclass(frozen=True)
class Theta:
    """The parameter space: least standard deviations, and the least share of an expert.

    Parameters
    ----------
    response : float
        Least standard deviation of the response in a gate, in its own unit.
    covariate : float
        Least standard deviation of the covariate given the response in an expert, likewise.
    share : float
        Least share of the observations; fits with a smaller one are kept, and flagged.
    """

    response: float
    covariate: float
    share: float

    def bounds(self) -> Bounds:
        """Bounds on the scale of :meth:`scaled`, where both floors are the same number."""
        return Bounds(scale=(_FLOOR, _CEILING))

    def scaling(self) -> Scaling:
        """The map to that scale."""
        zero = np.zeros(1)
        return Scaling(
            zero, np.array([self.response / _FLOOR]), zero, np.array([self.covariate / _FLOOR])
        )


class PathFit(NamedTuple):
    """The estimator of one K, on the scale of Θ, and how it was found."""

    params: GLLiMParams
    optimum: JointOptimum
    n_optima: int
    retried: bool
    rise: float
    seconds: float


def fit_path(
    x: Array,
    y: Array,
    theta: Theta,
    max_experts: int,
    *,
    n_init: int,
    seed: int,
    measure: Measure | None = None,
    starts: Starts | None = None,
    alone: bool = False,
) -> list[dict[str, Any]]:
    """Rows of the fits of K = 1, ..., max_experts, in order.

    Parameters
    ----------
    x, y : arrays (n,)
        Covariate and response.
    theta : Theta
    max_experts : int
    n_init : int
        Starts of each K besides splits of the fit of K - 1, `starts` included.
    seed : int
        Of the starts.
    measure : callable, optional
        More columns from the law of y given x.
    starts : callable, optional
        ``starts(K)`` gives partitions, responsibilities (n, K), as further starts.
    alone : bool
        Whether these are the only starts: no path then, and no second attempt.

    Examples
    --------
    >>> from experiments.glome.processes import PROCESSES
    >>> x, y = PROCESSES["WS"].sample(300, np.random.default_rng(1))
    >>> rows = fit_path(x, y, Theta(0.2, 0.035, 0.005), 2, n_init=2, seed=0)
    >>> [(row["experts"], row["dim"], row["conditional_dim"], row["certified"]) for row in rows]
    [(1, 5, 3, True), (2, 11, 9, True)]
    """
    scaling = theta.scaling()
    v, u = (x / scaling.v_scale).reshape(-1, 1), (y / scaling.u_scale).reshape(-1, 1)
    options = JointOptions(
        n_init=n_init, bounds=theta.bounds(), min_share=theta.share, standardize=False, seed=seed
    )
    rows: list[dict[str, Any]] = []
    before: PathFit | None = None
    # BLAS on several threads may round differently.
    with single_threaded_blas():
        for k in range(1, max_experts + 1):
            model = GLLiM(k, 1, 1)
            given = [] if starts is None else starts(k)
            if alone:
                fitted = next_fit(model, u, v, replace(options, n_init=len(given)), None, given)
            else:
                fitted = next_fit(model, u, v, options, before, given)
            rows.append(row_of(model, fitted, scaling, x, y, measure))
            before = fitted
    return rows


def next_fit(
    model: GLLiM,
    u: Array,
    v: Array,
    options: JointOptions,
    before: PathFit | None,
    starts: list[Array],
) -> PathFit:
    """The fit of K, from splits of that of K - 1 too; again, with more starts, if it is worse."""
    begin = time.perf_counter()
    previous = None if before is None else before.params
    copies = [] if previous is None else doubled(previous)
    # A copy of an expert is as likely as the smaller fit: few searches end below that.
    found = fit_joint(model, u, v, options=options, given=[*copies[:1], *starts], previous=previous)
    n_optima = len(found.optima)
    best, least = estimator(found), -np.inf if before is None else before.optimum.value
    retried = best.value < least - TOLERATED_RISE
    if retried:
        more = replace(options, n_init=_RETRY_FACTOR * options.n_init, seed=options.seed + 1)
        again = fit_joint(model, u, v, options=more, given=[*copies, *starts], previous=previous)
        best = max(best, estimator(again), key=rank)
        n_optima += len(again.optima)
    seconds = time.perf_counter() - begin
    rise = 0.0 if before is None else max(0.0, least - best.value)
    return PathFit(best.standard, best, n_optima, retried, rise, seconds)


def rank(optimum: JointOptimum) -> tuple[bool, bool, float]:
    """Sort key: every share in Θ first, then certified, then the likelihood.

    Floors of scales hold inside the solver and belong to Θ, so a fit on one is as good as another.
    """
    return (not optimum.thin, optimum.certificate.holds, optimum.value)


def estimator(found: JointFit) -> JointOptimum:
    """The highest certified optimum in Θ that was found."""
    return max(found.optima, key=rank)


def doubled(params: GLLiMParams) -> list[GLLiMParams]:
    """Starts as likely as a smaller fit: its heaviest experts in two, a little apart."""
    k = params.n_experts
    found = []
    for i in np.argsort(-params.weight)[:_COPIES]:
        double = params.take([*range(k), int(i)])
        weight, table = np.append(params.weight, 0.5 * params.weight[i]), double.table.copy()
        weight[i] *= 0.5
        shift = 0.1 * np.sqrt(params.covariance.diagonal()[i])
        table[i, :, 0] += shift
        table[k, :, 0] -= shift
        found.append(replace(double, weight=weight, table=table))
    return found


def row_of(
    model: GLLiM, fitted: PathFit, scaling: Scaling, x: Array, y: Array, measure: Measure | None
) -> dict[str, Any]:
    """Everything that is recorded of a fit."""
    law = Forward.of(
        model, model.rescale(fitted.params, scaling), Scaling.identity(1, 1), inverse=True
    )
    optimum, covariate = fitted.optimum, x.reshape(-1, 1)
    certificate = optimum.certificate
    return {
        "experts": model.n_experts,
        "dim": model.n_parameters,
        "conditional_dim": conditional_dimension(model, inverse=True),
        "joint_nll": len(x) * scaling.log_volume - optimum.value,
        "conditional_nll": -float(law.log_prob(covariate, y).sum()),
        "entropy": entropy_of(law.posterior(covariate, y)),
        "certified": certificate.holds,
        "remaining_gain": certificate.remaining_gain,
        "thin": len(optimum.thin),
        "on_floor": len(optimum.on_floor),
        "admissible": optimum.admissible,
        "smallest_share": float(optimum.shares.min()),
        "retried": fitted.retried,
        "rises": fitted.rise > TOLERATED_RISE,
        "rise": fitted.rise,
        "n_optima": fitted.n_optima,
        "fit_seconds": fitted.seconds,
        **({} if measure is None else measure(law)),
    }
