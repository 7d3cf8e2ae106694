"""Parameters in the forms that packages share: regressions, mappings, and mixtures of (x, y)."""

from __future__ import annotations

from collections.abc import Mapping as Names
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


class Regressions(NamedTuple):
    """p(y | x) = Σ_k softmax_k(gate_k · (1, x)) N(y; mean_k · (1, x), variance_k).

    gate (K, 1 + d_gate), up to a common translation; mean (K, 1 + d_experts); variance (K,).
    """

    gate: Array
    mean: Array
    variance: Array


class Mapping(NamedTuple):
    """p(x, y) = Σ_k weight_k N(x; center_k, Γ_k) N(y; table_k · (1, x), covariance_k).

    weight (K,), center (K, L), Γ: gate_covariance (K, L, L), table (K, D, 1 + L) and covariance
    (K, D, D).
    """

    weight: Array
    center: Array
    gate_covariance: Array
    table: Array
    covariance: Array


class Mixture(NamedTuple):
    """p(x, y) = Σ_k weight_k N((x, y); mean_k, covariance_k); weight (K,), mean (K, L + D)."""

    weight: Array
    mean: Array
    covariance: Array


Form = TypeVar("Form", Regressions, Mapping, Mixture)


def mixture(mapping: Mapping) -> Mixture:
    """The Gaussian mixture of (x, y) that is the same law as a mapping with full covariances.

    Examples
    --------
    >>> one = Mapping(np.ones(1), np.zeros((1, 1)), np.ones((1, 1, 1)),
    ...               np.array([[[0.0, 2.0]]]), np.ones((1, 1, 1)))
    >>> mixture(one).covariance[0]
    array([[1., 2.],
           [2., 5.]])
    """
    slope = mapping.table[:, :, 1:]
    outputs = mapping.table[:, :, 0] + np.einsum("kdl,kl->kd", slope, mapping.center)
    cross = slope @ mapping.gate_covariance
    below = np.concatenate([cross, mapping.covariance + cross @ slope.transpose(0, 2, 1)], axis=2)
    above = np.concatenate([mapping.gate_covariance, cross.transpose(0, 2, 1)], axis=2)
    mean = np.concatenate([mapping.center, outputs], axis=1)
    return Mixture(mapping.weight, mean, np.concatenate([above, below], axis=1))


def mapping(mixture: Mixture, n_inputs: int) -> Mapping:
    """The inverse of :func:`mixture`, with the first ``n_inputs`` coordinates as x."""
    x, y = slice(None, n_inputs), slice(n_inputs, None)
    of_x, cross = mixture.covariance[:, x, x], mixture.covariance[:, y, x]
    slope = np.linalg.solve(of_x, cross.transpose(0, 2, 1)).transpose(0, 2, 1)
    intercept = mixture.mean[:, y] - np.einsum("kdl,kl->kd", slope, mixture.mean[:, x])
    table = np.concatenate([intercept[:, :, None], slope], axis=2)
    noise = mixture.covariance[:, y, y] - slope @ cross.transpose(0, 2, 1)
    noise = 0.5 * (noise + noise.transpose(0, 2, 1))
    return Mapping(mixture.weight, mixture.mean[:, x], of_x, table, noise)


def to_json(parameters: Regressions | Mapping | Mixture) -> dict[str, Any]:
    """Names and nested lists; numbers keep every bit."""
    return {name: np.asarray(value).tolist() for name, value in parameters._asdict().items()}


def from_json(form: type[Form], found: Names[str, Any]) -> Form:
    """The inverse of :func:`to_json`; refuses what is not finite.

    Raises
    ------
    ValueError
        If a name is missing or a number is not finite.
    """
    missing = [name for name in form._fields if name not in found]
    if missing:
        raise ValueError(f"parameters lack {', '.join(missing)}; they have {', '.join(found)}")
    arrays = {name: np.asarray(found[name], dtype=float) for name in form._fields}
    for name, array in arrays.items():
        if not np.isfinite(array).all():
            raise ValueError(f"{name} of the parameters is not finite")
    return form(**arrays)
