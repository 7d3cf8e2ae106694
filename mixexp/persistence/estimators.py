"""Fitted estimators as plain values, and back."""

from __future__ import annotations

from typing import Any

from mixexp.persistence import formulas
from mixexp.persistence.values import decode, encode

# What use_optimum makes of the chosen optimum.
_CHOSEN = {
    "params_", "_centred", "_theta", "_standard", "joint_loglik_", "loglik_", "certificate_",
    "converged_", "n_iter_",
}  # fmt: skip
# Which rows the last fit used is of no use without them; neither is how long it took.
_OF_ROWS = {"_used", "_passes", "_skl_callbacks"}
_FORMULA = "_bound"


def to_plain(estimator: Any) -> dict[str, Any]:
    """Settings, fitted attributes, the chosen optimum and the formula.

    Raises
    ------
    CannotSave
        If a value has no plain form.
    ValueError
        If the estimator is none of mixexp's.
    """
    check_kind(estimator)
    kind = type(estimator)
    settings = estimator.get_params(deep=False)
    left_out = {*settings, *_CHOSEN, *_OF_ROWS, _FORMULA}
    fitted = {name: v for name, v in vars(estimator).items() if name not in left_out}
    bound = vars(estimator).get(_FORMULA)
    return {
        "class": kind.__name__,
        "settings": {name: encode(value, name) for name, value in settings.items()},
        "fitted": {name: encode(value, name) for name, value in fitted.items()},
        "optimum": _chosen(estimator),
        "formula": None if bound is None else encode(formulas.to_plain(bound), "formula"),
    }


def check_kind(estimator: Any) -> None:
    """Refuse what is none of mixexp's estimators.

    Raises
    ------
    ValueError
        If it is a pipeline, a subclass or anything else.
    """
    kind = type(estimator)
    if _kinds().get(kind.__name__) is not kind:
        raise ValueError(
            f"{kind.__name__} is not one of {sorted(_kinds())}; use pickle for other estimators"
        )


def from_plain(content: dict[str, Any]) -> Any:
    """The estimator of :func:`to_plain`.

    Raises
    ------
    ValueError, KeyError, TypeError, AttributeError
        If the content is not of that form.
    """
    if content["class"] not in _kinds():
        raise ValueError(f"there is no estimator called {content['class']!r} here")
    kind = _kinds()[content["class"]]
    made = kind(**{name: decode(value) for name, value in content["settings"].items()})
    made._validate_params()
    known = {*made.get_params(deep=False), *_CHOSEN, _FORMULA}
    for name, value in content["fitted"].items():
        # An attribute of the class must not be hidden, a method for instance.
        if name in known or name.startswith("__") or callable(getattr(kind, name, None)):
            raise ValueError(f"{name!r} is not a fitted attribute of {kind.__name__}")
        vars(made)[name] = decode(value)
    if content["formula"] is not None:
        made._bound = formulas.from_plain(decode(content["formula"]))
    return made.use_optimum(content["optimum"])


def _chosen(estimator: Any) -> int:
    """Position of the optimum in use; other libraries' copies may have parameters of their own."""
    mine = (estimator.params_, getattr(estimator, "_standard", estimator))
    for index, optimum in enumerate(estimator._optima):
        if any(
            getattr(optimum, name, None) is own for name in ("params", "standard") for own in mine
        ):
            return index
    return [optimum.loglik for optimum in estimator._optima].index(estimator.loglik_)


def _kinds() -> dict[str, type]:
    from mixexp import estimators

    return {name: getattr(estimators, name) for name in estimators.__all__}
