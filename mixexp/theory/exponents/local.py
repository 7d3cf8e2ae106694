r"""Deterministic tests of convergence rates: how fast the density follows the parameters.

For a truth, a direction and :math:`\varepsilon>0`, the Hellinger distance of the joint law of
(x, y) to the truth is minimised over all parameters that the direction leaves free,

.. math:: h(\varepsilon)=\min\{h(p_G,p_{G_*}):\ \text{the direction's entry of G is held at }
          \varepsilon\}\sim C\,\varepsilon^{r}.

The maximum likelihood estimator cannot tell :math:`h\lesssim n^{-1/2}` from zero, so the entry
converges like :math:`n^{-1/(2r)}`. Nothing is simulated: the distance is a sum of squares on a
quadrature grid, its Jacobian exact. The local exponents, slopes of log h between neighbours on a
grid of ε, tend to r.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mixexp.estimation.blocks import single_threaded_blas
from mixexp.theory.exponents.boundaries import cut_design, is_sparse, still
from mixexp.theory.exponents.charts import Chart
from mixexp.theory.exponents.directions import Direction
from mixexp.theory.exponents.estimate import FLAT, LocalExponents
from mixexp.theory.exponents.levenberg import LocalMinimum, least_squares
from mixexp.theory.exponents.root_distance import RootDistance
from mixexp.theory.truths.truth import Truth

Array = NDArray[np.float64]

# A grid of ε ends where distances have lost three of their digits.
_ROUNDING = 2e-11
_FEWEST = 4
# Changes of the local exponent that end a grid.
_SETTLED = 0.03
# A local exponent below this is suspect.
_SLOWEST = 0.8
_LARGEST = 1e3
_LOOK = 0.125
# The distance, before anything is fitted, at which a default grid of ε begins.
_FIRST_DISTANCE = 0.05


def local_exponents(
    truth: Truth,
    direction: Direction,
    epsilon: Sequence[float] | None = None,
    *,
    n_epsilon: int = 10,
    n_starts: int = 3,
    n_design: int | None = None,
    max_iter: int | None = None,
    seed: int = 0,
) -> LocalExponents:
    """How the Hellinger distance vanishes along a direction, everything else fitted.

    Parameters
    ----------
    truth : Truth
        Its gate must be smooth in its parameters, or a top-K gate of one covariate.
    direction : Direction
        :class:`Split`, :class:`Move` or :class:`Merge`.
    epsilon : sequence of float, optional
        By default at most ``n_epsilon`` values, each half of the one before, from where the
        direction alone is at a distance of 0.05 until the local exponents have settled.
    n_starts : int
        At every ε: continued from the ε before, or straight at the first one, and random ones.
    n_design : int, optional
        Quadrature points a column of x, at least 5; by default 10, 7 and 5 for one, two and more
        columns.
    max_iter : int, optional
        Gauss-Newton steps of a start; by default 150, and more for cells of three and more atoms.

    Raises
    ------
    ValueError
        If the gate bends (rectifiers), or switches experts off in more than one covariate, or the
        model does not represent the truth.

    Notes
    -----
    A top-K gate of one covariate changes its experts at points. The quadrature is cut there, at
    those of the truth and of the moved law, and parameters that would move a boundary are held:
    a boundary at a distance ε from the true one costs a distance of the order ε^(1/2).

    References
    ----------
    Nguyen, Nguyen & Ho (2023), arXiv 2305.03288, for the distances and the rates they imply.

    Examples
    --------
    >>> from mixexp.theory.exponents.directions import Split
    >>> from mixexp.theory.truths.named import balanced_softmax_gaussian
    >>> found = local_exponents(balanced_softmax_gaussian(), Split("coef"), n_starts=2)
    >>> print(f"{found.exponent:.1f}")
    2.0
    """
    per_column = _points(truth, n_design)
    _check(truth, n_starts, max_iter)
    chart = direction.chart(truth)
    if is_sparse(truth):
        chart = still(truth, chart)
    _check_law(truth, direction, chart)
    rng = np.random.default_rng(seed)
    limit = 150 * direction.effort if max_iter is None else max_iter
    trail = _Trail([], [], [])

    def visit(eps: float) -> None:
        distance = _distance(truth, direction, chart, eps, per_column)
        straight = eps * chart.start
        starts = trail.continued(eps) if trail.minima else [straight]
        while len(starts) < n_starts:
            noise = rng.normal(size=len(chart.start)) * np.abs(chart.start).max(initial=0.0)
            starts.append(eps * (chart.start + 0.3 * noise))
        found = _search(distance, chart, eps, starts, limit)
        if trail.stalls(eps, found[0].value):
            # What is continued may have left for a place that does not come nearer with ε.
            found += _search(distance, chart, eps, [straight], limit)
        trail.add(eps, sorted(found, key=lambda minimum: minimum.value))

    grid = _grid(truth, direction, chart, epsilon, n_epsilon, per_column)
    for eps in grid:
        visit(eps)
        if trail.at_rounding:
            break
        if epsilon is None and trail.settled:
            # Exponents may rest before they go on: one look further down tells.
            visit(eps * _LOOK)
            break
    first = _distance(truth, direction, chart, grid[0], per_column)
    unfitted = first.distance(chart.theta(grid[0] * chart.start))
    return trail.result((truth.name, direction.label), unfitted)


class _Trail(NamedTuple):
    """What has been found so far, at descending ε."""

    steps: list[float]
    minima: list[LocalMinimum]
    doubts: list[float]

    def add(self, eps: float, found: list[LocalMinimum]) -> None:
        """Keep the best of several minima.

        Where it did not meet its stopping rule, the doubt is by how much its log distance lies
        below the next one's, or, of a single search, what its last model still promised.
        """
        best = found[0]
        doubt = 0.0
        if not best.converged and best.value > FLAT:
            promised = -0.5 * np.log1p(-min(best.gain, 0.99))
            doubt = np.log(found[1].value / best.value) if len(found) > 1 else promised
        self.steps.append(eps)
        self.minima.append(best)
        self.doubts.append(float(doubt))

    def stalls(self, eps: float, value: float) -> bool:
        """Whether the distance hardly falls with ε."""
        if not self.minima or value <= FLAT:
            return False
        return value > self.minima[-1].value * (eps / self.steps[-1]) ** _SLOWEST

    @property
    def at_rounding(self) -> bool:
        """Whether smaller ε would only show rounding."""
        return len(self.steps) >= _FEWEST and self.minima[-1].value < _ROUNDING

    @property
    def settled(self) -> bool:
        """Whether the last two changes of the local exponent are small."""
        if len(self.steps) < _FEWEST + 1:
            return False
        local = np.diff(np.log([m.value for m in self.minima])) / np.diff(np.log(self.steps))
        return bool(np.abs(np.diff(local[-3:])).max() < _SETTLED)

    def continued(self, eps: float) -> list[Array]:
        """The last solution shrunk with ε: every coordinate like ε, or as it did before."""
        shrink = eps / self.steps[-1]
        last = self.minima[-1].z
        starts = [last * shrink]
        if len(self.minima) > 1:
            before = self.minima[-2].z
            with np.errstate(divide="ignore", invalid="ignore"):
                power = np.log(np.abs(last / before)) / np.log(self.steps[-1] / self.steps[-2])
            # A coordinate may follow ε or a power of it, or stay, as the weights do.
            power = np.clip(np.nan_to_num(power, nan=1.0, posinf=1.0, neginf=1.0), 0.0, 4.0)
            starts.append(last * shrink**power)
        return starts

    def result(self, names: tuple[str, str], unfitted: float) -> LocalExponents:
        """The exponents of the trail; ``unfitted`` is the first distance before any fit."""
        values = np.array([m.value for m in self.minima])
        n_converged = sum(m.converged for m in self.minima)
        steps, doubts = np.array(self.steps), np.array(self.doubts)
        return LocalExponents.from_distances(names, steps, values, doubts, n_converged, unfitted)


def _search(
    distance: RootDistance, chart: Chart, eps: float, starts: list[Array], max_iter: int
) -> list[LocalMinimum]:
    """Local minima with the held coordinate at its place, the best first."""
    lower, upper = chart.lower.copy(), chart.upper.copy()
    if chart.held is not None:
        lower[chart.held] = upper[chart.held] = eps * chart.start[chart.held]

    def residual(phi: Array) -> tuple[Array, Array]:
        r, jacobian = distance.residual(chart.theta(phi))
        return r, jacobian @ chart.matrix

    # Threads cost more than they gain on matrices this thin.
    with np.errstate(over="ignore", invalid="ignore"), single_threaded_blas():
        found = [
            least_squares(residual, s, lower, upper, zero=FLAT, max_iter=max_iter) for s in starts
        ]
    return sorted(found, key=lambda minimum: minimum.value)


def _distance(truth: Truth, direction: Direction, chart: Chart, eps: float, n: int) -> RootDistance:
    """The distance to the target at ε.

    Raises
    ------
    ValueError
        If ε moves the target out of its parameter space.
    """
    design = cut_design(truth, chart, eps, n)
    try:
        with np.errstate(invalid="ignore", divide="ignore"):
            return RootDistance(chart.model, direction.target(truth, eps), design, truth.known)
    except ValueError as error:
        raise ValueError(
            f"epsilon={eps:g} moves {direction.block} of the truth out of its range; use smaller "
            f"values ({error})"
        ) from error


def _grid(
    truth: Truth,
    direction: Direction,
    chart: Chart,
    epsilon: Sequence[float] | None,
    n_epsilon: int,
    n: int,
) -> list[float]:
    """Descending values of ε."""
    if epsilon is None:
        first = _first_epsilon(truth, direction, chart, n)
        steps = first * 0.5 ** np.arange(n_epsilon, dtype=float)
    else:
        steps = -np.unique(-np.asarray(epsilon, dtype=float))
    if len(steps) < _FEWEST or not (np.isfinite(steps) & (steps > 0.0)).all():
        given = f"n_epsilon={n_epsilon}" if epsilon is None else f"epsilon={epsilon}"
        raise ValueError(f"{given} must make four or more positive numbers")
    return [float(step) for step in steps]


def _first_epsilon(truth: Truth, direction: Direction, chart: Chart, n: int) -> float:
    """ε at which the direction alone, nothing fitted, is at a distance of 0.05, or the box ends."""
    held, most = chart.held, _LARGEST
    if held is not None:
        most = (1.0 + abs(chart.base[held])) / abs(chart.start[held])
    eps = min(1.0, most)
    for _ in range(60):
        try:
            distance = _distance(truth, direction, chart, eps, n)
        except ValueError:
            eps, most = 0.5 * eps, 0.5 * eps
            continue
        h = distance.distance(chart.theta(eps * chart.start))
        if 0.8 * _FIRST_DISTANCE <= h <= 1.25 * _FIRST_DISTANCE:
            break
        change = float(np.clip(_FIRST_DISTANCE / max(h, 1e-12), 0.25, 2.0)) ** 0.5
        eps = min(eps * change, most)
    return eps


def _points(truth: Truth, n_design: int | None) -> int:
    """Quadrature points a column of x."""
    if n_design is None:
        return {1: 10, 2: 7}.get(truth.model.n_columns, 5)
    if n_design < 5:
        raise ValueError(
            f"n_design={n_design} must be 5 or more: a direction can vanish at fewer points"
        )
    return n_design


def _check_law(truth: Truth, direction: Direction, chart: Chart) -> None:
    """Refuse a model, or a target, that is not the truth in the limit."""
    design = truth.design(7)
    target = direction.target(truth, 1e-9)
    k = max(chart.model.n_experts, target.model.n_experts)
    sparse = is_sparse(truth) and k > truth.model.n_experts
    here = RootDistance(chart.model, truth.law, design, truth.known).distance(chart.base)
    there = RootDistance(chart.model, target, design, truth.known).distance(chart.base)
    if sparse or here > 1e-12 or there > 1e-6:
        raise ValueError(
            f"truth {truth.name!r}: {truth.model.gate!r} with {k} experts does not represent it as "
            f"atoms come together (distance {max(here, there):.1e}): other experts are active then"
        )


def _check(truth: Truth, n_starts: int, max_iter: int | None) -> None:
    model = truth.model
    if model.gate.pieces(model.n_experts + 1) is None:
        pass
    elif not is_sparse(truth):
        raise ValueError(
            f"truth {truth.name!r}: {model.gate!r} bends where a score changes its sign; exponents "
            "are computed for gates that are smooth in their parameters, and for top-K gates of "
            "one covariate"
        )
    elif model.n_columns > 1:
        raise ValueError(
            f"truth {truth.name!r} has {model.n_columns} covariates: boundaries of {model.gate!r} "
            "then are curves that no product of quadrature rules follows; use one covariate"
        )
    if n_starts < 1:
        raise ValueError(f"n_starts={n_starts} must be 1 or more")
    if max_iter is not None and max_iter < 1:
        raise ValueError(f"max_iter={max_iter} must be 1 or more; leave it out for the default")
