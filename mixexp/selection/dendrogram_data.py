"""What a dendrogram takes from a fitted estimator and its data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mixexp.models.basis import Basis
from mixexp.models.measure import MixingMeasure
from mixexp.models.mixture import MixtureOfExperts
from mixexp.selection.dendrogram_errors import CannotMergeError
from mixexp.selection.dissimilarity import Units
from mixexp.selection.merging import SPREADS, second_moment_of
from mixexp.selection.merging_gaussian import GATE_MEAN
from mixexp.selection.merging_polynomial import FEATURE_MOMENT, with_feature_moments
from mixexp.selection.merging_weights import recentred, weighted

Array = NDArray[np.float64]


@dataclass(frozen=True)
class DendrogramData:
    """What :func:`~mixexp.selection.dendrogram.dendrogram` is given, and how to read its answer.

    Attributes
    ----------
    measure : MixingMeasure
        The fit, its gate's features counted from ``origin``.
    loglik : callable
        From such a measure to its total log-likelihood, nats.
    n : int
        Number of rows.
    second_moment, share, units
        As for :func:`~mixexp.selection.dendrogram.dendrogram`.
    origin : array (q,) or None
        Mean of the features of a softmax gate.
    """

    measure: MixingMeasure
    loglik: Callable[[MixingMeasure], float]
    n: int
    second_moment: Array | None
    share: Array | None
    units: Units | None
    origin: Array | None

    def on_user_scale(self, measure: MixingMeasure) -> MixingMeasure:
        """A measure as a user reads it: weights those at x = 0, blocks those of the fit."""
        return _user_scale(measure, self.origin)


def data_of(
    estimator: Any, X: ArrayLike, y: ArrayLike, *, standardize: bool, between: bool
) -> DendrogramData:
    """Measure, log-likelihood, moments, probabilities and units of an estimator on X, y.

    Raises
    ------
    CannotMergeError
        If the estimator cannot evaluate measures.
    """
    if not callable(getattr(estimator, "measure_loglik", None)):
        raise CannotMergeError(
            f"{type(estimator).__name__} has no method measure_loglik(measure, X, y); call "
            "dendrogram(measure, loglik, n) with a log-likelihood of your own"
        )
    x, response = np.asarray(X, dtype=float), np.asarray(y)
    measure = fitted_measure(estimator)
    phi, gate, target = _roles(estimator, x, response)
    origin = gate_origin(estimator.model_, measure, x) if standardize else None
    if origin is not None:
        measure = recentred(measure, origin)
    if GATE_MEAN in measure.atoms and phi.shape[1] != gate.shape[1]:
        r = np.asarray(estimator.responsibilities(X, y), dtype=float)
        measure = with_feature_moments(measure, phi, r)
    return DendrogramData(
        measure,
        lambda merged: float(estimator.measure_loglik(_user_scale(merged, origin), X, y)),
        len(x),
        second_moment_of(phi) if between and GATE_MEAN not in measure.atoms else None,
        _shares(estimator, X, y) if standardize else None,
        units_of(measure, phi, gate, target) if standardize else None,
        origin,
    )


def fitted_measure(estimator: Any) -> MixingMeasure:
    """The measure of a fit, with the logarithms of weights that are too small to be numbers."""
    measure: MixingMeasure = estimator.measure_
    gate, params = getattr(estimator.model_, "gate", None), getattr(estimator, "params_", None)
    if GATE_MEAN in measure.atoms or gate is None or params is None:
        return measure
    return weighted(measure, gate.log_weights(gate.from_params(params.gate)))


def gate_origin(model: Any, measure: MixingMeasure, x: Array) -> Array | None:
    """Mean (q,) of the features of a gate with logits β0 + β1ᵀφ(x), None for other gates.

    Examples
    --------
    >>> from mixexp.models import Gaussian, MixtureOfExperts, Softmax, TopK
    >>> G = MixingMeasure([1.0, 1.0], {"gate_coef": [[1.0], [0.0]]})
    >>> x = np.array([[2.0], [4.0]])
    >>> gates = Softmax(), TopK(1)
    >>> [gate_origin(MixtureOfExperts(gate, Gaussian(), 2, 1), G, x) for gate in gates]
    [array([3.]), None]
    """
    if "gate_coef" not in measure.atoms or not hasattr(model, "layout"):
        return None
    # Scores without an intercept of their own have an origin that must not move.
    bases = [c.basis for c in model.layout.gate if c.basis.slopes.any() and c.basis.constant]
    if len(bases) != 1:
        return None
    return np.asarray(_expanded(bases[0], x).mean(axis=0))


def _user_scale(measure: MixingMeasure, origin: Array | None) -> MixingMeasure:
    if origin is not None:
        measure = recentred(measure, -origin)
    if FEATURE_MOMENT not in measure.atoms:
        return measure
    blocks = {name: block for name, block in measure.atoms.items() if name != FEATURE_MOMENT}
    return MixingMeasure(measure.weight, blocks)


def _shares(estimator: Any, X: ArrayLike, y: ArrayLike) -> Array:
    """Probabilities of the experts, averaged over the rows, (K,)."""
    # Joint laws may have no gate in closed form, and their weights are averages of posteriors.
    joint = hasattr(estimator, "joint_score_samples")
    each = estimator.responsibilities(X, y) if joint else estimator.gate_proba(X)
    return np.maximum(np.asarray(each, dtype=float).mean(axis=0), np.finfo(float).tiny)


def _roles(estimator: Any, x: Array, y: Array) -> tuple[Array, Array, Array]:
    """Features of the experts (n, q), covariates of the gate (n, d), and the experts' response."""
    model = estimator.model_
    if hasattr(model, "layout"):
        return expert_features(model, x), x[:, list(model.columns[0])], y
    # Joint laws may be parametrised in the inverse direction: y in the gate, x the response.
    u, v = x, y
    if getattr(estimator, "direction", "direct") == "inverse":
        u, v = y.reshape(len(y), -1).astype(float), x
    return np.asarray(model.features(np.ascontiguousarray(u.T))[1:].T), u, v


def expert_features(model: MixtureOfExperts, x: Array) -> Array:
    """The features (n, q) that the slopes of the experts multiply.

    Examples
    --------
    >>> from mixexp.models import Gaussian, Softmax
    >>> model = MixtureOfExperts(Softmax(), Gaussian(degree=2), n_experts=2, n_columns=1)
    >>> expert_features(model, np.array([[2.0], [3.0]]))
    array([[2., 4.],
           [3., 9.]])
    """
    bases = [c.basis for c in model.layout.expert if c.basis.slopes.any()]
    if not bases:
        return np.empty((len(x), 0))
    return _expanded(bases[0], x)


def _expanded(basis: Basis, x: Array) -> Array:
    """The terms of a basis at rows x (n, n_columns) but for the constant, (n, q)."""
    z = np.ascontiguousarray(x.T)
    return np.asarray(basis.expand(z, np.empty((basis.n_terms, len(x))))[basis.slopes].T)


def units_of(measure: MixingMeasure, phi: Array, gate: Array, y: Array) -> Units:
    """Means and standard deviations of features, and of a response with a variance.

    Parameters
    ----------
    measure : MixingMeasure
    phi : array (n, q)
        Features that the slopes of experts multiply.
    gate : array (n, d)
        Covariates of a Gaussian gate.
    y : array (n,) or (n, D)
        Response of the experts.

    Examples
    --------
    >>> G = MixingMeasure([1.0], {"coef": [[3.0]], "intercept": [1.0], "variance": [4.0]})
    >>> x = np.array([[0.0], [2.0]])
    >>> units_of(G, x, x, np.array([1.0, 5.0])).response_scale
    array(2.)
    """
    spread = any(name in measure.atoms for name in SPREADS)
    response: float | Array = 1.0
    if spread:
        of_one = np.asarray(y, dtype=float).reshape(len(phi), *measure["intercept"].shape[1:])
        response = _positive(of_one.std(axis=0))
    scale = _positive(phi.std(axis=0))
    return Units(phi.mean(axis=0), scale, response, _positive(gate.std(axis=0)))


def _positive(scale: Array) -> Array:
    return np.asarray(np.where(scale > 0.0, scale, 1.0))
