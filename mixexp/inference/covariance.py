"""Covariances of the maximum-likelihood estimator, and of functions of it by the delta method."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mixexp.inference.curvature import Curvature, split
from mixexp.inference.fitted import Fitted
from mixexp.inference.outer import clustered_products, outer_products

Array = NDArray[np.float64]

COV_TYPES = ("observed", "opg", "sandwich", "cluster")
"""Estimators of the covariance."""

# A function is determined if moving by one along a null direction changes it by less than this part
# of its standard error; or of its own scale, or of its gradient, where that is zero.
_PART, _PART_OF_SCALE, _ROUNDING = 1e-3, 1e-6, 1e-11


@dataclass(frozen=True, eq=False)
class Covariance:
    r"""A covariance :math:`V=LL^\top` of :math:`\hat\theta`, in the solver's coordinates.

    Functions h(θ) with gradients g have the covariance :math:`g^\top Vg` by the delta method,
    provided that the data determine them: a function that changes along a null direction of the
    information has no standard error.

    Attributes
    ----------
    kind : str
        One of "observed", "opg", "sandwich", "cluster".
    root : array (P, m)
        L.
    null : array (P, q)
        Orthonormal basis of the directions along which the data do not determine θ.
    failure : str
        Why no function has a standard error; empty if some have.

    Examples
    --------
    Only the sum of two parameters is determined, with variance 2:

    >>> plus, minus = np.array([[1.0], [1.0]]), np.array([[1.0], [-1.0]])
    >>> V = Covariance("observed", root=plus / 2**0.5, null=minus / 2**0.5)
    >>> V.standard_error([[1.0, 1.0], [1.0, 0.0]]).round(3)
    array([1.414,   nan])
    """

    kind: str
    root: Array
    null: Array
    failure: str = ""

    @property
    def matrix(self) -> Array:
        """V (P, P); zero along directions that are null, on a bound or given."""
        return self.root @ self.root.T

    def estimable(self, gradient: ArrayLike, scale: float = 0.0) -> NDArray[np.bool_]:
        """Whether the data determine functions with gradients (m, P), (m,).

        Parameters
        ----------
        gradient : array (m, P)
        scale : float
            What counts as a large value of the functions, 1 for a probability: changes below 1e-6
            of it do not matter.
        """
        g = np.atleast_2d(np.asarray(gradient, dtype=float))
        if self.failure:
            return np.zeros(len(g), dtype=bool)
        change = np.linalg.norm(g @ self.null, axis=1)
        tolerated = _PART * self._errors(g) + _PART_OF_SCALE * scale
        return change <= np.maximum(tolerated, _ROUNDING * np.linalg.norm(g, axis=1))

    def standard_error(self, gradient: ArrayLike, scale: float = 0.0) -> Array:
        """Standard errors (m,) of functions with gradients (m, P); NaN where not estimable."""
        g = np.atleast_2d(np.asarray(gradient, dtype=float))
        return np.where(self.estimable(g, scale), self._errors(g), np.nan)

    def of(self, gradient: ArrayLike, scale: float = 0.0) -> Array:
        """Covariance (m, m) of functions with gradients (m, P); NaN where not estimable."""
        g = np.atleast_2d(np.asarray(gradient, dtype=float))
        half = g @ self.root
        half[~self.estimable(g, scale)] = np.nan
        return half @ half.T

    def _errors(self, gradient: Array) -> Array:
        return np.linalg.norm(gradient @ self.root, axis=1)


def covariance(
    fitted: Fitted,
    around: Curvature,
    kind: str,
    *,
    weights: str = "frequency",
    groups: NDArray[np.intp] | None = None,
) -> Covariance:
    r"""A covariance of the maximum-likelihood estimator.

    With A the observed information (that of the ridge included) and B the sum of outer products of
    the scores of rows, or of groups of rows: "observed" :math:`A^{-1}`, "opg" :math:`B^{-1}`,
    "sandwich" and "cluster" :math:`A^{-1}BA^{-1}`; the inverses are taken on the directions that
    the data determine.

    Parameters
    ----------
    fitted : Fitted
    around : Curvature
        That of the fit.
    kind : {"observed", "opg", "sandwich", "cluster"}
    weights : {"frequency", "sampling"}
    groups : array of int (n,), optional
        Groups of the rows, 0..G-1, of kind "cluster".

    References
    ----------
    White (1982), Maximum likelihood estimation of misspecified models, Econometrica 50.
    """
    root = around.root
    if kind == "observed" or around.failure:
        return Covariance(kind, root, around.null, around.failure)
    if kind == "cluster":
        assert groups is not None
        outer = clustered_products(fitted, groups)
    else:
        outer = outer_products(fitted, weights)
    inside = root.T @ outer @ root
    if kind == "opg":
        # Relative to the information B is the identity, so what counts as zero has no units.
        half, missing, _ = split(inside, np.eye(len(inside)))
        null = np.linalg.qr(np.hstack([around.null, root @ missing]))[0]
        return Covariance(kind, root @ half, null)
    values, vectors = np.linalg.eigh(inside)
    return Covariance(kind, root @ (vectors * np.sqrt(np.maximum(values, 0.0))), around.null)


def check_kind(kind: Any, weights: str, weighted: bool, groups: Any) -> None:
    """Refuse a kind of covariance that does not exist or does not fit weights and groups.

    Raises
    ------
    ValueError
    """
    if kind not in COV_TYPES:
        raise ValueError(f"cov_type={kind!r} is not one of {', '.join(map(repr, COV_TYPES))}")
    if kind == "cluster" and groups is None:
        raise ValueError(
            "cov_type='cluster' needs groups=, the group of each row; rows that do not depend on "
            "each other have cov_type='sandwich'"
        )
    if kind != "cluster" and groups is not None:
        raise ValueError(
            f"groups= was given with cov_type={kind!r}, which takes rows as independent; use "
            "cov_type='cluster'"
        )
    if weights == "sampling" and weighted and kind in ("observed", "opg"):
        raise ValueError(
            f"cov_type={kind!r} rests on the likelihood of the rows, which sampling weights are "
            "not part of; use cov_type='sandwich' or 'cluster'"
        )
