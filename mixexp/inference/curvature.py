"""Where normal theory applies at a fit: free moves, their curvature, and directions without any."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mixexp.estimation.certificate import NULL_CURVATURE
from mixexp.estimation.pieces import pieces_of
from mixexp.estimation.solvers.chain import HESSIAN_LIMIT
from mixexp.estimation.solvers.edges import working_basis
from mixexp.inference.fitted import Fitted

Array = NDArray[np.float64]

# Singular values below this belong to moves that a constraint leaves alone.
_ALONG = 1e-9


class Curvature(NamedTuple):
    """The observed information on the moves that leave bounds and boundaries alone.

    Attributes
    ----------
    root : array (P, m)
        Moves z with unit information: :math:`z_i^\\top A z_j=\\delta_{ij}`, A = -H(θ).
    null : array (P, q)
        Orthonormal basis of the moves along which the log-likelihood is flat.
    failure : str
        Why nothing can be said about any parameter; empty if something can.
    """

    root: Array
    null: Array
    failure: str


def curvature(fitted: Fitted) -> Curvature:
    """The moves around a fit and the exact observed information along them.

    Coordinates on a bound, and given ones, stay where they are; so do boundaries across which the
    likelihood jumps. Exact invariances of the model are flat directions whatever the Hessian says:
    away from a score of zero a curved one seems to have curvature.
    """
    n = fitted.n_free
    failure = _failure(fitted)
    if failure:
        return Curvature(np.zeros((n, 0)), np.eye(n), failure)
    evaluation = fitted.objective.evaluate(fitted.theta, 2)
    assert evaluation.hessian is not None and evaluation.gradient is not None
    free = fitted.box.free(fitted.theta, evaluation.gradient)
    pieces = pieces_of(fitted.objective)
    moves = np.eye(n)[:, free]
    if pieces is not None and pieces.jumps:
        basis = working_basis(fitted.objective, evaluation, fitted.theta, fitted.box, 1e-8)
        moves = _within(basis, free)
    known = _inside(moves, fitted.model.invariant_directions(fitted.theta))
    others = moves @ null_space(known.T @ moves).T if known.shape[1] else moves
    root, null, lowest = split(-evaluation.hessian, others)
    null = np.linalg.qr(np.hstack([known, null]))[0]
    if lowest < 0.0:
        failure = (
            "the observed information is not positive: the log-likelihood curves upwards by "
            f"{-lowest:.3g} nats along a direction, so the fit is no maximum there"
        )
        return Curvature(np.zeros((n, 0)), np.eye(n), failure)
    return Curvature(root, null, "")


def split(matrix: Array, moves: Array) -> tuple[Array, Array, float]:
    """Directions in which a symmetric matrix is positive, normalised by it, and those without.

    Parameters
    ----------
    matrix : array (P, P)
    moves : array (P, m)
        Orthonormal basis of the directions to look at.

    Returns
    -------
    root : array (P, r)
        Directions z with zᵀMz = 1, orthogonal under M.
    null : array (P, q)
        Orthonormal basis of directions along which zᵀMz is zero to rounding, or below 1e-6 for a
        direction of length one.
    lowest : float
        The most negative zᵀMz of a direction of length one; 0 if none is.
    """
    if not moves.shape[1]:
        return moves, moves, 0.0
    inside = moves.T @ matrix @ moves
    diagonal = np.diag(inside)
    # On coordinates of unit curvature, units of the data play no part in what counts as zero.
    scale = 1.0 / np.sqrt(np.where(diagonal > 0.0, diagonal, 1.0))
    values, vectors = np.linalg.eigh(scale[:, None] * inside * scale)
    directions = moves @ (scale[:, None] * vectors)
    noise = 32.0 * np.finfo(float).eps * len(values) * float(np.abs(values).max())
    up, down = values > noise, values < -noise
    root, flat, _ = _steep(directions[:, up] / np.sqrt(values[up]))
    _, also_flat, sizes = _steep(directions[:, down] / np.sqrt(-values[down]))
    zero = directions[:, ~up & ~down]
    zero = zero / np.linalg.norm(zero, axis=0)
    null = np.linalg.qr(np.hstack([zero, flat, also_flat]))[0]
    return root, null, float(-np.max(sizes**-2.0, initial=0.0))


def _steep(moves: Array) -> tuple[Array, Array, Array]:
    """Combinations of moves z with |zᵀMz| = 1 that are short, and those that are long.

    Moves are combined because eigenvectors of equal values mix a flat direction with a steep one,
    of which each sum would pass for flat.

    Parameters
    ----------
    moves : array (P, r)
        Orthogonal under M.

    Returns
    -------
    root : array (P, s)
        Combinations with |zᵀMz| = 1, orthogonal under M.
    flat : array (P, r - s)
        Orthonormal combinations with |zᵀMz| below 1e-6.
    sizes : array (s,)
        Lengths of the columns of ``root``.
    """
    left, sizes, right = np.linalg.svd(moves, full_matrices=False)
    flat = sizes**2 * NULL_CURVATURE >= 1.0
    root = moves @ right[~flat].T
    # Rounding of the longest moves could be more than the shortest.
    root -= left[:, flat] @ (left[:, flat].T @ root)
    return root, left[:, flat], sizes[~flat]


def _failure(fitted: Fitted) -> str:
    certificate = fitted.certificate
    if certificate is None and fitted.n_free > HESSIAN_LIMIT:
        return (
            f"the model has {fitted.n_free} parameters and the information of more than "
            f"{HESSIAN_LIMIT} is not formed; fit fewer experts or columns"
        )
    if certificate is None or not certificate.holds:
        return (
            "the fit is not a certified optimum, and away from one standard errors mean nothing; "
            "raise max_iter= or n_init=, or see certificate_.summary()"
        )
    return ""


def _within(basis: Array, free: NDArray[np.bool_]) -> Array:
    """Orthonormal basis of the moves in ``basis`` that leave the coordinates on bounds alone."""
    if free.all() or not basis.shape[1]:
        return basis
    return basis @ null_space(basis[~free]).T


def _inside(moves: Array, directions: Array) -> Array:
    """Orthonormal basis of the exact invariances that the moves can follow."""
    if not directions.shape[1]:
        return directions
    outside = directions - moves @ (moves.T @ directions)
    return np.linalg.qr(directions @ null_space(outside).T)[0]


def null_space(matrix: Array) -> Array:
    """Orthonormal rows (r, m) of the null space of a matrix (p, m) of entries of order one."""
    _, sizes, rows = np.linalg.svd(matrix)
    return rows[int(np.sum(sizes > _ALONG)) :]
