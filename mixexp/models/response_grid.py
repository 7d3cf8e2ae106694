"""Points and weights that integrate or sum over the response, for any family of experts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mixexp.models.components import Components
from mixexp.models.distribution import MixtureDistribution
from mixexp.models.mixture import MixtureOfExperts, MixtureParams
from mixexp.models.quadrature import Panels, panels_between, rule

Array = NDArray[np.float64]

# In standard deviations. Outside 10 a normal law has mass 1e-23; inside, 10 Gauss-Legendre nodes
# a panel give squared Hellinger distances to a relative 1e-8, whatever the ratios of the scales.
REACH = np.array([-10.0, -7.5, -6.0, -4.5, -3.0, -1.5, 0.0, 1.5, 3.0, 4.5, 6.0, 7.5, 10.0])
# Probability that may be left out at either end of a count.
_TAIL = 1e-20
_MOST_POINTS = 2e7
# With so many points to a standard deviation the trapezoid rule sums a normal law to exp(-2π² 8²);
# times responsibilities, steep where experts are far apart, to 1e-11 of the law's sum.
_PER_DEVIATION = 8.0


class TooManyPoints(ValueError):
    """The responses at some rows have more possible values than can be summed over."""


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
    *,
    smooth: bool = False,
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
    smooth : bool
        Whether what is summed varies no faster with y than the densities, as scores times densities
        do and absolute differences do not. Counts with a standard deviation of 16 or more then get
        every second, third, ... integer, eight to a deviation; smaller ones all of them.

    Raises
    ------
    TooManyPoints
        A ValueError, if there are more than 2e7 points in all.

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
    return grid_of([model.distribution(one, x, known) for one in many], known, smooth=smooth)


def points_per_row(
    model: MixtureOfExperts, params: MixtureParams, x: Array, known: Array | None = None
) -> Array:
    """Number of points of the smooth response grid at each row of x, (n,), without making it."""
    law = model.distribution(params, x, known)
    if law.components.discrete:
        return _runs([law.components], smooth=True).number.sum(axis=1)
    return np.full(len(x), float(law.components.shape[1] * len(REACH) * len(rule()[0])))


def grid_of(
    laws: Sequence[MixtureDistribution], known: Array | None = None, *, smooth: bool = False
) -> ResponseGrid:
    """The grid that serves several laws of one family, with any numbers of experts."""
    if laws[0].components.discrete:
        row, y, weight = _integers([law.components for law in laws], smooth)
    else:
        panels = response_panels(laws)
        nodes, weights = panels.nodes()
        row = np.repeat(panels.row, nodes.shape[1])
        y, weight = nodes.ravel(), weights.ravel()
    if known is not None:
        y = np.column_stack([y, np.asarray(known, dtype=float)[row]])
    return ResponseGrid(row, y, weight)


class _Runs(NamedTuple):
    """Runs of integers, all (n, m): the first of each, their distance, and how many there are."""

    first: Array
    stride: Array
    number: Array


def _runs(components: Sequence[Components], smooth: bool) -> _Runs:
    """The supports of all experts of all laws, each value once, in ascending order."""
    ends = [c.support(_TAIL) for c in components]
    low, high = (np.hstack(part) for part in zip(*ends, strict=True))
    order = np.argsort(low, axis=1)
    first, last = (np.take_along_axis(part, order, axis=1) for part in (low, high))
    reached = np.maximum.accumulate(last, axis=1)
    if not smooth or components[0].mean().ndim > 2:
        # A support begins after all that the ones before it have covered.
        first[:, 1:] = np.maximum(first[:, 1:], reached[:, :-1] + 1.0)
        return _Runs(first, np.ones_like(first), np.maximum(last - first + 1.0, 0.0))
    # Supports that overlap are one run with one stride, at whose ends nothing is left of any law:
    # a change of stride in the middle of a law would cost digits.
    scale = np.sqrt(np.hstack([c.variance() for c in components]))
    scale = np.take_along_axis(scale, order, axis=1)
    number = np.zeros_like(first)
    for j in range(1, first.shape[1]):
        joins = first[:, j] <= reached[:, j - 1]
        first[:, j] = np.where(joins, first[:, j - 1], first[:, j])
        scale[:, j] = np.where(joins, np.minimum(scale[:, j], scale[:, j - 1]), scale[:, j])
    ends_here = np.ones(first.shape, dtype=bool)
    ends_here[:, :-1] = first[:, 1:] > reached[:, :-1]
    stride = np.maximum(np.floor(scale / _PER_DEVIATION), 1.0)
    number[ends_here] = (np.floor((reached - first) / stride) + 1.0)[ends_here]
    return _Runs(first, stride, number)


def _integers(
    components: Sequence[Components], smooth: bool
) -> tuple[NDArray[np.intp], Array, Array]:
    """Values in the support of some expert of some law: the row, the value, and the weight."""
    first, stride, number = _runs(components, smooth)
    if not (total := number.sum()) <= _MOST_POINTS:
        raise TooManyPoints(
            f"the responses at {len(first)} rows of x have {total:.3g} possible values from "
            f"{first.min():.3g} on, too many to sum over; use fewer rows, or parameters with "
            "smaller means"
        )
    counts = number.astype(np.intp).ravel()
    row = np.repeat(np.repeat(np.arange(len(first)), first.shape[1]), counts)
    start = np.repeat(np.cumsum(counts) - counts, counts)
    step = np.repeat(stride.ravel(), counts)
    return row, np.repeat(first.ravel(), counts) + step * (np.arange(len(row)) - start), step
