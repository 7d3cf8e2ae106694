"""The outcome of the bootstrap test of K experts against K + 1."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

# A log-likelihood above that of the fit by more than this, in nats, is another optimum.
_HIGHER = 1e-3

NOT_CHI_SQUARED = (
    "the statistic has no chi-squared law: with K experts in truth the further one is not "
    "identified; its law was simulated from the fit with K experts"
)


@dataclass(frozen=True, eq=False)
class ExpertCountTest:
    r"""Is K the number of experts, or are there K + 1?

    Attributes
    ----------
    n_experts : int
        K, the hypothesis.
    statistic : float
        :math:`T=2(\hat\ell_{K+1}-\hat\ell_K)`, nats times two.
    pvalue : float
        :math:`(1+\#\{T^*\ge T\})/(n+1)` of the n simulated values. Small: K experts are not enough.
    null : array (n,)
        The simulated values T*, sorted.
    n_boot : int
        Data sets that were asked for.
    n_failed : int
        Those in which one of the two fits is not a certified regular optimum, or none could be
        made. The former are in ``null``.
    seconds : float
        Mean time of a data set.
    message : str
        What to know about the test, in words.
    interrupted : bool
        Whether the run was stopped before all data sets were drawn.
    """

    n_experts: int
    statistic: float
    pvalue: float
    null: Array
    n_boot: int
    n_failed: int
    seconds: float
    message: str
    interrupted: bool = False

    @classmethod
    def of(
        cls,
        n_experts: int,
        loglik: float,
        observed: Any,
        ratios: Sequence[Any],
        n_boot: int,
        interrupted: bool = False,
    ) -> ExpertCountTest:
        """From the fits to the data, and those to each simulated data set (None if impossible)."""
        made = [r for r in ratios if r is not None and np.isfinite(r.statistic)]
        null = np.sort([r.statistic for r in made])
        statistic = observed.statistic
        # A value that differs by rounding only is as large.
        slack = 1e-9 * (1.0 + abs(statistic))
        pvalue = (1.0 + float(np.sum(null >= statistic - slack))) / (len(null) + 1.0)
        n_failed = len(ratios) - sum(r.regular for r in made)
        seconds = float(np.mean([r.seconds for r in made])) if made else np.nan
        message = _words(n_experts, loglik, observed, made, n_failed, n_boot, interrupted)
        return cls(
            n_experts, statistic, pvalue, null, n_boot, n_failed, seconds, message, interrupted
        )

    def __repr__(self) -> str:
        k = self.n_experts
        experts = f"{k} expert{'s' if k > 1 else ''} against {k + 1}"
        return (
            f"{experts}: statistic {self.statistic:.4g}, p-value {self.pvalue:.4g} from "
            f"{len(self.null)} of {self.n_boot} simulated data sets\n{self.message}"
        )


def _words(
    n_experts: int,
    loglik: float,
    observed: Any,
    made: Sequence[Any],
    n_failed: int,
    n_boot: int,
    interrupted: bool,
) -> str:
    lines = [NOT_CHI_SQUARED]
    if interrupted:
        lines.append(f"interrupted after {len(made)} of {n_boot} simulated data sets")
    if n_failed:
        lines.append(
            f"in {n_failed} simulated data sets a fit is not a certified optimum with every expert "
            "above min_share, or could not be made"
        )
    if not observed.regular:
        lines.append(
            f"in the data one of the two fits is not a certified optimum with all of its experts "
            f"above min_share: {n_experts + 1} experts may be more than the data can tell apart"
        )
    if observed.smaller > loglik + _HIGHER:
        lines.append(
            f"the search for {n_experts} experts found {observed.smaller - loglik:.3g} nats more "
            "than the fit has, and the test uses that optimum: fit again with a larger n_init"
        )
    if not observed.nested:
        lines.append(
            f"under this gate a law of {n_experts} experts is not one of {n_experts + 1}, and the "
            "statistic may be negative"
        )
    return "\n".join(lines)
