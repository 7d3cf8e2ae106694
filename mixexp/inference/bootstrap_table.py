"""What a bootstrap found: replicates, standard errors, intervals, and what failed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mixexp.inference.fitted import Fitted

if TYPE_CHECKING:
    from pandas import DataFrame, Series

Array = NDArray[np.float64]

# Beyond this many replicates on either side of a percentile, it is more than an order statistic.
_LEAST_OUTSIDE = 2.0


@dataclass(frozen=True, eq=False)
class Bootstrap:
    """Replicates of the parameters, labels as in the fit.

    Attributes
    ----------
    kind : {"case", "parametric"}
    n_boot : int
        Replicates that were asked for.
    estimate : Series (P,)
        The fitted parameters ψ̂ on the user's scale.
    replicates : DataFrame (n_done, P)
        ψ̂* of every data set. NaN where it could not be fitted; those without a certified regular
        optimum are in it and in what follows.
    fits : DataFrame (n_done, ...)
        Of every replicate: ``loglik`` (nats), whether it is ``regular`` (certified, no thin expert,
        no scale on its floor), ``flags`` in words, and ``seconds``.
    unidentified : array (P,) of bool
        Parameters without standard error and interval because the data do not determine them.
    interrupted : bool
        Whether the run was stopped before all replicates were there.
    """

    kind: str
    n_boot: int
    estimate: Series
    replicates: DataFrame
    fits: DataFrame
    unidentified: NDArray[np.bool_]
    interrupted: bool = False

    @classmethod
    def of(
        cls,
        fitted: Fitted,
        replicates: Sequence[Any],
        *,
        kind: str,
        n_boot: int,
        interrupted: bool = False,
        unidentified: NDArray[np.bool_] | None = None,
    ) -> Bootstrap:
        """From a fit and its aligned replicates."""
        from pandas import DataFrame, Series

        names = fitted.names
        fits = DataFrame(
            {
                "loglik": [r.loglik for r in replicates],
                "regular": [r.regular for r in replicates],
                "flags": [", ".join(r.flags) for r in replicates],
                "seconds": [r.seconds for r in replicates],
            }
        )
        unknown = np.zeros(len(names), dtype=bool) if unidentified is None else unidentified
        return cls(
            kind, n_boot, Series(fitted.psi, names),
            DataFrame(np.array([r.psi for r in replicates]), columns=names),
            fits, unknown, interrupted,
        )  # fmt: skip

    @property
    def n_done(self) -> int:
        """Replicates that were made."""
        return len(self.replicates)

    @property
    def n_failed(self) -> int:
        """Replicates without a certified regular optimum, those that could not be fitted included.

        They are counted, not left out: data sets like that belong to the law of the estimator.
        """
        return int((~self.fits["regular"]).sum())

    @property
    def n_used(self) -> int:
        """Replicates that standard errors and intervals are computed from: all that were fitted."""
        return int(self.replicates.notna().all(axis=1).sum())

    @property
    def bse(self) -> Series:
        """Standard errors: standard deviations of the replicates; NaN where not identified."""
        return self.replicates.std().mask(self.unidentified)

    @property
    def bias(self) -> Series:
        """Mean of the replicates minus the estimate."""
        return (self.replicates.mean() - self.estimate).mask(self.unidentified)

    def conf_int(self, alpha: float = 0.05, method: str = "percentile") -> DataFrame:
        r"""Intervals of level 1 - alpha for each parameter, columns ``lower`` and ``upper``.

        Parameters
        ----------
        alpha : float
        method : {"percentile", "basic"}
            :math:`[\hat\psi^*_{(\alpha/2)},\hat\psi^*_{(1-\alpha/2)}]`, or its reflection
            :math:`[2\hat\psi-\hat\psi^*_{(1-\alpha/2)},2\hat\psi-\hat\psi^*_{(\alpha/2)}]`.

        Raises
        ------
        ValueError
            If ``alpha`` is not in (0, 1), too small for the number of replicates, or ``method`` is
            neither of the two.
        """
        self._check(alpha, method)
        ends = self.replicates.quantile([alpha / 2.0, 1.0 - alpha / 2.0]).T
        ends.columns = ["lower", "upper"]
        if method == "basic":
            ends = ends[["upper", "lower"]].rsub(2.0 * self.estimate, axis=0)
            ends.columns = ["lower", "upper"]
        return ends.mask(np.column_stack([self.unidentified] * 2))

    def _check(self, alpha: float, method: str) -> None:
        if not 0.0 < alpha < 1.0:
            raise ValueError(f"alpha={alpha} is not in (0, 1); 0.05 gives intervals of level 0.95")
        if method not in ("percentile", "basic"):
            raise ValueError(f"method={method!r} is neither 'percentile' nor 'basic'")
        if 0.5 * alpha * self.n_used < _LEAST_OUTSIDE:
            least = int(np.ceil(2.0 * _LEAST_OUTSIDE / alpha))
            raise ValueError(
                f"alpha={alpha} with {self.n_used} replicates leaves less than two of them outside "
                f"each end; use n_boot={least} or more, 1000 for stable ends"
            )

    @property
    def table(self) -> DataFrame:
        """Estimate, bias, standard error and the 95 % percentile interval of each parameter.

        The interval is NaN if there are too few replicates for it.
        """
        found = self.estimate.to_frame("estimate")
        found["bias"], found["bse"] = self.bias, self.bse
        enough = 0.5 * 0.05 * self.n_used >= _LEAST_OUTSIDE
        ends: Any = self.conf_int() if enough else np.full((len(found), 2), np.nan)
        found[["lower", "upper"]] = np.asarray(ends)
        return found

    @property
    def message(self) -> str:
        """What to know about the run, in words."""
        lines = [f"{self.kind} bootstrap: {self.n_used} of {self.n_boot} replicates used"]
        if self.interrupted:
            lines.append("the run was interrupted: what is here came before")
        if self.n_failed:
            counts = self.fits.loc[~self.fits["regular"], "flags"].value_counts()
            kinds = "; ".join(f"{flags or 'no flag'}: {count}" for flags, count in counts.items())
            lines.append(
                f"{self.n_failed} without a certified regular optimum, kept where there is one "
                f"({kinds})"
            )
        runaway = int(self.fits["flags"].str.contains("separates").sum())
        if runaway:
            lines.append(
                f"in {runaway} the gate or an expert separates, with coefficients at the bounds: "
                "read percentiles, not standard errors, of those"
            )
        if self.unidentified.any():
            names = ", ".join(self.estimate.index[self.unidentified])
            lines.append(f"not identified, so neither standard errors nor intervals: {names}")
        return "\n".join(lines)

    def __repr__(self) -> str:
        return f"{self.message}\n{self.table.to_string(float_format='{:.4g}'.format)}"
