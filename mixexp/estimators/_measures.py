"""Log-likelihoods of mixing measures, whatever covariances they have."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone

from mixexp.models import MixingMeasure, MixtureOfExperts, MixtureParams
from mixexp.models.covariances import Covariance, Full
from mixexp.models.gllim import GLLiM
from mixexp.models.part import Part

Array = NDArray[np.float64]
P = TypeVar("P", bound=Part)


def unrestricted(part: P) -> P:
    """The gate or expert of the same family with covariances or variances that are free.

    A measure that is merged from a fit, or a truth, need not have the structure of the fit.

    Examples
    --------
    >>> from mixexp.models import Gaussian, MultivariateGaussian
    >>> from mixexp.models.covariances import Diagonal
    >>> unrestricted(MultivariateGaussian(2, Diagonal("shared"))).covariance
    Full()
    >>> unrestricted(Gaussian(degree=2, variance="shared"))
    Gaussian(degree=2)
    """
    settings = part.get_params()
    free: dict[str, Covariance | str] = {
        name: Full() for name, value in settings.items() if isinstance(value, Covariance)
    }
    if settings.get("variance") == "shared":
        free["variance"] = "expert"
    return clone(part).set_params(**free) if free else part


def joint_model(model: GLLiM, n_experts: int) -> GLLiM:
    """The joint law of the same features with any covariances, factors among them.

    Examples
    --------
    >>> from mixexp.models.covariances import Isotropic
    >>> joint_model(GLLiM(3, 1, 2, covariance=Isotropic()), 2).covariance
    Full()
    """
    return replace(
        model, n_experts=n_experts, gate_covariance=Full(), covariance=Full(), n_latent=0
    )


def conditional_model(
    model: MixtureOfExperts, measure: MixingMeasure
) -> tuple[MixtureOfExperts, MixtureParams]:
    r"""The model :math:`p(y\mid x)` in which a measure is what it is, and its parameters there.

    Parameters
    ----------
    model : MixtureOfExperts
        That of the fit; its features, gate and family of experts are kept.
    measure : MixingMeasure
        Of the blocks of the model, with any number of atoms; a block ``gate_log_weight`` stands in
        for the weights.

    Raises
    ------
    ValueError
        If a block of the model is missing, or the gate cannot serve the atoms.

    Examples
    --------
    >>> from mixexp.models import Gaussian, Softmax
    >>> model = MixtureOfExperts(Softmax(), Gaussian(variance="shared"), 1, n_columns=1)
    >>> G = MixingMeasure([0.5, 0.5], {"gate_coef": [[9.0], [0.0]], "intercept": [0.0, 1.0],
    ...     "coef": [[0.0], [0.0]], "variance": [1.0, 4.0], "gate_log_weight": [-900.0, 0.0]})
    >>> free, params = conditional_model(model, G)
    >>> params.expert.variance, free.weights(params, np.array([[100.0]])).round(3)
    (array([1., 4.]), array([[0.5, 0.5]]))
    """
    k, gate = measure.n_atoms, unrestricted(model.gate)
    gate = gate if k == model.n_experts else gate.for_experts(k)
    free = replace(model, gate=gate, expert=unrestricted(model.expert), n_experts=k)
    try:
        params = MixtureParams(
            _gate_params(free, measure.weight, measure.atoms),
            free.expert.from_atoms(measure.atoms),
        )
    except KeyError as error:
        raise ValueError(
            f"measure has the blocks {sorted(measure.atoms)}; {error} of the model is missing"
        ) from error
    return free, params


def _gate_params(model: MixtureOfExperts, weight: Array, atoms: Mapping[str, Array]) -> object:
    """Parameters of the gate from weights, or from their logarithms where the measure has them."""
    from mixexp.selection.merging_weights import LOG_WEIGHT

    if LOG_WEIGHT not in atoms:
        return model.gate.from_atoms(weight, atoms)
    even = model.gate.from_atoms(np.ones_like(weight), atoms)
    coefficients = model.gate.from_params(even)
    for k, nats in enumerate(atoms[LOG_WEIGHT]):
        model.gate.shift(coefficients, k, float(nats))
    return model.gate.to_params(coefficients)
