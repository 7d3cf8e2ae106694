"""The distinct optima of a fit, kept without the data they were found on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from numpy.typing import NDArray

from mixexp.estimation.certificate import Certificate
from mixexp.estimation.fit import Fit
from mixexp.estimation.solvers.multistart import Optimum
from mixexp.models import MixtureParams
from mixexp.models.basis import Affine

if TYPE_CHECKING:
    from pandas import DataFrame

Array = NDArray[np.float64]
T = TypeVar("T")


@dataclass(frozen=True)
class FittedOptimum:
    """One local maximum on the user's scale.

    Attributes
    ----------
    params : MixtureParams
    centred : MixtureParams
        The same law as a function of the standardised columns, to evaluate it with: far from the
        origin, powers of the user's columns cancel.
    loglik : float
        Log-likelihood, nats, without penalties.
    certificate : Certificate or None
        None if the Hessian was too large to form.
    shares : array (K,)
        Each expert's share of the total weight.
    flags : tuple of str
        ``"thin expert"``, ``"scale on floor"``, ``"on bound"``, ``"gate separates"``,
        ``"expert separates"``, ``"null directions"``, ``"not certified"``.
    n_hits : int
        Starts that ended here.
    start : str
        Kind of the first of them.
    n_iter : int
        Steps of the solver from it.
    theta : array (P,)
        Where it is among the free coordinates the solver worked in.
    """

    params: MixtureParams
    centred: MixtureParams
    loglik: float
    certificate: Certificate | None
    shares: Array
    flags: tuple[str, ...]
    n_hits: int
    start: str
    n_iter: int
    theta: Array

    @classmethod
    def build(cls, fit: Fit, optimum: Optimum) -> FittedOptimum:
        """The record of an optimum of a fit."""
        model, affine = fit.objective.model, fit.objective.data.affine
        d = model.n_columns
        response = Affine(np.zeros(d), np.ones(d), affine.y_center, affine.y_scale)
        coefficients = model.rescale(model.layout.coefficients(optimum.theta), response)
        return cls(
            params=fit.params(optimum),
            centred=model.to_params(coefficients),
            loglik=fit.loglik(optimum),
            certificate=optimum.certificate,
            shares=optimum.shares,
            flags=optimum.flags,
            n_hits=optimum.n_hits,
            start=optimum.kind,
            n_iter=optimum.solution.n_iter,
            theta=optimum.theta,
        )


def pick(optima: Sequence[T], index: int) -> T:
    """One of the optima.

    Raises
    ------
    IndexError
        If there is no such optimum.
    """
    if not 0 <= index < len(optima):
        raise IndexError(
            f"index={index}: the fit found {len(optima)} distinct optima, 0 to {len(optima) - 1}"
        )
    return optima[index]


def table(optima: list[FittedOptimum]) -> DataFrame:
    """The optima as a data frame, the default answer first."""
    from pandas import DataFrame

    rows = [
        {
            "loglik": o.loglik,
            "certified": o.certificate is not None and o.certificate.holds,
            "remaining_gain": np.nan if o.certificate is None else o.certificate.remaining_gain,
            "shares": tuple(float(s) for s in np.round(o.shares, 4)),
            "scales": _scales(o.params),
            "flags": ", ".join(o.flags),
            "n_hits": o.n_hits,
            "start": o.start,
            "n_iter": o.n_iter,
        }
        for o in optima
    ]
    return DataFrame(rows)


def _scales(params: MixtureParams) -> tuple[float, ...]:
    """Standard deviations of the experts; of several responses, roots of the volumes |Σ|^(1/D)."""
    variance = getattr(params.expert, "variance", ())
    covariance = getattr(params.expert, "covariance", None)
    if covariance is not None:
        variance = np.exp(np.linalg.slogdet(covariance)[1] / covariance.shape[1])
    return tuple(float(f"{s:.6g}") for s in np.sqrt(variance))
