"""The joint log-likelihood as a function of θ, with exact derivatives by Louis' identity."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mixexp.estimation.blocks import Sums, single_threaded_blas, sum_over_blocks
from mixexp.estimation.gllim.chart import Chart
from mixexp.estimation.gllim.data import JointData
from mixexp.estimation.gllim.recursion import Recursion
from mixexp.estimation.objective import Evaluation
from mixexp.models.gllim.density import LOG_2PI

Array = NDArray[np.float64]

_CACHE_DOUBLES = 400_000


class JointObjective:
    """ℓ(θ) = Σ_i w_i log p(u_i, v_i; θ), its score and observed information.

    Parameters
    ----------
    chart : Chart
    data : JointData
    n_threads : int, default=1

    References
    ----------
    Louis (1982), Finding the observed information matrix when using the EM algorithm, JRSS B 44.
    """

    def __init__(self, chart: Chart, data: JointData, n_threads: int = 1):
        self.chart, self.data, self.n_threads = chart, data, n_threads
        self._ones = np.ones((1, data.n_rows))

    @property
    def block_rows(self) -> int:
        """Rows of a block."""
        return int(np.clip(_CACHE_DOUBLES // (2 * self.chart.slices[-1].stop), 128, 4096))

    def evaluate(self, theta: Array, order: int = 0) -> Evaluation:
        """Value, and derivatives up to ``order`` (0, 1 or 2), at θ (P,)."""
        chart, data = self.chart, self.data
        with np.errstate(over="ignore", invalid="ignore"), single_threaded_blas():
            local = chart.linear @ np.asarray(theta, dtype=float)
            value, *rest = sum_over_blocks(
                lambda a, b: self._block(local, slice(a, b), order),
                data.n_rows, self.block_rows, self.n_threads,
            )  # fmt: skip
        # The weights sum to one: a gate of constant logits, whose share is known in closed form.
        where = [s.start for s in chart.slices]
        top = local[where].max()
        weight = np.exp(local[where] - top)
        total = data.total_weight
        value = float(value) - total * (top + float(np.log(weight.sum())))
        if order == 0:
            return Evaluation(value, None, None)
        weight /= weight.sum()
        gradient = rest[0]
        gradient[where] -= total * weight
        if order == 1:
            return Evaluation(value, chart.linear.T @ gradient, None)
        hessian = rest[1]
        hessian[np.ix_(where, where)] -= total * (np.diag(weight) - np.outer(weight, weight))
        hessian = chart.linear.T @ hessian @ chart.linear
        return Evaluation(value, chart.linear.T @ gradient, 0.5 * (hessian + hessian.T))

    def _block(self, local: Array, rows: slice, order: int) -> Sums:
        chart, data = self.chart, self.data
        weight = 1.0 if data.weight is None else data.weight[rows]
        systems = (
            (chart.gate, self._ones[:, rows], data.u[:, rows]),
            (chart.expert, data.features[:, rows], data.v[:, rows]),
        )
        n = len(chart.slices)
        logits = np.empty((n, data.u[:, rows].shape[1]))
        scores = np.empty((chart.slices[-1].stop, logits.shape[1])) if order else None
        for k, where in enumerate(chart.slices):
            logits[k] = local[where.start]
            if scores is not None:
                scores[where.start] = 1.0
            start = where.start + 1
            for system, base, x in systems:
                part = slice(start, start + system.n_local(k))
                out = None if scores is None else scores[part]
                logits[k] += _log_density(system, k, local[part], base, x, out)
                start = part.stop
        top = logits.max(axis=0)
        r = np.exp(logits - top)
        total = r.sum(axis=0)
        value = np.array(np.sum(weight * (top + np.log(total))))
        if scores is None:
            return [value]
        r /= total
        weighted = np.empty_like(scores)
        for k, where in enumerate(chart.slices):
            np.multiply(scores[where], r[k], out=weighted[where])
        if order == 1:
            return [value, (weighted * weight).sum(axis=1)]
        left = weighted * weight
        hessian = -(left @ weighted.T)
        for k, where in enumerate(chart.slices):
            own = hessian[where, where]
            own += left[where] @ scores[where].T
            start = 1
            for system, base, x in systems:
                part = slice(start, start + system.n_local(k))
                values = local[where][part]
                _add_curvature(
                    system, k, values, base, x, r[k] * weight, left[where][part], own[part, part]
                )
                start = part.stop
        return [value, left.sum(axis=1), hessian]


def _log_density(
    system: Recursion, k: int, local: Array, base: Array, x: Array, scores: Array | None
) -> Array:
    """Log-density (B,) of x (p, B) given ψ (q, B); fills the scores of the local vector."""
    total = np.full(x.shape[1], -0.5 * system.dim * LOG_2PI)
    first = len(local) - system.dim
    for j, (where, i) in enumerate(zip(system.slices(k), system.earlier[k], strict=True)):
        regressors = base if not i else np.concatenate([base, x[list(i)]])
        e = x[j] - local[where] @ regressors
        s = local[first + j]
        precise = e * np.exp(-s)
        square = e * precise
        total -= 0.5 * (square + s)
        if scores is not None:
            np.multiply(regressors, precise, out=scores[where])
            scores[first + j] = 0.5 * (square - 1.0)
    return total


def _add_curvature(
    system: Recursion,
    k: int,
    local: Array,
    base: Array,
    x: Array,
    weight: Array,
    scores: Array,
    out: Array,
) -> None:
    """Add Σ_i w_i ∇² log-density; ``scores`` (P_k, B) are weighted, ``out`` (P_k, P_k)."""
    first = len(local) - system.dim
    for j, (where, i) in enumerate(zip(system.slices(k), system.earlier[k], strict=True)):
        regressors = base if not i else np.concatenate([base, x[list(i)]])
        out[where, where] -= np.exp(-local[first + j]) * ((regressors * weight) @ regressors.T)
        cross = scores[where].sum(axis=1)
        out[where, first + j] -= cross
        out[first + j, where] -= cross
        # The score of s is (e²/d - 1) / 2, its curvature -e²/2d.
        out[first + j, first + j] -= scores[first + j].sum() + 0.5 * weight.sum()
