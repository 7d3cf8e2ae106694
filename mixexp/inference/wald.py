"""Wald's test of linear constraints on the parameters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2

from mixexp.inference.constraints import Constraints, parse
from mixexp.inference.covariance import Covariance
from mixexp.inference.fitted import Fitted
from mixexp.inference.withheld import Withheld

Array = NDArray[np.float64]

# Part of a variance that is rounding.
_ROUNDING = 1e-10


@dataclass(frozen=True, eq=False)
class WaldTest:
    r"""Wald's statistic :math:`(R\hat\psi-q)^\top(RVR^\top)^{-1}(R\hat\psi-q)` and its p-value.

    Attributes
    ----------
    statistic : float
        χ² with ``df`` degrees of freedom if Rψ = q.
    df : int
    pvalue : float
    constraints : tuple of str
    estimate, se : arrays (df,)
        Each Rψ̂ - q and its standard error.
    cov_type : str
    """

    statistic: float
    df: int
    pvalue: float
    constraints: tuple[str, ...]
    estimate: Array
    se: Array
    cov_type: str

    def __str__(self) -> str:
        lines = [f"Wald test ({self.cov_type} covariance)"]
        rows = zip(self.constraints, self.estimate, self.se, strict=True)
        lines += [f"  {text}: off by {value:.6g} (se {se:.3g})" for text, value, se in rows]
        return "\n".join([*lines, f"chi2({self.df}) = {self.statistic:.4f}, p = {self.pvalue:.4g}"])


def wald_test(
    constraints: Any, fitted: Fitted, covariance: Covariance, missing: Withheld
) -> WaldTest:
    """Test Rψ = q.

    Parameters
    ----------
    constraints : str, sequence of str, array, or pair of arrays
        See :func:`mixexp.inference.constraints.parse`.
    fitted : Fitted
    covariance : Covariance
    missing : Withheld
        What is withheld under this covariance.

    Raises
    ------
    ValueError
        If a constraint is about parameters whose standard errors are withheld, or one follows from
        the others.
    """
    names = fitted.names
    linear = parse(constraints, names)
    gradient = linear.matrix @ fitted.jacobian
    _refuse_withheld(linear, names, covariance.estimable(gradient), missing)
    difference = linear.matrix @ fitted.psi - linear.values
    variance = covariance.of(gradient)
    se = np.sqrt(np.diag(variance))
    scale = np.where(se > 0.0, se, 1.0)
    values, vectors = np.linalg.eigh(variance / np.outer(scale, scale))
    if values[0] <= _ROUNDING:
        raise ValueError(
            f"the {len(values)} constraints {'; '.join(linear.labels)} are not independent under "
            f"the {covariance.kind} covariance: one follows from the others, or there are fewer "
            "rows or groups than constraints; leave out what follows"
        )
    statistic = float(np.sum((vectors.T @ (difference / scale)) ** 2 / values))
    df = len(values)
    return WaldTest(
        statistic, df, float(chi2.sf(statistic, df)), tuple(linear.labels), difference, se,
        covariance.kind,
    )  # fmt: skip


def _refuse_withheld(
    linear: Constraints, names: list[str], estimable: NDArray[np.bool_], missing: Withheld
) -> None:
    for row, label, known in zip(linear.matrix, linear.labels, estimable, strict=True):
        for j in np.flatnonzero(row):
            if missing.reasons[j] and (missing.firm[j] or not known):
                raise ValueError(
                    f"{label!r} cannot be tested: {names[j]} is withheld ({missing.reasons[j]})"
                )
        if not known:
            raise ValueError(
                f"{label!r} cannot be tested: the data do not determine this combination"
            )
