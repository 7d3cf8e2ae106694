"""The expected Fisher information on a design, through its square root."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mixexp.estimation.data import Data
from mixexp.estimation.identifiability.design import thinned
from mixexp.estimation.objective import Objective
from mixexp.models.mixture import MixtureOfExperts, MixtureParams
from mixexp.models.response_grid import points_per_row, response_grid

Array = NDArray[np.float64]

# Exact null directions come out at 1e-15 of the largest singular value, and a direction as weak as
# the next number would need 1e18 observations to be told from one.
NULL = 1e-10
# Part of what a column of J could be that counts as zero.
_NOTHING = 1e-13
# How far from one the mass of a law may be summed to.
_MASS = 1e-2
# Rows of the design, at most and at least; entries of J, and points of a grid of responses.
_ROWS, _FEWEST = 256, 8
_ENTRIES = 2e7
POINTS = 2e6
"""Points that the grids of responses of a diagnosis stay below."""


def root_scores(
    model: MixtureOfExperts,
    params: MixtureParams,
    x: Array,
    weight: Array | None = None,
    known: Array | None = None,
) -> Array:
    r"""Rows :math:`\sqrt{w_i\,dy_p\,p(y_p|x_i)}\;\nabla_\theta\log p(y_p|x_i)`, as J (P, q).

    The expected information of one observation on the design is
    :math:`J^\top J=\sum_i w_i\,E\{\nabla\log p\,\nabla\log p^\top\mid x_i\}` with
    :math:`\sum_iw_i=1`. The singular values of J keep sixteen digits of the square roots of its
    eigenvalues, where the eigenvalues of the product itself would keep eight.

    Parameters
    ----------
    model : MixtureOfExperts
    params : MixtureParams
        On the scale of x; θ is what ``model.layout`` makes of them.
    x : array (n, n_columns)
        The design.
    weight : array (n,), optional
        Non-negative weights of its rows, brought to sum one; equal ones by default.
    known : array (n,), optional
        Exposures or numbers of trials, for families that have them.

    Returns
    -------
    array (P, q)
        One row for each point of the response grid, one column for each free parameter.

    Raises
    ------
    ValueError
        If densities cannot be computed, as those of counts with means above 1e12.

    Notes
    -----
    Where a likelihood jumps (top-K gates) these are the scores inside the pieces.

    References
    ----------
    Louis (1982), Finding the observed information matrix when using the EM algorithm, JRSS B 44,
    for the scores.

    Examples
    --------
    Of an ordinary regression with σ² = 1/4 the information is E φφᵀ / σ² for the mean, and 1/2 for
    log σ².

    >>> from mixexp.models import Gaussian, GaussianParams, Softmax, SoftmaxParams
    >>> model = MixtureOfExperts(Softmax(), Gaussian(), n_experts=1, n_columns=1)
    >>> params = MixtureParams(
    ...     SoftmaxParams(np.zeros(1), np.zeros((1, 1))),
    ...     GaussianParams(np.array([1.0]), np.array([[2.0]]), np.array([0.25])),
    ... )
    >>> J = root_scores(model, params, np.array([[-1.0], [1.0]]))
    >>> (J.T @ J).round(6) + 0.0
    array([[4. , 0. , 0. ],
           [0. , 4. , 0. ],
           [0. , 0. , 0.5]])
    """
    x = np.asarray(x, dtype=float)
    grid = response_grid(model, params, x, known, smooth=True)
    share = np.full(len(x), 1.0 / len(x)) if weight is None else weight / np.sum(weight)
    data = Data.from_rows(x[grid.row], model.expert.encode(grid.y), standardize=False, take_y=True)
    objective = Objective(model, data)
    theta = objective.layout.vector(model.coefficients(params))
    with np.errstate(over="ignore"):
        mass = grid.weight * np.exp(objective.log_prob(theta))
    _check_mass(np.bincount(grid.row, mass, minlength=len(x)).astype(float), x)
    root = np.sqrt(share[grid.row] * mass)
    return np.asarray(root[:, None] * objective.scores(theta))


def _check_mass(mass: Array, x: Array) -> None:
    """Raise a ValueError where the densities do not sum to one."""
    bad = np.flatnonzero(~(np.abs(mass - 1.0) < _MASS))
    if bad.size:
        raise ValueError(
            f"the density at x = {x[bad[0]]} sums to {mass[bad[0]]:.3g} over the responses: the "
            "params are too extreme for sixteen digits, as with counts whose mean is above 1e12; "
            "pass parameters, or rows of x, with smaller means"
        )


@dataclass(frozen=True)
class Information:
    """The rank of the expected information of one observation, and its null directions.

    Attributes
    ----------
    singular_values : array (q,)
        Of J as it is, descending; their squares are the eigenvalues of the information.
    scaled : array (q,)
        Of J with every column brought to length one, so that units do not matter. The rank counts
        those above 1e-10 of the largest.
    rank : int
    null : array (q, q - rank)
        Orthonormal null directions, as moves of θ.
    names : tuple of str
        What each entry of θ is.
    weakest : array (q,)
        The direction of θ, of length one, along which the scaled information is smallest beside
        the null ones.
    n_silent : int
        Number of entries of θ whose own column of J is zero.
    """

    singular_values: Array
    scaled: Array
    rank: int
    null: Array
    names: tuple[str, ...]
    weakest: Array
    n_silent: int = 0

    @property
    def n_null(self) -> int:
        """Number of null directions."""
        return self.null.shape[1]

    @property
    def gap(self) -> float:
        """Smallest scaled singular value that counts over the largest that does not."""
        if not 0 < self.rank < len(self.scaled) or self.scaled[self.rank] == 0.0:
            return np.inf
        return float(self.scaled[self.rank - 1] / self.scaled[self.rank])

    @property
    def condition(self) -> float:
        """Largest over smallest non-null eigenvalue of the scaled information."""
        return float((self.scaled[0] / self.scaled[self.rank - 1]) ** 2) if self.rank else np.inf

    def participants(self, directions: Array | None = None) -> tuple[str, ...]:
        """Names of the entries of θ with a visible part in the null (or other) directions."""
        chosen = self.null if directions is None else directions.reshape(len(self.names), -1)
        part = np.sqrt(np.sum(chosen**2, axis=1))
        return tuple(n for n, p in zip(self.names, part, strict=True) if p > 0.01)

    def describe(self, direction: Array) -> str:
        """A direction in words: its largest entries with their names."""
        order = [i for i in np.argsort(-np.abs(direction)) if abs(direction[i]) > 0.01]
        return " ".join(f"{direction[i]:+.3f} {self.names[i]}" for i in order[:6]) + (
            " + ..." if len(order) > 6 else ""
        )


def expected_information(
    model: MixtureOfExperts,
    params: MixtureParams,
    x: Array,
    weight: Array | None = None,
    known: Array | None = None,
    columns: list[str] | None = None,
) -> Information:
    """Rank, singular values and null directions of the expected information on a design.

    Arguments as for :func:`root_scores`. At most 256 of the distinct rows of x are used: those that
    span the features, and others that stand for the rest
    (:func:`~mixexp.estimation.identifiability.design.thinned`).

    Examples
    --------
    Two equal experts: how they share their weight is not identified, to first order neither is
    a difference between them.

    >>> from mixexp.models import Gaussian, GaussianParams, Softmax, SoftmaxParams
    >>> model = MixtureOfExperts(Softmax(), Gaussian(), n_experts=2, n_columns=1)
    >>> params = MixtureParams(
    ...     SoftmaxParams(np.zeros(2), np.zeros((2, 1))),
    ...     GaussianParams(np.ones(2), np.full((2, 1), 2.0), np.full(2, 0.25)),
    ... )
    >>> found = expected_information(model, params, np.linspace(-1, 1, 9)[:, None])
    >>> found.rank, found.n_null
    (3, 5)
    """
    x = np.asarray(x, dtype=float)
    labels = _labels(columns, x.shape[1])
    most = min(POINTS, _ENTRIES / max(model.layout.n_free, 1))
    rows, share = affordable(model, params, x, weight, known, _ROWS, most)
    root = root_scores(model, params, rows[:, : x.shape[1]], share, _last(rows, known))
    floor = _floor(model, rows[:, : x.shape[1]], np.linalg.norm(root, axis=0))
    return decompose(root, tuple(model.layout.names(labels)), floor)


def affordable(
    model: MixtureOfExperts,
    params: MixtureParams,
    x: Array,
    weight: Array | None,
    known: Array | None,
    n_rows: int,
    most: float,
) -> tuple[Array, Array]:
    """Rows that stand for the design, and weights, with at most ``most`` points in their grid.

    As :func:`thinned`, with fewer than ``n_rows`` rows (but 8) where many experts make large grids.
    """
    while True:
        rows, share = thinned(model, params, x, weight, known, n_rows)
        n = len(rows)
        points = points_per_row(model, params, rows[:, : x.shape[1]], _last(rows, known)).sum()
        if points <= most or n <= _FEWEST:
            return rows, share
        n_rows = max(_FEWEST, min(n - 1, int(n * most / points)))


def _labels(columns: list[str] | None, n_columns: int) -> list[str]:
    if columns is None:
        return [f"x{j}" for j in range(n_columns)]
    if len(columns) != n_columns:
        raise ValueError(
            f"columns={list(columns)!r} has {len(columns)} name(s), but x has {n_columns} "
            "column(s): give each its name, or leave columns out"
        )
    return list(columns)


def decompose(root: Array, names: tuple[str, ...], floor: Array | float = 0.0) -> Information:
    """Rank and null directions from J (P, q); columns no longer than ``floor`` count as zero."""
    compact = np.linalg.qr(root, mode="r")
    length = np.linalg.norm(compact, axis=0)
    length = np.where(length <= floor, 0.0, length)
    unit = np.where(length > 0.0, 1.0 / np.where(length > 0.0, length, 1.0), 0.0)
    _, scaled, rows = np.linalg.svd(compact * unit)
    scaled = np.concatenate([scaled, np.zeros(len(names) - len(scaled))])
    rank = int(np.sum(scaled > NULL * scaled[0])) if scaled.size and scaled[0] > 0.0 else 0
    # A null direction v of the scaled matrix is the move v / length of θ; of a zero column the
    # move is that entry of θ alone, in which the scaled matrix has its unit vector.
    back = np.where(length > 0.0, unit, 1.0)[:, None] * rows.T
    null, _ = np.linalg.qr(back[:, rank:])
    weakest = back[:, rank - 1] if rank else np.zeros(len(names))
    size = float(np.linalg.norm(weakest)) or 1.0
    values = np.zeros(len(names))
    raw = np.linalg.svd(compact, compute_uv=False)
    values[: len(raw)] = raw
    silent = int(np.sum(length == 0.0))
    return Information(values, scaled, rank, null, names, weakest / size, silent)


def _last(rows: Array, known: Array | None) -> Array | None:
    return None if known is None else rows[:, -1]


def _floor(model: MixtureOfExperts, x: Array, length: Array) -> Array:
    """Lengths of columns of J that count as zero, (q,).

    Relative to the same parameter of another expert: what an expert with a weight of 1e-26 says is
    no information. For the gate also relative to the feature, as r - π is rounded at one.
    """
    layout = model.layout
    features = layout.features(np.ascontiguousarray(x.T))
    sizes = [np.sqrt(np.mean(phi**2, axis=1)) for phi in features]
    floor = np.zeros(layout.n_free)
    for i, (where, shape) in enumerate(zip(layout.slices, layout.shapes, strict=True)):
        size = length[where].reshape(shape).max(axis=0, initial=0.0)
        if i < len(layout.gate):
            size = np.maximum(size, sizes[layout.basis_of[i]])
        floor[where] = np.tile(size, shape[0])
    return _NOTHING * floor
