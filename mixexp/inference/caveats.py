"""What to know about all standard errors of a fit, in words."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mixexp.estimation.pieces import pieces_of
from mixexp.inference.fitted import Fitted

# Groups below which standard errors by groups are known to be too small.
_FEW_GROUPS = 30


def caveats(
    fitted: Fitted, weights: str = "frequency", groups: NDArray[np.intp] | None = None
) -> tuple[str, ...]:
    """Sentences about a whole fit.

    Parameters
    ----------
    fitted : Fitted
    weights : {"frequency", "sampling"}
    groups : array of int (n,), optional
        Groups of the rows, 0..G-1, where standard errors are by groups.
    """
    certificate, penalty = fitted.certificate, fitted.objective.penalty
    told = []
    if certificate is not None and certificate.active_bounds:
        told.append("standard errors take parameters on a bound as known")
    if penalty.matrix.any():
        told.append(
            "the fit has a ridge penalty: intervals are about the penalised estimate, whose bias "
            "towards zero they leave out"
        )
    n_obs = fitted.n_rows if weights == "sampling" else fitted.total_weight
    if n_obs <= fitted.n_free:
        told.append(
            f"there are {n_obs:.10g} observations for {fitted.n_free} parameters: "
            "the normal law of estimates, on which standard errors rest, is one of many "
            "observations for each"
        )
    pieces = pieces_of(fitted.objective)
    if pieces is not None and pieces.jumps:
        told.append("standard errors take the boundaries between active experts as known")
    elif pieces is not None:
        told.append("standard errors take rows as being on one side of each kink of the activation")
    if weights == "sampling" and fitted.weighted:
        told.append(
            "with sampling weights the log-likelihood is a weighted sum and no likelihood: AIC and "
            "BIC compare fits with the same weights only"
        )
    if groups is not None and groups.max() + 1 < _FEW_GROUPS:
        told.append(
            f"there are {groups.max() + 1} groups: with few of them standard errors by groups are "
            "too small on average"
        )
    return tuple(told)
