"""Methods of a selection that are those of the estimator it selected."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted


def _offers(name: str) -> Callable[[Any], bool]:
    def check(selector: Any) -> bool:
        # Before the fit, what the template offers; its absence raises what the user will read.
        best = getattr(selector, "best_estimator_", None)
        getattr(selector._template() if best is None else best, name)
        return True

    return check


def _delegated(name: str) -> Any:
    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        check_is_fitted(self, "best_estimator_")
        return getattr(self.best_estimator_, name)(*args, **kwargs)

    method.__name__ = name
    method.__qualname__ = f"DelegatesToBest.{name}"
    method.__doc__ = f"``best_estimator_.{name}``, with the same arguments."
    return available_if(_offers(name))(method)


class DelegatesToBest:
    """Passes predictions and scores on to ``best_estimator_``, as far as it has them."""

    predict = _delegated("predict")
    predict_proba = _delegated("predict_proba")
    predict_log_proba = _delegated("predict_log_proba")
    predict_dist = _delegated("predict_dist")
    predict_quantile = _delegated("predict_quantile")
    predict_interval = _delegated("predict_interval")
    predict_expert = _delegated("predict_expert")
    gate_proba = _delegated("gate_proba")
    responsibilities = _delegated("responsibilities")
    sample = _delegated("sample")
    score = _delegated("score")
    score_samples = _delegated("score_samples")
    aic = _delegated("aic")
    bic = _delegated("bic")

    @property
    def classes_(self) -> Any:
        """The class labels of ``best_estimator_``."""
        return self._best("classes_")

    @property
    def n_features_in_(self) -> int:
        """Number of columns of X."""
        return int(self._best("n_features_in_"))

    @property
    def feature_names_in_(self) -> Any:
        """Names of the columns of X, if it had any."""
        return self._best("feature_names_in_")

    def _best(self, name: str) -> Any:
        # Attributes that are missing must look missing, as scikit-learn probes for them.
        best = self.__dict__.get("best_estimator_")
        if best is None:
            raise AttributeError(f"{type(self).__name__} has no {name} before it is fitted")
        return getattr(best, name)
