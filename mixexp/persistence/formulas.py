"""Learned formulas as plain values: their text, levels and states, but no data and no code."""

from __future__ import annotations

import ast
import dataclasses
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from mixexp.persistence.values import CannotSave

if TYPE_CHECKING:
    from pandas import DataFrame

    from mixexp.estimators._bound import Bound
    from mixexp.formula import Formula
    from mixexp.formula.terms import Terms

# What a term may be made of where its text comes from a file: formulaic evaluates it as Python.
_FUNCTIONS = {
    "C", "Diff", "Helmert", "I", "Poly", "Sum", "Treatment", "bs", "cc", "center", "cr", "cs",
    "exp", "exp10", "exp2", "log", "log10", "log2", "poly", "scale", "standardize",
}  # fmt: skip
_CONTRASTS = {"SAS", "diff", "helmert", "poly", "sum", "treatment"}
_METHODS = {
    "contr": _CONTRASTS,
    "np": {"abs", "cos", "exp", "expm1", "log", "log10", "log1p", "log2", "maximum", "minimum",
           "sin", "sqrt", "square", "tanh"},
}  # fmt: skip
_NODES = (
    ast.Expression, ast.Constant, ast.Load, ast.BinOp, ast.UnaryOp, ast.Compare, ast.keyword,
    ast.operator, ast.unaryop, ast.cmpop, ast.Tuple, ast.List,
)  # fmt: skip
# Rows from which a formula is learned again before its states are put in place.
_ROWS = 60


def to_plain(bound: Bound) -> dict[str, Any]:
    """A formula as values; the data it was learned from are left out.

    Raises
    ------
    CannotSave
        If a term calls other functions than those of formulas, or does not come back the same.
    """
    formula = bound.formula
    told = {"weights": bound.told.weight, "known": bound.told.known}
    plain = {
        "text": formula.text,
        "columns": [str(name) for name in bound.data.columns],
        "known_as": bound.known_as,
        "na_action": bound.na_action,
        "told": {name: v if isinstance(v, str) else None for name, v in told.items()},
        "responses": list(formula.responses),
        "experts": _state(formula.experts),
        "gate": _state(formula.gate),
        "left": {name: _state(terms) for name, terms in formula.left.items()},
    }
    if not len(bound.data):
        # It came from a file itself.
        return plain
    try:
        design = from_plain(plain).formula.design(bound.data)
        same = np.array_equal(design.to_numpy(), formula.design(bound.data).to_numpy())
    except ValueError as error:
        raise CannotSave(f"formula={formula.text!r}: {error}") from error
    if not same:
        raise CannotSave(f"formula={formula.text!r}, which does not come back the same")
    return plain


def from_plain(plain: dict[str, Any]) -> Bound:
    """The formula of :func:`to_plain`, bound to no rows.

    Raises
    ------
    ValueError
        If a term is made of anything but columns, numbers and functions of formulas.
    """
    import pandas as pd

    from mixexp.estimators._bound import Bound, Given
    from mixexp.formula import Formula
    from mixexp.formula.parsing import expression, parse
    from mixexp.formula.terms import Terms

    parts = parse(plain["text"], plain["columns"])
    _check_terms([*parts.responses, *parts.experts, *parts.gate])
    states = {"experts": plain["experts"], "gate": plain["gate"]}
    terms = {
        name: _restored(Terms.learn(plain["text"], getattr(parts, name), _rows(state)), state)
        for name, state in states.items()
    }
    left = {}
    for term in parts.responses:
        if (name := expression(term)) in plain["left"]:
            from formulaic.formula import SimpleFormula

            state = plain["left"][name]
            learned = Terms.learn(plain["text"], SimpleFormula([term]), _rows(state))
            left[name] = _restored(learned, state)
    formula: Formula = Formula(plain["text"], tuple(plain["responses"]), **terms, left=left)
    told = Given(None, None, plain["told"]["weights"], plain["told"]["known"])
    nothing, rows = np.zeros(0, dtype=bool), pd.DataFrame(columns=plain["columns"])
    return Bound(formula, rows, told, plain["known_as"], plain["na_action"], nothing, told)


def _state(terms: Terms) -> dict[str, Any]:
    return {
        "variables": list(terms.variables),
        "columns": list(terms.columns),
        "levels": terms.levels,
        "state": dict(terms.spec.transform_state),
    }


def _rows(state: dict[str, Any]) -> DataFrame:
    """Rows on which the terms can be learned: all levels, and numbers for the rest."""
    import pandas as pd

    at = np.arange(_ROWS * max([1, *(len(v) for v in state["levels"].values())]))
    from mixexp.formula.parsing import categorical_column

    columns: dict[str, Any] = {
        name: 0.1 + 0.8 * ((0.618034 * at + 0.37 * j) % 1.0)
        for j, name in enumerate(state["variables"])
    }
    for factor, levels in state["levels"].items():
        name = categorical_column(factor, columns)
        if name is None:
            raise ValueError(f"the levels of {factor!r} belong to no column")
        columns[name] = pd.Categorical.from_codes(at % len(levels), categories=levels)
    return pd.DataFrame(columns, index=at)


def _restored(terms: Terms, state: dict[str, Any]) -> Terms:
    if list(terms.columns) != state["columns"] or terms.levels != state["levels"]:
        raise ValueError(f"its terms have other columns than {state['columns']}")
    known = set(terms.spec.transform_state)
    if set(state["state"]) != known:
        raise ValueError(f"its terms have states for {sorted(state['state'])}, not {sorted(known)}")
    return dataclasses.replace(terms, spec=terms.spec.update(transform_state=state["state"]))


def _check_terms(terms: Iterable[Any]) -> None:
    """Refuse code: a file is not trusted as the text of a user's own formula is."""
    from mixexp.formula.parsing import as_python

    for term in terms:
        for factor in term.factors:
            if factor.eval_method.value == "python":
                _check(as_python(str(factor.expr))[0], str(factor.expr))


def _check(node: ast.AST, text: str) -> None:
    if isinstance(node, ast.Call):
        _check_called(node.func, text)
        for child in (*node.args, *node.keywords):
            _check(child, text)
    elif isinstance(node, ast.Name):
        if node.id in {"np", "contr"} or node.id.startswith("__"):
            raise ValueError(f"the term {text!r} is more than columns, numbers and functions")
    elif isinstance(node, ast.Attribute) and ast.unparse(node.value) == "contr":
        # Contrasts may stand without being called.
        if node.attr not in _CONTRASTS:
            raise ValueError(f"the term {text!r} has contrasts that formulas do not know")
    elif isinstance(node, ast.Constant) and not _is_harmless(node.value):
        raise ValueError(f"the term {text!r} has a text with quotes or backslashes")
    elif isinstance(node, _NODES):
        for child in ast.iter_child_nodes(node):
            _check(child, text)
    else:
        raise ValueError(f"the term {text!r} is more than columns, numbers and functions")


def _is_harmless(value: object) -> bool:
    """Formulaic puts the text of a term within code of its own, between quotes."""
    return not isinstance(value, str | bytes) or not set("'\"`\\\n\r") & set(str(value))


def _check_called(function: ast.expr, text: str) -> None:
    if isinstance(function, ast.Name) and function.id in _FUNCTIONS:
        return
    owner = ast.unparse(function.value) if isinstance(function, ast.Attribute) else ""
    if isinstance(function, ast.Attribute) and function.attr in _METHODS.get(owner, set()):
        return
    raise ValueError(
        f"the term {text!r} calls {ast.unparse(function)}, which saved formulas do not know"
    )
