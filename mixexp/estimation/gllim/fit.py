"""A whole joint fit: starts on a sketch, climbs on the data, certified optima."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from mixexp.estimation.box import Bounds
from mixexp.estimation.certificate import Certificate
from mixexp.estimation.gllim.certify import certify
from mixexp.estimation.gllim.climb import Climb, Climber
from mixexp.estimation.gllim.data import JointData
from mixexp.estimation.gllim.growth import grown
from mixexp.estimation.gllim.starts import copies, drawn, for_experts, splits
from mixexp.estimation.sketch import Sketch, sketch_rows
from mixexp.estimation.solvers._base import Reason
from mixexp.estimation.solvers.runs import Run
from mixexp.models.gllim import GLLiM, GLLiMParams

Array = NDArray[np.float64]
Report = Callable[[str, int, int], None]

_SKETCH_ROWS = 2000
_FIRST, _SHORT = 4, 15
# Partitions drawn for each start that was asked for.
_DRAWN = 4
_SAME_VALUE, _SAME_SHARE = 0.01, 0.02
# Climbs this close in nats after a few steps on the sketch are on their way to one optimum.
_ALIKE = 0.1
_MAX_RESTARTS = 3


@dataclass(frozen=True)
class JointOptions:
    """How to fit; the estimators document each of these."""

    n_init: int = 10
    bounds: Bounds = field(default_factory=lambda: Bounds(scale=(1e-3, 1e3)))
    min_share: float = 0.0
    tol: float = 1e-8
    max_iter: int = 500
    n_em: int = 60
    standardize: bool = True
    n_threads: int = 1
    seed: int = 0


@dataclass(frozen=True)
class JointOptimum:
    """A local maximum of the joint likelihood.

    ``value`` is the joint log-likelihood on the user's scale, ``standard`` the parameters on the
    solver's; ``thin`` experts have a smaller share than asked for, or fewer rows than an expert has
    coefficients, ``on_floor`` ones a direction whose variance lies on its floor.
    """

    standard: GLLiMParams
    value: float
    certificate: Certificate
    shares: Array
    thin: tuple[int, ...]
    on_floor: tuple[int, ...]
    kind: str
    n_hits: int
    n_iter: int
    trace: tuple[float, ...] = field(default=(), repr=False)

    @property
    def admissible(self) -> bool:
        """Whether no expert is thin and no variance lies on its floor."""
        return not self.thin and not self.on_floor

    def rank(self) -> tuple[bool, bool, float]:
        """Sort key: admissible before not, certified before not, then by value."""
        return (self.admissible, self.certificate.holds, self.value)


@dataclass(frozen=True)
class JointFit:
    """Distinct optima, best first, of a model on the scale of the data.

    ``n_rows`` counts the user's rows; in small ``data`` equal ones are one row of their weight.
    """

    model: GLLiM
    data: JointData
    optima: list[JointOptimum]
    n_rows: int
    runs: list[Run] = field(default_factory=list, repr=False)


def fit_joint(
    model: GLLiM,
    u: Array,
    v: Array,
    weight: Array | None = None,
    *,
    options: JointOptions | None = None,
    given: Sequence[GLLiMParams | Array] = (),
    previous: GLLiMParams | None = None,
    report: Report | None = None,
) -> JointFit:
    """Maximise the joint likelihood Σ_i w_i log p(u_i, v_i) from several starts.

    Partitions, splits of a fit with one expert less, and an expert-by-expert growth from K = 1 are
    climbed by a few EM steps on a sketch of the rows; the best different ones of them, and every
    start of the user's, go on to an optimum on all rows.

    Parameters
    ----------
    model : GLLiM
    u : array (n, n_inputs)
    v : array (n, n_outputs)
    weight : array (n,), optional
    options : JointOptions
    given : sequence of GLLiMParams (user's scale) or responsibilities (n, K)
    previous : GLLiMParams, optional
        A fit with one expert less, on the user's scale, to split.
    report : callable, optional
        Called with the phase, the number of the start and their total.
    """
    options = options or JointOptions()
    n_rows = len(u)
    sketch = sketch_rows(u, v.T, weight, _SKETCH_ROWS, options.seed)
    # Responsibilities belong to the user's rows in the user's order.
    mixed = any(not isinstance(g, GLLiMParams) for g in given)
    if len(sketch.rows) < _SKETCH_ROWS and not mixed:
        # In the sketch's order and with duplicates merged, the fit is a function of the weighted
        # distribution of the rows.
        u, v, weight = u[sketch.rows], v[sketch.rows], sketch.weight
        sketch = Sketch(np.arange(len(u)), weight)
    model, data = JointData.from_rows(model, u, v, weight, standardize=options.standardize)
    climber = Climber(model, data, options.bounds, options.n_threads)
    back = data.scaling.inverse()
    starts = [
        Climb(model.rescale(g, back), -np.inf, np.inf, np.empty(0), "given")
        if isinstance(g, GLLiMParams)
        else Climb(climber.em.from_responsibilities(g), -np.inf, np.inf, np.empty(0), "given")
        for g in given
    ]
    n_drawn = max(0, options.n_init - len(starts))
    if model.n_experts == 1:
        n_drawn = min(n_drawn, 1 - len(starts))
    small = None if previous is None else model.rescale(previous, back)
    starts += _promising(climber, sketch, n_drawn, small, options, report)
    ended: list[Climb] = []
    for i, start in enumerate(starts):
        ahead = max((c.value for c in ended), default=-np.inf)
        climb = climber.run(start, options.tol, options.max_iter, options.n_em, ahead)
        ended.append(replace(climb, n_hits=start.n_hits))
        if report is not None:
            report("data", i + 1, len(starts))
    if small is not None:
        ended += _no_worse(climber, small, ended, options)
    by_value = sorted(ended, key=lambda c: c.value, reverse=True)
    alike = _alike(by_value, data)
    optima = [_optimum(climber, same[0], _hits(same), options) for same in alike]
    order = sorted(range(len(optima)), key=lambda i: optima[i].rank(), reverse=True)
    optima = [optima[i] for i in order]
    runs = [_run(c, data, options.tol, at) for at, i in enumerate(order) for c in alike[i]]
    n, n_starts = len(optima), sum(c.n_hits for c in ended)
    optima = [
        replace(o, certificate=o.certificate.with_search(n_starts, n, o.n_hits)) for o in optima
    ]
    return JointFit(model, data, optima, n_rows, runs)


def _run(climb: Climb, data: JointData, tol: float, optimum: int) -> Run:
    """The record of a climb on all rows."""
    done = climb.gain <= tol
    stopped = Reason.STATIONARY.value if done else f"remaining gain {climb.gain:.2g} nats"
    trace = tuple(float(value - data.log_scale) for value in climb.trace)
    reached = float(climb.value - data.log_scale)
    return Run(
        climb.kind, climb.n_hits, reached, trace, stopped, data.total_weight, optimum=optimum
    )


def _promising(
    climber: Climber,
    chosen: Sketch,
    number: int,
    previous: GLLiMParams | None,
    options: JointOptions,
    report: Report | None,
) -> list[Climb]:
    """The best of all starts after a few EM steps on a sketch of the rows."""
    if number <= 0:
        return []
    model, data = climber.model, climber.data
    rng = np.random.default_rng([options.seed, model.n_experts])
    whole = len(chosen.rows) == data.n_rows
    sketch = data if whole else replace(data.take(chosen.rows), weight=chosen.weight)
    small = Climber(climber.model, sketch, options.bounds)
    k = model.n_experts

    def rank(climb: Climb) -> tuple[bool, float]:
        return (small.admissible(climb, options.min_share), climb.value)

    tried = []
    for kind, r in drawn(sketch, k, _DRAWN * number, rng):
        tried.append(small.em_steps(small.em.from_responsibilities(r), _SHORT, 1e-3, kind))
        if report is not None:
            report("sketch", len(tried), 0)
    if k > 1 and previous is not None:
        halves = [
            small.em_steps(small.em.from_responsibilities(r), _FIRST, 0.0, kind)
            for kind, r in splits(replace(small.em, model=for_experts(model, k - 1)), previous)
        ]
        halves = sorted(halves, key=rank, reverse=True)[:number]
        tried += [small.em_steps(h.params, _SHORT, 1e-3, h.kind) for h in halves]
    elif k > 1:
        tried.append(grown(small, _SHORT))
    tried = [t for t in tried if np.isfinite(t.value)] or tried[:1]
    best = sorted(tried, key=rank, reverse=True)
    apart = _distinct(best, sketch, _ALIKE)
    return [replace(c, n_hits=n) for c, n in apart][: max(2, -(-number // 2))]


def _no_worse(
    climber: Climber, previous: GLLiMParams, ended: list[Climb], options: JointOptions
) -> list[Climb]:
    """One more climb if no admissible optimum is as high as a fit with one expert less.

    Copies of one of its experts, a little apart, are as high as that fit to begin with.
    """
    narrower = replace(climber.em, model=for_experts(climber.model, previous.n_experts))
    least = narrower.statistics(previous).value
    if any(c.value >= least and climber.admissible(c, options.min_share) for c in ended):
        return []
    tried = [
        climber.em_steps(params, _FIRST, 0.0, f"copies of expert {k}")
        for k, params in enumerate(copies(previous))
    ]
    tried = [t for t in tried if climber.admissible(t, options.min_share)] or tried
    best = max(tried, key=lambda t: t.value)
    return [climber.run(best, options.tol, options.max_iter, options.n_em)]


def _distinct(ended: list[Climb], data: JointData, within: float) -> list[tuple[Climb, int]]:
    """Climbs that ended in different optima, in their order, and how many starts did in each."""
    return [(same[0], _hits(same)) for same in _alike(ended, data, within)]


def _hits(climbs: list[Climb]) -> int:
    """How many starts these stand for."""
    return sum(climb.n_hits for climb in climbs)


def _alike(ended: list[Climb], data: JointData, within: float = _SAME_VALUE) -> list[list[Climb]]:
    """Climbs by the optimum that they ended in, in their order."""
    found: list[list[Climb]] = []
    for climb in ended:
        shares = np.sort(climb.mass) / data.total_weight
        for same in found:
            other = same[0]
            near = np.abs(shares - np.sort(other.mass) / data.total_weight).max(initial=0.0)
            if abs(other.value - climb.value) <= within and near <= _SAME_SHARE:
                same.append(climb)
                break
        else:
            found.append([climb])
    return found


def _optimum(climber: Climber, climb: Climb, n_hits: int, options: JointOptions) -> JointOptimum:
    """The record of an optimum; a probe that found a higher point starts Newton there again."""
    certificate, better = certify(climber, climb, options.tol)
    for _ in range(_MAX_RESTARTS):
        if certificate.holds or better is None:
            break
        warm = replace(climb, params=better, value=-np.inf)
        climb = climber.run(warm, options.tol, options.max_iter, 0)
        certificate, better = certify(climber, climb, options.tol)
    data, params = climber.data, climb.params
    shares = climb.mass / data.total_weight
    thin, low = climber.thin(climb.mass, options.min_share), climber.on_floor(params)
    return JointOptimum(
        params, float(climb.value - data.log_scale), certificate, shares,
        tuple(int(k) for k in np.flatnonzero(thin)), tuple(int(k) for k in np.flatnonzero(low)),
        climb.kind, n_hits, max(0, len(climb.trace) - 1), tuple(climb.trace),
    )  # fmt: skip
