r"""The contrast of a fit, :math:`\gamma=-\ell`, and its dimension: conditional or joint."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

LIKELIHOODS = ("auto", "conditional", "joint")


class Contrast(NamedTuple):
    """Log-likelihood (nats, of the whole sample) and the number of free parameters behind it."""

    loglik: float
    n_parameters: int


def likelihood_of(estimator: Any, likelihood: str) -> str:
    """``"joint"`` or ``"conditional"``: what ``"auto"`` means for a fitted estimator.

    It is joint where the estimator has ``joint_loglik_``: a generative model that was fitted by
    maximising p(x, y) does not maximise p(y | x), whose value need not rise with the model. One
    that says ``likelihood="conditional"`` was fitted to p(y | x) after all.
    """
    if likelihood != "auto":
        return likelihood
    fitted_to_both = getattr(estimator, "likelihood", "joint") != "conditional"
    joint = hasattr(estimator, "joint_loglik_") and fitted_to_both
    return "joint" if joint else "conditional"


def common_likelihood(estimators: Iterable[Any], likelihood: str) -> str:
    """The one likelihood by which all of some fitted estimators can be compared."""
    kinds = {likelihood_of(estimator, likelihood) for estimator in estimators}
    return "joint" if kinds == {"joint"} else "conditional"


def contrast(estimator: Any, likelihood: str) -> Contrast:
    r"""Log-likelihood :math:`\ell` and dimension of a fitted estimator.

    Joint: ``joint_loglik_`` with ``n_parameters_``, the dimension of the model of (x, y).
    Conditional: ``loglik_`` with ``n_free_``, the dimension of the model of y given x.

    Raises
    ------
    ValueError
        If the joint likelihood is asked for and the estimator has none.
    AttributeError
        If it lacks another of them.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> fit = SimpleNamespace(loglik_=-90.0, n_free_=9, joint_loglik_=-150.0, n_parameters_=11)
    >>> contrast(fit, "joint")
    Contrast(loglik=-150.0, n_parameters=11)
    >>> contrast(fit, "conditional")
    Contrast(loglik=-90.0, n_parameters=9)
    """
    if likelihood_of(estimator, likelihood) == "joint":
        if not hasattr(estimator, "joint_loglik_"):
            raise ValueError(
                f"likelihood='joint' needs joint_loglik_, which {type(estimator).__name__} does "
                "not have; use likelihood='conditional'"
            )
        return Contrast(float(estimator.joint_loglik_), int(estimator.n_parameters_))
    return Contrast(float(estimator.loglik_), int(estimator.n_free_))


def is_penalised(estimator: Any) -> bool:
    """Whether a fit maximises a penalised likelihood, which need not raise the likelihood."""
    params = estimator.get_params(deep=False)
    return any(name.endswith("_penalty") and bool(value) for name, value in params.items())
