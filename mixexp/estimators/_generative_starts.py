"""The user's starts of a joint fit."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mixexp.estimators._inputs import as_law, of_measure
from mixexp.models import MixingMeasure
from mixexp.models.gllim import GLLiM, GLLiMParams

Array = NDArray[np.float64]


def as_starts(
    init: Any, model: GLLiM, n_rows: int, used: NDArray[np.bool_] | None
) -> list[GLLiMParams | Array]:
    """Measures, parameters or responsibilities, one or several, as parameters or responsibilities.

    ``used`` (n,) says which of the user's rows carry weight, ``n_rows`` of them.

    Raises
    ------
    ValueError
        If a start is not of these kinds, has the wrong number of experts or shape, or
        responsibilities are no law.
    """
    if init is None:
        return []
    if isinstance(init, MixingMeasure | GLLiMParams) or not isinstance(init, list | tuple):
        init = [init]
    elif len(init) and not isinstance(init[0], MixingMeasure | GLLiMParams):
        init = [np.asarray(init)] if np.ndim(init[0]) == 1 else init
    return [_as_start(start, model, n_rows, used) for start in init]


def _as_start(
    start: Any, model: GLLiM, n_rows: int, used: NDArray[np.bool_] | None
) -> GLLiMParams | Array:
    k = model.n_experts
    if isinstance(start, MixingMeasure):
        start = of_measure(model, start)
    if isinstance(start, GLLiMParams):
        expected = (k, model.n_outputs, model.basis.n_terms)
        if start.table.shape != expected or start.factor.shape[2] != model.n_latent:
            raise ValueError(
                f"init has experts of shape {start.table.shape} and {start.factor.shape[2]} latent "
                f"inputs; this model has {expected} and {model.n_latent}"
            )
        return start
    try:
        rows = np.asarray(start, dtype=float)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"init holds {start!r:.200}, which is no start; give a MixingMeasure, GLLiMParams, "
            f"responsibilities (n_samples, n_experts) = ({n_rows}, {k}), or a list of these"
        ) from error
    if used is not None and len(rows) == len(used):
        rows = rows[used]
    return as_law(rows, n_rows, k, "GLLiMParams")
