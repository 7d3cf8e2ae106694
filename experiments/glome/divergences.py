r"""Kullback-Leibler losses of a fitted conditional law, by quadrature and by simulation.

.. math:: KL = E_x \int s_0 \log\frac{s_0}{\hat s}\,dy,\qquad
          JKL_\rho = \frac1\rho E_x \int s_0 \log\frac{s_0}{(1-\rho)s_0+\rho\hat s}\,dy.

The published numbers are means over 30 draws of y at each training x. The quadrature integrates
over the law of x with trapezia that are far narrower than the smallest scale a fit may have.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from experiments.glome.processes import NOISE, Process, density_of_x, gates

Array = NDArray[np.float64]
LogDensity = Callable[[Array, Array], Array]

DRAWS = 30
_RANGE_OF_X = (-1.6, 3.0)
_REACH = 6.5


class Grid(NamedTuple):
    """Nodes (x, y) of a process, their probabilities, and log s_0 there; arrays (N,)."""

    x: Array
    y: Array
    probability: Array
    truth: Array


class Losses(NamedTuple):
    """KL and JKL with ρ = 1/2, nats."""

    kl: float
    jkl: float


def grid_of(process: Process, n_x: int = 240, n_y: int = 105) -> Grid:
    """Trapezoidal nodes: n_x of them in x, and n_y around each of the two curves.

    Examples
    --------
    >>> from experiments.glome.processes import PROCESSES
    >>> grid = grid_of(PROCESSES["WS"])
    >>> print(f"{grid.probability.sum():.6f} {-grid.probability @ grid.truth:.6f}")
    1.000000 0.503874
    """
    x = np.linspace(*_RANGE_OF_X, n_x)
    z = np.linspace(-_REACH, _REACH, n_y)
    normal = np.exp(-0.5 * z**2) / np.sqrt(2.0 * np.pi) * (z[1] - z[0])
    mass = density_of_x(x) * (x[1] - x[0])
    probability = (gates(x) * mass)[:, :, None] * normal
    y = process.means(x)[:, :, None] + NOISE * z
    every_x = np.ascontiguousarray(np.broadcast_to(x[:, None], y.shape)).ravel()
    truth = process.log_density(every_x, y.ravel())
    return Grid(every_x, y.ravel(), probability.ravel(), truth)


def losses(grid: Grid, log_density: LogDensity) -> Losses:
    """KL and JKL of a law given by its log-density at rows (x, y), integrated over x.

    Examples
    --------
    >>> from experiments.glome.processes import PROCESSES
    >>> process = PROCESSES["WS"]
    >>> exact = losses(grid_of(process), process.log_density)
    >>> exact == (0.0, 0.0)
    True
    """
    ratio = log_density(grid.x, grid.y) - grid.truth
    mixed = np.logaddexp(0.0, ratio) - np.log(2.0)
    return Losses(-float(grid.probability @ ratio), -2.0 * float(grid.probability @ mixed))


def draws_of(process: Process, x: Array, rng: np.random.Generator) -> Grid:
    """DRAWS responses at each training point x (n,), as equally likely nodes.

    Their :func:`losses` are the Monte Carlo estimates of the published study.
    """
    every_x = np.repeat(x, DRAWS)
    y = process.responses(every_x, rng)
    each = np.full(y.size, 1.0 / y.size)
    return Grid(every_x, y, each, process.log_density(every_x, y))
