"""Conditional laws without a closed form, tabulated on a grid for every row."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mixexp.models.gllim.density import log_gate, log_joint
from mixexp.models.gllim.mapping import GLLiM, GLLiMParams, Scaling

Array = NDArray[np.float64]

_WIDE, _FINE = 1500, 1201
# Beyond so many nats below the highest density a point of the grid carries nothing.
_DEPTH = 45.0
_SPREADS = 12.0
_CHUNK = 300_000


class GridDistribution:
    r"""p(y | x_i) ∝ Σ_k π_k N(y; c_k, Γ_k) N(x_i; B_k φ(y), Σ_k), normalised over y numerically.

    The trapezoidal rule on a grid of each row's own, which covers all y whose density is within
    exp(-45) of the highest: for smooth densities that fall to nothing at both ends its error falls
    faster than any power of the spacing.

    Parameters
    ----------
    model : GLLiM
        The model of x (outputs) given a single response y (input), on its standardised scale.
    params : GLLiMParams
    x : array (n_columns, n)
        Standardised rows.
    scaling : Scaling
        What takes y back to the user's units.

    Raises
    ------
    ValueError
        If the density of a row x is zero at every y of the grid, or overflows.
    """

    def __init__(self, model: GLLiM, params: GLLiMParams, x: Array, scaling: Scaling):
        self._model, self._params, self._x, self._units = model, params, x, scaling
        self._center, self._scale = float(scaling.u_center[0]), float(scaling.u_scale[0])
        low, high = _range(params)
        grid = np.tile(np.linspace(low, high, _WIDE), (x.shape[1], 1))
        for _ in range(4):
            grid, narrow = self._zoom(grid)
            if not narrow:
                break
        self._grid = grid
        density = self._log_joint(grid)
        top = density.max(axis=1)
        step = grid[:, 1] - grid[:, 0]
        mass = np.exp(density - top[:, None])
        self._log_total = top + np.log(mass.sum(axis=1) * step)
        self._weight = mass / mass.sum(axis=1, keepdims=True)

    def __len__(self) -> int:
        return self._x.shape[1]

    def _log_joint(self, grid: Array) -> Array:
        """log p(x_i, y) at each row's own values of y, (n, m)."""
        n, m = grid.shape
        out = np.empty((n, m))
        rows = max(1, _CHUNK // (m * self._model.n_experts * self._model.n_outputs))
        for a in range(0, n, rows):
            part = grid[a : a + rows]
            x = np.repeat(self._x[:, a : a + rows], m, axis=1)
            with np.errstate(over="ignore", invalid="ignore"):
                out[a : a + rows] = log_joint(
                    self._model, self._params, part.reshape(1, -1), x
                ).reshape(part.shape)
        lost = ~np.isfinite(out.max(axis=1))
        if lost.any():
            row = int(np.argmax(lost))
            x_row = self._x[:, row] * self._units.v_scale + self._units.v_center
            raise ValueError(
                f"row {row} of X holds {x_row[np.argmax(np.abs(x_row))]:.3g}, so far from the data "
                "that p(x, y) is zero for every y: p(y | x) cannot be normalised there"
            )
        return out

    def _zoom(self, grid: Array) -> tuple[Array, bool]:
        """Grids over what matters of these, and whether some row's peak is still narrow there."""
        density = self._log_joint(grid)
        keep = density >= density.max(axis=1, keepdims=True) - _DEPTH
        m = grid.shape[1]
        first = np.maximum(keep.argmax(axis=1) - 1, 0)
        last = np.minimum(m - keep[:, ::-1].argmax(axis=1), m - 1)
        rows = np.arange(len(grid))
        low, high = grid[rows, first], grid[rows, last]
        finer = low[:, None] + (high - low)[:, None] * np.linspace(0.0, 1.0, _FINE)
        return finer, bool(np.any(keep.sum(axis=1) < 200))

    def mean(self) -> Array:
        """E(y | x_i), (n,)."""
        return self._center + self._scale * np.sum(self._weight * self._grid, axis=1)

    def variance(self) -> Array:
        """Var(y | x_i), (n,)."""
        mean = np.sum(self._weight * self._grid, axis=1, keepdims=True)
        return self._scale**2 * np.sum(self._weight * (self._grid - mean) ** 2, axis=1)

    def standard_deviation(self) -> Array:
        """Square roots of the variances, (n,)."""
        return np.sqrt(self.variance())

    def logpdf(self, y: ArrayLike) -> Array:
        """log p(y_i | x_i), (n,)."""
        z = (np.asarray(y, dtype=float) - self._center) / self._scale
        joint = log_joint(self._model, self._params, z.reshape(1, -1), self._x)
        return joint - self._log_total - np.log(self._scale)

    def pdf(self, y: ArrayLike) -> Array:
        """p(y_i | x_i), (n,)."""
        return np.exp(self.logpdf(y))

    def entropy(self) -> Array:
        """-E log p(y | x_i), (n,), nats."""
        step = self._grid[:, 1] - self._grid[:, 0]
        log = np.log(np.maximum(self._weight, 1e-300)) - np.log(step)[:, None]
        return -np.sum(self._weight * log, axis=1) + np.log(self._scale)

    def icdf(self, p: ArrayLike) -> Array:
        """Quantiles, (n,), of a number or of one level for each row."""
        levels = np.broadcast_to(np.asarray(p, dtype=float), (len(self),))
        below = np.cumsum(self._weight, axis=1) - 0.5 * self._weight
        each = [np.interp(q, b, g) for q, b, g in zip(levels, below, self._grid, strict=True)]
        return self._center + self._scale * np.array(each)

    def interval(self, level: float = 0.9) -> tuple[Array, Array]:
        """Equal-tailed intervals, two arrays (n,)."""
        return self.icdf(0.5 * (1.0 - level)), self.icdf(0.5 * (1.0 + level))

    def sample(self, size: int | None = None, *, rng: Any = None) -> Array:
        """Draws at every row, (n,) or (size, n), by inversion."""
        generator = np.random.default_rng(rng)
        if size is None:
            return self.icdf(generator.random(len(self)))
        return np.array([self.icdf(generator.random(len(self))) for _ in range(size)])


def _range(params: GLLiMParams) -> tuple[float, float]:
    """An interval outside of which the gates leave nothing of y."""
    mean = params.gate_mean[:, 0]
    spread = np.sqrt(params.gate_covariance.diagonal()[:, 0])
    low = float(np.min(mean - _SPREADS * spread))
    high = float(np.max(mean + _SPREADS * spread))
    # The density is that of the gates there, at most.
    assert np.isfinite(log_gate(params, np.array([[low, high]]))).any()
    return low, high
