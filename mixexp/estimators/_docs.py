"""The parts of the estimators' documentation that are the same for all of them."""

from __future__ import annotations

from collections.abc import Callable
from inspect import Parameter, cleandoc, signature
from textwrap import dedent, indent
from typing import Any, TypeVar

Class = TypeVar("Class", bound=type[Any])

# Type and text of each setting; defaults are read off the constructor.
_PARAMETERS: dict[str, tuple[str, str]] = {
    "n_experts": ("int", "Number of experts K."),
    "gate": ("Gate", "The gate; :class:`mixexp.models.Softmax` by default."),
    "degree": ("int", "Total degree of the polynomial in x of each expert; 0 gives constants."),
    "expert_features": (
        "list of str or int",
        """
        Columns that the experts see, by name or position; all by default. ``[]`` is an intercept
        only.
        """,
    ),
    "gate_features": (
        "list of str or int",
        """
        Columns that the gate sees; all by default. ``[]`` gives constant weights: a mixture of
        regressions.
        """,
    ),
    "solver": (
        '{"auto", "em", "newton", "lbfgs"}',
        """
        "auto" makes a few EM steps and goes on with Newton, or with L-BFGS for many parameters.
        """,
    ),
    "temperature_schedule": (
        "TemperatureSchedule",
        """
        EM steps under a falling temperature of the gate, from dense to the gate itself, before the
        solver at each start.
        """,
    ),
    "n_init": (
        "int",
        """
        Starts on the data. They are the highest distinct optima of ``n_init`` starts of each kind
        on a sketch of at most 1024 distinct rows; of larger data, half of them are splits of a fit
        with one expert less. Starts for a source are climbed on a sample of its rows, and the three
        highest distinct optima there on all of them.
        """,
    ),
    "min_share": ("float", "Share of the total weight below which an expert counts as thin."),
    "bounds": (
        "mapping or Bounds",
        """
        The compact parameter space, in standard deviations of the data: ``"gate"`` (default 1000),
        ``"expert"`` (1000) and ``"scale"`` (1e-6, 1000); ``"temperature"`` (1e-3, 1000) is free
        of units.
        """,
    ),
    "gate_penalty": (
        "float",
        "Ridge on the gate's standardised slopes, in nats: ½ λ Σ_k ‖β_k - mean(β)‖².",
    ),
    "expert_penalty": (
        "float",
        "Ridge on the experts' standardised slopes, in nats: ½ λ Σ_k ‖a_k‖².",
    ),
    "standardize": (
        "bool",
        """
        Whether to fit on standardised columns; results come on the user's scale either way. Without
        it, ``bounds`` and penalties are on the user's scale.
        """,
    ),
    "init": (
        "MixingMeasure, MixtureParams, array (n, K) of responsibilities, or a list",
        "Starts of your own; they come first and count towards ``n_init``.",
    ),
    "tol": ("float", "Remaining gain in log-likelihood, in nats, at which a fit stops."),
    "max_iter": ("int", "Steps of the main method for each start."),
    "warm_start": ("bool", "Start from the previous fit as well."),
    "n_jobs": (
        "int",
        "Threads over blocks of rows; the result does not depend on their number.",
    ),
    "random_state": ("int, RandomState or None", "Seed of the starts."),
    "verbose": (
        "int",
        "1 shows progress over starts, and over passes for a source; 2 a line for each.",
    ),
}

_ATTRIBUTES = """
params_ : MixtureParams
    Fitted parameters; the first axis of every array is the expert.
measure_ : MixingMeasure
    The fitted mixing measure.
certificate_ : Certificate
    What is known about the optimum.
converged_ : bool
    Whether the certificate holds.
optima_ : DataFrame
    Distinct optima with their log-likelihood, certificate, shares, scales and flags;
    :meth:`use_optimum` switches to another.
starts_ : DataFrame
    Every start with its kind, number of steps, log-likelihood reached, trace and optimum.
passes_ : DataFrame
    Every pass over a source with what it summed, seconds and mean log-likelihood; else empty.
loglik_ : float
    Log-likelihood, nats, without penalties.
n_free_ : int
    Number of free parameters.
n_features_in_, feature_names_in_ : as in scikit-learn.
"""


def documented(**texts: tuple[str, str]) -> Callable[[Class], Class]:
    """Fill ``{parameters}`` and ``{attributes}`` in the docstring of an estimator.

    Every argument of the constructor is documented, in its order and with its default; ``texts``
    are type and text of those that are not common to all estimators.

    Raises
    ------
    KeyError
        If an argument of the constructor has no text.
    """

    def fill(cls: Class) -> Class:
        # Without docstrings (python -OO) there is nothing to fill.
        if cls.__doc__:
            known = {**_PARAMETERS, **texts}
            entries = [_entry(p, *known[p.name]) for p in signature(cls).parameters.values()]
            text = cleandoc(cls.__doc__).replace("{parameters}", "\n".join(entries))
            cls.__doc__ = text.replace("{attributes}", _ATTRIBUTES.strip())
        return cls

    return fill


def _entry(parameter: Parameter, kind: str, text: str) -> str:
    default = parameter.default
    if default is None:
        state = "" if "None" in kind else ", optional"
    else:
        shown = f'"{default}"' if isinstance(default, str) else repr(default)
        state = f", default={shown}"
    return f"{parameter.name} : {kind}{state}\n{indent(dedent(text).strip(), '    ')}"
