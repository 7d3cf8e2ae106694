"""What a diagnosis is asked about, checked: the parameters, the design, responses and exposures."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mixexp.estimation.data import Data
from mixexp.models.coordinates import Sharing
from mixexp.models.experts import Expert
from mixexp.models.mixture import MixtureOfExperts, MixtureParams

Array = NDArray[np.float64]


class Bound(NamedTuple):
    """Rows x (n, d), responses as the experts read them, weights and exposures, or None.

    All are on the user's scale.
    """

    x: Array
    y: Array | None
    weight: Array | None
    known: Array | None


def bind(model: MixtureOfExperts, data: Any, known: Array | None) -> Bound:
    """Take data apart, and refuse what no expert of the family could have given.

    Raises
    ------
    ValueError
        If x, y or ``known`` have another shape than they should, or impossible values.

    Examples
    --------
    >>> from mixexp.models import Poisson, Softmax
    >>> model = MixtureOfExperts(Softmax(), Poisson(), n_experts=2, n_columns=1)
    >>> bind(model, (np.zeros((2, 1)), [[3, 0.5], [4, 2.0]]), None).known
    array([0.5, 2. ])
    """
    y = weight = None
    if isinstance(data, Data):
        x = data.z.T * data.affine.x_scale + data.affine.x_center
        weight = _checked_weight(data.weight)
    else:
        x = np.asarray(data[0] if isinstance(data, tuple) else data, dtype=float)
    _check_design(model, x)
    if known is not None:
        known = _checked_known(model, known, len(x))
    if isinstance(data, Data):
        held = _held(model, data)
        known = held if known is None else known
    elif isinstance(data, tuple):
        y, held = _responses(model, data[1], len(x), known)
        known = held if known is None else known
    if weight is None or weight.all():
        return Bound(x, y, weight, known)
    # What has no weight is no part of the design.
    kept = weight > 0.0
    return Bound(x[kept], y, weight[kept], known if known is None else known[kept])


def _checked_weight(weight: Array | None) -> Array | None:
    if weight is not None and not (np.all(weight >= 0.0) and 0.0 < weight.sum() < np.inf):
        raise ValueError(
            f"data.weight runs from {np.min(weight)} to {np.max(weight)}; weights must be finite, "
            "not negative, and not all zero"
        )
    return weight


def _check_design(model: MixtureOfExperts, x: Array) -> None:
    if x.ndim != 2 or x.shape[1] != model.n_columns or not len(x):
        raise ValueError(
            f"data has x of shape {x.shape}, but the model has {model.n_columns} column(s): pass "
            f"an array of shape (n, {model.n_columns}) with n >= 1"
        )
    if not np.isfinite(x).all():
        bad = int(np.flatnonzero(~np.isfinite(x).all(axis=1))[0])
        raise ValueError(f"data: x is {x[bad]} in row {bad}; remove or impute such rows")


def _checked_known(model: MixtureOfExperts, known: Array, n_rows: int) -> Array:
    if type(model.expert).known is Expert.known:
        raise ValueError(
            f"known is given, but {model.expert!r} reads one number for each row, without exposure "
            "or trials: leave known out"
        )
    values = np.asarray(known, dtype=float)
    if values.shape != (n_rows,):
        raise ValueError(
            f"known has shape {values.shape}, but x has {n_rows} rows: pass one exposure, or "
            f"number of trials, for each row, shape ({n_rows},)"
        )
    _check_finite("known", values[None])
    return values


def _check_finite(name: str, values: Array) -> None:
    """Raise for the first row in which one of the values (m, n) is not finite."""
    bad = np.flatnonzero(~np.isfinite(values).all(axis=0))
    if bad.size:
        raise ValueError(
            f"{name} is {values[:, bad[0]]} in row {bad[0]}, not finite; remove or impute such rows"
        )


def _held(model: MixtureOfExperts, data: Data) -> Array | None:
    """Exposures or trials in the responses of bound data."""
    _check_finite("data.y", data.y)
    try:
        return model.expert.known(data.y)
    except IndexError:
        raise ValueError(
            f"data.y has {len(data.y)} row(s), too few for {model.expert!r}: bind what "
            "model.expert.encode(y) returns"
        ) from None


def _responses(
    model: MixtureOfExperts, y: Any, n_rows: int, known: Array | None
) -> tuple[Array, Array | None]:
    """Responses as the experts read them, (n,) or (n, 2), and exposures or trials in them."""
    y = np.asarray(y, dtype=float)
    if not y.ndim or len(y) != n_rows:
        n = len(y) if y.ndim else "no"
        raise ValueError(f"y has {n} rows and x has {n_rows}; pass one for each row")
    if known is not None and y.ndim == 1:
        y = np.column_stack([y, known])
    _check_finite("y", y.reshape(n_rows, -1).T)
    encoded = model.expert.encode(y)
    held = model.expert.known(encoded) if encoded.shape[1:] == (n_rows,) else None
    if getattr(model.expert, "n_responses", 1) > 1:
        raise ValueError(
            f"{model.expert!r} has several responses; a diagnosis is made for one: pass the model "
            "and the column of y of each response in turn"
        )
    if y.ndim > 1 and held is None:
        raise ValueError(
            f"y has shape {y.shape}, but {model.expert!r} reads one number for each row: pass y of "
            f"shape ({n_rows},)"
        )
    return y, held


def check_params(model: MixtureOfExperts, params: MixtureParams) -> None:
    """Raise a ValueError unless the parameters are finite ones of the model.

    Examples
    --------
    >>> from mixexp.models import Gaussian, GaussianParams, Softmax, SoftmaxParams
    >>> model = MixtureOfExperts(Softmax(), Gaussian(), n_experts=2, n_columns=1)
    >>> one = GaussianParams(np.ones(1), np.ones((1, 1)), np.ones(1))
    >>> check_params(model, MixtureParams(SoftmaxParams(np.zeros(1), np.zeros((1, 1))), one))
    Traceback (most recent call last):
    ...
    ValueError: params do not fit the model: its gate has 2 experts with 2 coefficient(s) each...
    """
    try:
        with np.errstate(divide="ignore", invalid="ignore"):
            tables = model.coefficients(params)
    except (AttributeError, IndexError, TypeError, ValueError) as error:
        raise ValueError(
            f"params are no parameters of {model!r}: {error}; pass MixtureParams with the parts "
            "its gate and its experts have"
        ) from error
    for c, table in zip(model.layout.coordinates, tables, strict=True):
        rows = 1 if c.sharing is Sharing.SHARED else model.n_experts
        if table.shape != (rows, c.basis.n_terms):
            raise ValueError(
                f"params do not fit the model: its {c.name} has {rows} experts with "
                f"{c.basis.n_terms} coefficient(s) each, and params have an array of shape "
                f"{table.shape}; pass parameters of a model with n_experts={model.n_experts} and "
                f"n_columns={model.n_columns}"
            )
        if not np.isfinite(table).all():
            raise ValueError(
                f"params: the {c.name} of expert {np.argwhere(~np.isfinite(table))[0, 0]} is not "
                "finite; pass finite parameters, with variances above zero"
            )
