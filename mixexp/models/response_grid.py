"""Points and weights that integrate or sum over the response, for any family of experts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mixexp.models.components import Components
from mixexp.models.distribution import MixtureDistribution
from mixexp.models.mixture import MixtureOfExperts, MixtureParams
from mixexp.models.quadrature import Panels, panels_between

Array = NDArray[np.float64]

# In standard deviations. Outside 10 a normal law has mass 1e-23; inside, 10 Gauss-Legendre nodes
# a panel give squared Hellinger distances to a relative 1e-8, whatever the ratios of the scales.
REACH = np.array([-10.0, -7.5, -6.0, -4.5, -3.0, -1.5, 0.0, 1.5, 3.0, 4.5, 6.0, 7.5, 10.0])
# Probability that may be left out at either end of a count.
_TAIL = 1e-20


class ResponseGrid(NamedTuple):
    """Responses y_p at rows x_(row_p) with weights: Σ_p weight_p g(y_p) is ∫ g(y) dy or a sum.

    ``row`` and ``weight`` are (P,), the points of a row following each other. ``y`` is as the
    experts' ``encode`` reads it: (P,), or (P, 2) with known exposures or trials in column 1.
    """

    row: NDArray[np.intp]
    y: Array
    weight: Array


def response_panels(laws: Sequence[MixtureDistribution]) -> Panels:
    """Panels that resolve every expert of every law, for continuous responses."""
    points = []
    for law in laws:
        mean, scale = law.components.mean(), np.sqrt(law.components.variance())
        points.append((mean[:, :, None] + scale[:, :, None] * REACH).reshape(len(mean), -1))
    return panels_between(np.hstack(points))


def response_grid(
    model: MixtureOfExperts,
    params: MixtureParams | Sequence[MixtureParams],
    x: Array,
    known: Array | None = None,
) -> ResponseGrid:
    """Quadrature points over the response at the rows of x, for one or several laws at once.

    Continuous responses get composite Gauss-Legendre points that resolve every expert of every law
    over ten standard deviations; counts all integers that matter; classes all codes.

    Parameters
    ----------
    model : MixtureOfExperts
    params : MixtureParams, or several of them
        The laws whose densities, and functions of them, the grid integrates.
    x : array (n, n_columns)
    known : array (n,), optional
        Exposures or numbers of trials, for families that have them.

    Examples
    --------
    >>> from mixexp.models import Gaussian, GaussianParams, Softmax, SoftmaxParams
    >>> model = MixtureOfExperts(Softmax(), Gaussian(), n_experts=1, n_columns=1)
    >>> params = MixtureParams(
    ...     SoftmaxParams(np.zeros(1), np.zeros((1, 1))),
    ...     GaussianParams(np.array([1.0]), np.array([[2.0]]), np.array([0.25])),
    ... )
    >>> x = np.array([[0.0], [3.0]])
    >>> grid = response_grid(model, params, x)
    >>> density = np.exp(model.log_prob(params, x[grid.row], grid.y))
    >>> np.bincount(grid.row, grid.weight * density * grid.y)
    array([1., 7.])
    """
    many = [params] if isinstance(params, MixtureParams) else list(params)
    x = np.asarray(x, dtype=float)
    laws = [model.distribution(one, x, known) for one in many]
    if laws[0].components.discrete:
        row, y = _integers([law.components for law in laws])
        weight = np.ones(len(y))
    else:
        panels = response_panels(laws)
        nodes, weights = panels.nodes()
        row = np.repeat(panels.row, nodes.shape[1])
        y, weight = nodes.ravel(), weights.ravel()
    if known is not None:
        y = np.column_stack([y, np.asarray(known, dtype=float)[row]])
    return ResponseGrid(row, y, weight)


def _integers(components: Sequence[Components]) -> tuple[NDArray[np.intp], Array]:
    """All values between the ends of the supports: the row and the value of each."""
    ends = [c.support(_TAIL) for c in components]
    first = np.min([low.min(axis=1) for low, _ in ends], axis=0)
    last = np.max([high.max(axis=1) for _, high in ends], axis=0)
    number = (last - first + 1.0).astype(np.intp)
    row = np.repeat(np.arange(len(number)), number)
    before = np.concatenate([[0], np.cumsum(number)[:-1]])
    return row, first[row] + (np.arange(len(row)) - before[row])
