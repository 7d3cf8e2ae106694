"""Gaussian mixtures of experts as probabilistic regressors of skpro, which has to be installed."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from sklearn.base import clone
from skpro.distributions import NormalMixture
from skpro.regression.base import BaseProbaRegressor

from mixexp.estimators import GaussianMoE


class SkproMoE(BaseProbaRegressor):
    r"""A regressor of skpro with the law :math:`\sum_k\pi_k(x)\,N(y;\mu_k(x),\sigma_k^2)`.

    The law of every row comes as skpro's ``NormalMixture`` with weights of its own for each row.

    Parameters
    ----------
    estimator : GaussianMoE, optional
        The mixture of experts; it is cloned. By default ``GaussianMoE()``.

    Attributes
    ----------
    estimator_ : GaussianMoE
        The fitted mixture of experts.

    Raises
    ------
    ValueError
        From ``fit``, for more than one response, and as from :class:`mixexp.GaussianMoE`.

    Examples
    --------
    >>> from mixexp import GaussianMoE
    >>> from mixexp.compat.skpro import SkproMoE
    >>> from mixexp.datasets import load_faithful
    >>> faithful = load_faithful()
    >>> moe = SkproMoE(GaussianMoE(random_state=0))
    >>> moe = moe.fit(faithful[["eruptions"]], faithful[["waiting"]])
    >>> law = moe.predict_proba(faithful[["eruptions"]].head(2))
    >>> law.mean().round(1)["waiting"].tolist()
    [76.3, 52.7]
    """

    _tags: ClassVar[dict[str, Any]] = {
        "authors": ["the mixexp developers"],
        "maintainers": ["the mixexp developers"],
        "python_dependencies": "mixexp",
        "capability:multioutput": False,
        "capability:missing": False,
        "X_inner_mtype": "pd_DataFrame_Table",
        "y_inner_mtype": "pd_DataFrame_Table",
    }

    def __init__(self, estimator: GaussianMoE | None = None):
        self.estimator = estimator
        super().__init__()

    def _fit(self, X: Any, y: Any, C: Any = None) -> SkproMoE:
        chosen = GaussianMoE() if self.estimator is None else clone(self.estimator)
        self._response = y.columns
        self.estimator_ = chosen.fit(X.rename(columns=str), y.iloc[:, 0])
        return self

    def _predict(self, X: Any) -> Any:
        import pandas as pd

        mean = self.estimator_.predict(X.rename(columns=str))
        return pd.DataFrame(mean, index=X.index, columns=self._response)

    def _predict_proba(self, X: Any) -> NormalMixture:
        rows = X.rename(columns=str)
        mean = np.asarray(self.estimator_.predict_expert(rows))
        scale = np.sqrt(self.estimator_.params_.expert.variance)
        return NormalMixture(
            pi=np.asarray(self.estimator_.gate_proba(rows)),
            mu=mean,
            sigma=np.broadcast_to(scale, mean.shape).copy(),
            index=X.index,
            columns=self._response,
        )

    @classmethod
    def get_test_params(cls, parameter_set: str = "default") -> list[dict[str, Any]]:
        """Settings for skpro's own checks."""
        quick = GaussianMoE(n_init=1, random_state=0)
        return [{"estimator": quick}, {"estimator": clone(quick).set_params(n_experts=1)}]
