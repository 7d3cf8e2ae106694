r"""Exponents of the joint law of a Gaussian-gated mixture of experts, one covariate, one response.

An atom is a Gaussian law of (x, y), so exponents are computed as in
:mod:`mixexp.theory.exponents.local`, for a single atom :math:`f(x,y\mid\theta_*)` that is fitted by
m copies which differ: the Hellinger distance is minimised over their parameters and weights while
the first two are held :math:`\varepsilon` apart in one block. Other true atoms, which are estimated
at the fast rate, do not enter.

The path that is hardest to see can be written down. For every direction v in the plane of (x, y),
nodes :math:`\delta_i` and weights :math:`\lambda_i` of Gauss-Hermite quadrature,

.. math:: \sum_{i=1}^m\lambda_i\,N(\mu+\varepsilon\delta_iv,\ S-\varepsilon^2vv^\top)

has the first 2m - 1 moments of N(:math:`\mu`, S), and its distance to it is of the order
:math:`\varepsilon^{2m}`. If v is neither along y nor a multiple of (1, a), all blocks move:
centres and intercepts by :math:`\varepsilon`; covariance, slope and variance by
:math:`\varepsilon^2`. So the slope has at least the exponent m in a cell of m atoms, wherever
its centre is. Derived here.
"""

from __future__ import annotations

import numpy as np
from numpy.polynomial.hermite_e import hermegauss
from numpy.typing import ArrayLike, NDArray

from mixexp.estimation.blocks import single_threaded_blas
from mixexp.models.measure import MixingMeasure
from mixexp.theory.exponents.charts import LARGEST_LOG_RATIO
from mixexp.theory.exponents.estimate import FLAT, LocalExponents
from mixexp.theory.exponents.levenberg import LocalMinimum, least_squares

Array = NDArray[np.float64]

JOINT_BLOCKS = ("gate_mean", "gate_covariance", "coef", "intercept", "variance")
# Standard deviations of the true atom that the grid reaches, and its step: the trapezoidal rule
# has converged to rounding for Gaussian functions.
_REACH, _STEP = 9.5, 0.3
# Part of the true covariance and variance by which the first copy may differ from the truth, and
# the others from the first: twice this must leave them positive.
_LARGEST_CHANGE = 0.45


class JointDistance:
    r"""Residuals :math:`(\sqrt{p_\theta}-\sqrt{p_*})/\sqrt2` times root weights on a grid.

    Parameters
    ----------
    atom : array (5,)
        c, Γ, a, b and ν of the true atom.
    copies : int
        Number m of atoms that are fitted; θ (m, 5) are theirs, and m - 1 log-ratios of weights.
    """

    def __init__(self, atom: ArrayLike, copies: int):
        self.atom, self.copies = np.asarray(atom, dtype=float), copies
        c, gamma, a, b, nu = self.atom
        u = np.arange(-_REACH, _REACH + _STEP, _STEP)
        first, second = (grid.ravel() for grid in np.meshgrid(u, u))
        self.x = c + np.sqrt(gamma) * first
        self.y = a * self.x + b + np.sqrt(nu) * second
        self._size = np.full(len(self.x), _STEP * (gamma * nu) ** 0.25 / np.sqrt(2.0))
        self._target = self._size * np.exp(0.5 * self._logs(self.atom[None])[0])

    def _logs(self, theta: Array) -> Array:
        c, gamma, a, b, nu = theta.T[:, :, None]
        square = (self.x - c) ** 2 / gamma + (self.y - a * self.x - b) ** 2 / nu
        return np.asarray(-np.log(2.0 * np.pi) - 0.5 * (np.log(gamma * nu) + square))

    def _slopes(self, theta: Array) -> Array:
        """Derivatives (m, 5, n) of the log densities."""
        c, gamma, a, b, nu = theta.T[:, :, None]
        u, e = self.x - c, self.y - a * self.x - b
        parts = [
            u / gamma, 0.5 * (u**2 / gamma - 1.0) / gamma,
            e * self.x / nu, e / nu, 0.5 * (e**2 / nu - 1.0) / nu,
        ]  # fmt: skip
        return np.stack(parts, axis=1)

    def residual(self, phi: Array) -> tuple[Array, Array]:
        """Residuals (n,) and Jacobian at φ: the first copy, differences to it, log-ratios."""
        m = self.copies
        theta, ratio = self._theta(phi), phi[5 * m :]
        weight = np.exp(np.append(ratio, 0.0))
        weight /= weight.sum()
        logs = self._logs(theta)
        top = logs.max(axis=0)
        terms = weight[:, None] * np.exp(logs - top)
        total = terms.sum(axis=0)
        root = self._size * np.exp(0.5 * (top + np.log(total)))
        share = terms / total
        atoms = (share[:, None] * self._slopes(theta)).reshape(5 * m, -1)
        atoms[:5] = atoms.reshape(m, 5, -1).sum(axis=0)
        rows = np.concatenate([atoms, (share - weight[:, None])[:-1]])
        return root - self._target, (0.5 * root * rows).T

    def _theta(self, phi: Array) -> Array:
        theta = phi[: 5 * self.copies].reshape(self.copies, 5).copy()
        theta[1:] += theta[0]
        return theta

    def distance(self, theta: Array, weight: Array) -> float:
        """Hellinger distance of a mixture of atoms θ (m, 5) with weights (m,)."""
        ratio = np.log(weight[:-1] / weight[-1])
        phi = np.concatenate([theta[0], (theta[1:] - theta[0]).ravel(), ratio])
        return float(np.linalg.norm(self.residual(phi)[0]))


def joint_split(
    atom: ArrayLike, copies: int, direction: ArrayLike, epsilon: float
) -> MixingMeasure:
    r"""Atoms whose joint law is nearest to that of one, to the order :math:`\varepsilon^{2m}`.

    Parameters
    ----------
    atom : array (5,)
        c, Γ, a, b and ν.
    copies : int
        Number m of atoms.
    direction : array (2,)
        The direction v in the plane of (x, y).
    epsilon : float
        Distance along it; the covariance S - ε² v vᵀ must stay positive definite.

    Examples
    --------
    >>> atom = [0.5, 0.2, 1.0, -0.3, 0.1]
    >>> split = joint_split(atom, 2, [1.0, 0.0], 0.1)
    >>> split["gate_mean"].ravel(), split["coef"].ravel().round(4)
    (array([0.4, 0.6]), array([1.0526, 1.0526]))
    """
    c, gamma, a, b, nu = np.asarray(atom, dtype=float)
    v = float(epsilon) * np.asarray(direction, dtype=float)
    node, weight = hermegauss(copies)
    cov = np.array([[gamma, a * gamma], [a * gamma, nu + a**2 * gamma]]) - np.outer(v, v)
    if np.linalg.eigvalsh(cov)[0] <= 0.0:
        raise ValueError(f"epsilon={epsilon} leaves no positive covariance; use a smaller one")
    mean = np.array([c, a * c + b]) + node[:, None] * v
    slope = cov[0, 1] / cov[0, 0]
    ones = np.ones(copies)
    blocks = {
        "gate_mean": mean[:, :1],
        "gate_covariance": cov[0, 0] * ones[:, None, None],
        "coef": slope * ones[:, None],
        "intercept": mean[:, 1] - slope * mean[:, 0],
        "variance": (cov[1, 1] - slope * cov[0, 1]) * ones,
    }
    return MixingMeasure(weight / weight.sum(), blocks)


def joint_exponents(
    atom: ArrayLike, block: str, *, copies: int = 2, epsilon: ArrayLike | None = None,
    n_starts: int = 6, max_iter: int = 600, seed: int = 0,
) -> LocalExponents:  # fmt: skip
    """How the Hellinger distance of joint laws vanishes as two copies of an atom come together.

    Parameters
    ----------
    atom : array (5,)
        c, Γ, a, b and ν of the true atom.
    block : str
        The block of the measure in which the first two of the copies are ε apart.
    copies : int
        Number of fitted atoms in the cell.
    epsilon : array, optional
        Four values or more, in the units of the block.
    n_starts : int
        Random starts at the largest ε; later ones are continued from the one before.
    max_iter, seed : int

    Raises
    ------
    ValueError
        If the block is unknown.

    Examples
    --------
    >>> found = joint_exponents([0.0, 1.0, 0.0, 0.0, 1.0], "coef")
    >>> print(f"{found.exponent:.1f}")
    2.0
    """
    if block not in JOINT_BLOCKS:
        raise ValueError(f"block={block!r} is not one of {JOINT_BLOCKS}")
    search = _Search(JointDistance(atom, copies), JOINT_BLOCKS.index(block), max_iter)
    # Differences of covariances and slopes are of the order of squares of those of centres.
    default = 0.5 * 0.75 ** np.arange(8)
    steps = -np.unique(-np.asarray(default if epsilon is None else epsilon, dtype=float))
    rng = np.random.default_rng(seed)
    starts = [search.noise(rng, steps[0]) for _ in range(n_starts)]
    best: list[LocalMinimum] = []
    for i, eps in enumerate(steps):
        found = sorted((search.at(eps, start) for start in starts), key=lambda m: m.value)
        best.append(found[0])
        starts = [search.shrunk(m.z, steps[i + 1] / eps) for m in found[:2] if i + 1 < len(steps)]
        if len(best) > 1 and i + 1 < len(steps):
            power = search.powers(best[-2].z, best[-1].z, steps[i - 1] / eps)
            starts.append(search.shrunk(best[-1].z, steps[i + 1] / eps, power))
    label = f"cell split in {copies}, {block} apart"
    values = np.array([m.value for m in best])
    doubts = np.array([0.0 if m.converged else -0.5 * np.log1p(-min(m.gain, 0.99)) for m in best])
    done = sum(m.converged for m in best)
    return LocalExponents.from_distances(("joint law", label), steps, values, doubts, done)


class _Search:
    """Minima with the difference of one block held."""

    def __init__(self, distance: JointDistance, entry: int, max_iter: int):
        self.distance, self.held, self.max_iter = distance, 5 + entry, max_iter
        atom, m = distance.atom, distance.copies
        reach = 1.0 + np.abs(atom)
        reach[[1, 4]] = _LARGEST_CHANGE * atom[[1, 4]]
        wide = np.concatenate([np.tile(reach, m), np.full(m - 1, LARGEST_LOG_RATIO)])
        self.base = np.concatenate([atom, np.zeros(5 * (m - 1) + m - 1)])
        self.lower, self.upper = self.base - wide, self.base + wide

    def noise(self, rng: np.random.Generator, eps: float) -> Array:
        return np.asarray(self.base + eps * rng.normal(size=len(self.base)))

    def shrunk(self, z: Array, factor: float, power: float | Array = 1.0) -> Array:
        """A point drawn towards the truth, every coordinate by a power of the factor."""
        moved = self.base + factor**power * (z - self.base)
        n_atoms = 5 * self.distance.copies
        moved[n_atoms:] = z[n_atoms:]
        return np.asarray(moved)

    def powers(self, before: Array, after: Array, factor: float) -> Array:
        """Powers of ε by which coordinates went from one minimum to the next."""
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = np.abs((before - self.base) / (after - self.base))
            power = np.log(ratio) / np.log(factor)
        return np.clip(np.nan_to_num(power, nan=1.0, posinf=1.0, neginf=1.0), 0.0, 4.0)

    def at(self, eps: float, start: Array) -> LocalMinimum:
        """The minimum at ε from a start."""
        lower, upper = self.lower.copy(), self.upper.copy()
        lower[self.held] = upper[self.held] = eps
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"), single_threaded_blas():
            return least_squares(
                self.distance.residual, start, lower, upper, zero=FLAT, max_iter=self.max_iter
            )
