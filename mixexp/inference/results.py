"""The results object: estimates with standard errors, tests and intervals."""

from __future__ import annotations

import copy
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import norm

from mixexp.inference.caveats import caveats
from mixexp.inference.covariance import Covariance, check_kind, covariance
from mixexp.inference.curvature import Curvature, curvature
from mixexp.inference.fitted import Fitted
from mixexp.inference.groups import as_groups
from mixexp.inference.likelihood_ratio import LikelihoodRatioTest, likelihood_ratio_test
from mixexp.inference.overspecification import Overspecification, overspecification
from mixexp.inference.page import render
from mixexp.inference.summary import page
from mixexp.inference.wald import WaldTest, wald_test
from mixexp.inference.with_functions import WithFunctions
from mixexp.inference.with_resampling import WithResampling
from mixexp.inference.withheld import Withheld, withheld

if TYPE_CHECKING:
    from pandas import DataFrame, Series

Array = NDArray[np.float64]


class MoEResults(WithFunctions, WithResampling):
    r"""What a fit says about the law it was fitted to, under the vocabulary of statsmodels.

    Parameters are :math:`\psi`, the free coordinates on the user's scale: coefficients of the
    user's columns, logarithms of the variances, gate coefficients as differences to the last
    expert. Standard errors are those of maximum likelihood, from exact derivatives. Where they
    would be false they are withheld, and ``withheld`` says why.

    Made by the method ``results`` of an estimator.

    Attributes
    ----------
    fitted : Fitted
        The fit bound to its data.
    estimator
        The estimator as it was; a later fit does not change the results.
    cov_type : str
        The covariance that ``bse`` and what follows from it use.

    Examples
    --------
    >>> from mixexp import GaussianMoE
    >>> from mixexp.datasets import load_faithful
    >>> faithful = load_faithful()
    >>> X, y = faithful[["eruptions"]], faithful["waiting"]
    >>> results = GaussianMoE(n_experts=2, random_state=0).fit(X, y).results(X, y)
    >>> results.bse.filter(like="eruptions").round(2).to_dict()
    {'gate[0] eruptions': 7.33, 'mean[0] eruptions': 1.3, 'mean[1] eruptions': 1.6}
    >>> print(results.wald_test("mean[0] eruptions = mean[1] eruptions"))
    Wald test (observed covariance)
      mean[0] eruptions = mean[1] eruptions: off by -4.19533 (se 2.17)
    chi2(1) = 3.7535, p = 0.0527

    A third expert is more than these data ask for:

    >>> three = GaussianMoE(n_experts=3, random_state=0).fit(X, y).results(X, y)
    >>> three.withheld["mean[0] eruptions"][:28]
    'experts 0 and 2 may be one: '
    """

    def __init__(
        self,
        fitted: Fitted,
        estimator: Any,
        *,
        cov_type: str = "observed",
        groups: ArrayLike | None = None,
        weights: str = "frequency",
        withhold: str = "auto",
    ):
        if weights not in ("frequency", "sampling"):
            raise ValueError(
                f"weights={weights!r} is neither 'frequency' (a row of weight 2 is two rows) nor "
                "'sampling' (it is one row that stands for two)"
            )
        if withhold not in ("auto", "singular"):
            raise ValueError(
                f"withhold={withhold!r} is neither 'auto' nor 'singular' (which does not look for "
                "experts that could be merged)"
            )
        self.fitted, self.estimator = fitted, copy.copy(estimator)
        self.cov_type, self.weights, self.withhold = cov_type, weights, withhold
        check_kind(cov_type, weights, fitted.weighted, groups)
        self._groups = as_groups(groups, fitted.n_rows)
        self._covariances: dict[str, Covariance] = {}

    @property
    def llf(self) -> float:
        """Log-likelihood, nats, without penalties."""
        return self.fitted.loglik

    @property
    def nobs(self) -> float:
        """Number of observations: the sum of frequency weights, the number of rows otherwise."""
        return float(self.fitted.n_rows if self.weights == "sampling" else self.fitted.total_weight)

    @property
    def df_model(self) -> int:
        """Number of free parameters."""
        return self.fitted.n_free

    @property
    def df_resid(self) -> float:
        """``nobs`` minus the number of free parameters."""
        return self.nobs - self.df_model

    @property
    def aic(self) -> float:
        """Akaike's criterion -2ℓ + 2P."""
        return -2.0 * self.llf + 2.0 * self.df_model

    @property
    def bic(self) -> float:
        """Schwarz's criterion -2ℓ + P log n."""
        return -2.0 * self.llf + self.df_model * float(np.log(self.nobs))

    @property
    def params(self) -> Series:
        """Estimates of ψ, by name."""
        return self._series(self.fitted.psi)

    @property
    def bse(self) -> Series:
        """Standard errors; NaN where withheld."""
        return self._series(self._errors)

    @property
    def tvalues(self) -> Series:
        """Estimates over standard errors, compared with a normal law."""
        return self.params / self.bse

    @property
    def pvalues(self) -> Series:
        """Two-sided p-values of zero, from the normal law."""
        return self._series(2.0 * norm.sf(np.abs(self.tvalues)))

    def conf_int(self, alpha: float = 0.05) -> DataFrame:
        """Intervals ψ̂ ± z se of level 1 - alpha; columns ``lower`` and ``upper``."""
        from pandas import DataFrame

        half = normal_quantile(alpha) * self._errors
        return DataFrame(
            {"lower": self.fitted.psi - half, "upper": self.fitted.psi + half}, self.fitted.names
        )

    @property
    def withheld(self) -> Series:
        """Why a standard error is withheld, in words; "" where it is not."""
        return self._series(self._withheld.reasons)

    @cached_property
    def caveats(self) -> tuple[str, ...]:
        """What to know about all numbers of this fit."""
        return caveats(self.fitted, self.weights, self._groups)

    @cached_property
    def overspecification(self) -> Overspecification:
        """Whether one expert less would do; see ``withhold=``."""
        looks = self.withhold == "auto" and not self._curvature.failure
        return overspecification(self.fitted, self.nobs) if looks else Overspecification()

    def covariance(
        self, cov_type: str | None = None, groups: ArrayLike | None = None
    ) -> Covariance:
        """Covariance of θ̂, for functions of the parameters by the delta method.

        Parameters
        ----------
        cov_type : {"observed", "opg", "sandwich", "cluster"}, optional
            That of the results by default.
        groups : array (n,), optional
            Group of each row of the fit; those of the results by default.
        """
        kind = self.cov_type if cov_type is None else cov_type
        mine = self._groups if kind == "cluster" else None
        check_kind(kind, self.weights, self.fitted.weighted, mine if groups is None else groups)
        if groups is not None:
            members = as_groups(groups, self.fitted.n_rows)
            return covariance(
                self.fitted, self._curvature, kind, weights=self.weights, groups=members
            )
        if kind not in self._covariances:
            self._covariances[kind] = covariance(
                self.fitted, self._curvature, kind, weights=self.weights, groups=mine
            )
        return self._covariances[kind]

    def cov_params(self, cov_type: str | None = None, groups: ArrayLike | None = None) -> DataFrame:
        """Covariance of the estimates of ψ, (P, P) by name; NaN where withheld."""
        from pandas import DataFrame

        law = self.covariance(cov_type, groups)
        matrix = law.of(self.fitted.jacobian)
        out = self._missing(law).entries
        matrix[out], matrix[:, out] = np.nan, np.nan
        return DataFrame(matrix, self.fitted.names, self.fitted.names)

    def wald_test(
        self, constraints: Any, cov_type: str | None = None, groups: ArrayLike | None = None
    ) -> WaldTest:
        """Wald's χ² test of linear constraints Rψ = q.

        Parameters
        ----------
        constraints : str, sequence of str, array (m, P), or pair (array (m, P), array (m,))
            Equations between names, ``"mean[0] x = mean[1] x"``; names alone, each set to zero; a
            matrix R; or a pair (R, q).
        cov_type, groups
            As in :meth:`covariance`.

        Raises
        ------
        ValueError
            If a name is unknown, a standard error that the test needs is withheld, or the
            constraints are not independent.
        """
        law = self.covariance(cov_type, groups)
        return wald_test(constraints, self.fitted, law, self._missing(law))

    def lr_test(self, nested: MoEResults) -> LikelihoodRatioTest:
        """Likelihood-ratio test of this model against results of one nested in it.

        Raises
        ------
        TypeError
            If ``nested`` is not such an object.
        ValueError
            If the data are others, the model is not nested, or the statistic is not χ²: another
            number of experts (see ``test_n_experts``), a fit on a bound, penalised, separated or
            with experts too many.
        """
        if not isinstance(nested, MoEResults):
            raise TypeError(
                f"nested is of type {type(nested).__name__}; pass what results() of the smaller "
                "fit gives"
            )
        if "sampling" in (self.weights, nested.weights):
            raise ValueError(
                "weights='sampling' has no likelihood to compare; use wald_test with "
                "cov_type='sandwich'"
            )
        over = self.overspecification, nested.overspecification
        return likelihood_ratio_test(self.fitted, nested.fitted, over)

    def summary(self, alpha: float = 0.05) -> Any:
        """Tables of the fit, the experts and the gate, as a summary of statsmodels.

        ``str`` gives text, ``as_html`` and ``as_latex`` what they say. Standard errors that are
        withheld have a footnote with the reason; intervals have the level 1 - alpha.
        """
        return render(page(self, alpha))

    def __str__(self) -> str:
        return page(self).text()

    @cached_property
    def _curvature(self) -> Curvature:
        return curvature(self.fitted)

    @cached_property
    def _withheld(self) -> Withheld:
        return self._missing(self.covariance())

    @cached_property
    def _errors(self) -> Array:
        law = self.covariance()
        error = law.standard_error(self.fitted.jacobian)
        return np.where(self._withheld.entries, np.nan, error)

    def _missing(self, law: Covariance) -> Withheld:
        return withheld(self.fitted, law, self.overspecification)

    def _series(self, values: Any) -> Series:
        from pandas import Series

        return Series(values, self.fitted.names)


def normal_quantile(alpha: float) -> float:
    """The quantile z of 1 - alpha/2.

    Raises
    ------
    ValueError
        If alpha is not in (0, 1).
    """
    if not 0.0 < alpha < 1.0:
        raise ValueError(
            f"alpha={alpha!r} must lie between 0 and 1; intervals have the level 1 - alpha"
        )
    return float(norm.isf(alpha / 2.0))
