"""The part of the results that maximises the likelihood again: profiles and bootstraps."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mixexp.inference.bootstrap import bootstrap
from mixexp.inference.bootstrap_table import Bootstrap
from mixexp.inference.covariance import Covariance
from mixexp.inference.fitted import Fitted
from mixexp.inference.n_experts_table import ExpertCountTest
from mixexp.inference.n_experts_test import n_experts_test
from mixexp.inference.overspecification import Overspecification
from mixexp.inference.profile import Profile, profile


class WithResampling:
    """Profile likelihood intervals, the bootstrap, and the test of the number of experts."""

    fitted: Fitted
    estimator: Any
    weights: str
    _groups: NDArray[np.intp] | None

    @abstractmethod
    def covariance(
        self, cov_type: str | None = None, groups: ArrayLike | None = None
    ) -> Covariance: ...

    @property
    @abstractmethod
    def overspecification(self) -> Overspecification: ...

    def profile(self, name: str, level: float = 0.95) -> Profile:
        r"""Profile likelihood interval of a parameter, asymmetric or without an end as data say.

        See :func:`mixexp.inference.profile.profile`. It is right where Wald's interval is not
        because the likelihood is no parabola, and has no end where a gate separates; like that it
        takes the model for true.

        Parameters
        ----------
        name : str
            One of ``params.index``.
        level : float

        Examples
        --------
        >>> from mixexp import GaussianMoE
        >>> from mixexp.datasets import load_ethanol
        >>> data = load_ethanol()
        >>> moe = GaussianMoE(2, random_state=0).fit(data[["E"]], data["NOx"])
        >>> curve = moe.results(data[["E"]], data["NOx"]).profile("gate[0] E")
        >>> [bool(np.isinf(end)) for end in curve.interval]
        [False, True]
        """
        options = self.estimator._options()
        found = profile(self.fitted, name, level, min_share=options.min_share)
        over = self.overspecification
        if over.found and over.entries(self.fitted.model.layout)[self.fitted.names.index(name)]:
            found = replace(found, findings=(*found.findings, over.message))
        return found

    def bootstrap(
        self,
        n_boot: int = 200,
        kind: str = "case",
        n_jobs: int | None = None,
        random_state: Any = None,
        progress: bool = False,
        groups: ArrayLike | None = None,
        n_starts: int = 2,
    ) -> Bootstrap:
        """Parameters estimated again from data sets drawn anew, labels as in the fit.

        See :func:`mixexp.inference.bootstrap.bootstrap`.

        Parameters
        ----------
        n_boot : int
            200 are enough for standard errors, 1000 for the ends of intervals.
        kind : {"case", "parametric"}
            Rows drawn with replacement, right for any law of the data; or responses drawn from the
            fitted law at the rows as they are.
        n_jobs : int or None
            Worker processes; None is this one, -1 all cores. They change nothing but the time.
        random_state : None, int, numpy Generator or RandomState
        progress : bool
            Whether to show a bar. Ctrl-C keeps the replicates that are there.
        groups : array (n,), optional
            Labels of rows that depend on each other: cases are then whole groups. Those of the
            results by default.
        n_starts : int
            Starts of each replicate beside the fit and its next two optima.

        Examples
        --------
        >>> from mixexp import GaussianMoE
        >>> from mixexp.datasets import load_tonedata
        >>> data = load_tonedata()
        >>> X, y = data[["stretchratio"]], data["tuned"]
        >>> moe = GaussianMoE(1, random_state=0).fit(X, y)
        >>> boot = moe.results(X, y).bootstrap(20, random_state=0)
        >>> boot.replicates.shape, boot.n_failed
        ((20, 3), 0)
        """
        self.fitted.check_rows()
        law = self.covariance()
        unidentified = None if law.failure else ~law.estimable(self.fitted.jacobian)
        if groups is None and kind == "case":
            groups = self._groups
        return bootstrap(
            self.fitted, self.estimator, n_boot, kind, n_jobs=n_jobs, random_state=random_state,
            progress=progress, groups=groups, weights=self.weights, n_starts=n_starts,
            unidentified=unidentified,
        )  # fmt: skip

    def test_n_experts(
        self,
        n_boot: int = 99,
        n_jobs: int | None = None,
        random_state: Any = None,
        progress: bool = False,
        n_starts: int = 2,
    ) -> ExpertCountTest:
        """Bootstrap likelihood ratio test of K experts against K + 1.

        The statistic has no chi-squared law; see
        :func:`mixexp.inference.n_experts_test.n_experts_test`.

        Parameters
        ----------
        n_boot : int
            Data sets drawn under K experts; with 99 the smallest p-value is 0.01.
        n_jobs : int or None
            Worker processes; None is this one, -1 all cores. They change nothing but the time.
        random_state : None, int, numpy Generator or RandomState
        progress : bool
            Whether to show a bar. Ctrl-C keeps what is there.
        n_starts : int
            Own starts of each fit beside those from the fit and from splits of its experts.

        Examples
        --------
        >>> from mixexp import GaussianMoE
        >>> from mixexp.datasets import load_tonedata
        >>> data = load_tonedata()
        >>> X, y = data[["stretchratio"]], data["tuned"]
        >>> moe = GaussianMoE(1, gate_features=[], random_state=0).fit(X, y)
        >>> moe.results(X, y).test_n_experts(n_boot=9, random_state=0).pvalue
        0.1
        """
        self.fitted.check_rows()
        return n_experts_test(
            self.fitted, self.estimator, n_boot, n_jobs=n_jobs, random_state=random_state,
            progress=progress, weights=self.weights, n_starts=n_starts,
        )  # fmt: skip
