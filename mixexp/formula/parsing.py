"""The text of a formula as its responses, the experts' part and the gate's."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable
from itertools import takewhile
from typing import Any, NamedTuple

_MARKS = re.compile("\x1b\\[[0-9;]*m|[⧛⧚]")
_STAND_IN = "quoted_name_"
_SHAPE = '"y ~ experts | gate", such as "y ~ poly(x, 2) | z"'


class Parts(NamedTuple):
    """What a formula is made of.

    Attributes
    ----------
    responses : tuple
        A term of formulaic for each response.
    experts, gate : formulaic formulas
    """

    responses: tuple[Any, ...]
    experts: Any
    gate: Any


def parse(text: str, columns: Iterable[str] = ()) -> Parts:
    """Split a formula ``"y ~ experts | gate"``; without ``|`` the gate sees what the experts see.

    Parameters
    ----------
    text : str
    columns : iterable of str
        What ``.`` stands for, but for those on the left.

    Raises
    ------
    ValueError
        If the text cannot be read, has no response, more than two parts, calculates on the left
        outside of functions, or takes the constant out of a part.

    Examples
    --------
    >>> parts = parse("y ~ x + z | z")
    >>> [str(term) for term in parts.experts], [str(term) for term in parts.gate]
    (['1', 'x', 'z'], ['1', 'z'])
    """
    from formulaic import Formula
    from formulaic.errors import FormulaicError

    if not isinstance(text, str):
        raise ValueError(f"formula={text!r} is not a text; write {_SHAPE}")
    if text.rstrip().endswith(("~", "|")):
        raise ValueError(
            f"formula={text!r} ends in nothing; write {_SHAPE}, with 1 for a part that is constant"
        )
    columns = list(columns)
    try:
        found = Formula(text, _context={"__formulaic_variables_available__": columns})
    except FormulaicError as error:
        raise ValueError(f"formula={text!r} cannot be read: {_first_line(error)}") from error
    except SyntaxError as error:
        raise ValueError(
            f"formula={text!r} cannot be read: {_first_line(error)}. In functions, names that "
            "Python cannot read stand between backticks, and words of Python's own, such as "
            "class, have to be renamed"
        ) from error
    _check_operators(text)
    _check_names(text, columns)
    left, right = getattr(found, "lhs", None), getattr(found, "rhs", None)
    if left is None or isinstance(left, tuple) or not len(left):
        raise ValueError(f"formula={text!r} has no response, or a bar on the left; write {_SHAPE}")
    parts = right if isinstance(right, tuple) else (right, right)
    if len(parts) != 2:
        raise ValueError(f"formula={text!r} has {len(parts)} parts right of ~; write {_SHAPE}")
    for part in parts:
        _check_constant(part, text)
    for term in left:
        if len(term.factors) != 1:
            raise ValueError(
                f"formula={text!r} has the product {term} on its left side; make it a column, or "
                "wrap it as I(...)"
            )
    return Parts(tuple(left), *parts)


def _check_operators(text: str) -> None:
    """On the left, operators add and remove terms as on the right: y - z would be y alone."""
    from formulaic.parser.algos.tokenize import tokenize

    for token in tokenize(text):
        if token.kind is None or token.kind.value != "operator":
            continue
        if token.token == "~":
            return
        if token.token in ("-", "^", "**"):
            raise ValueError(
                f"formula={text!r} has the operator {token.token} on its left side, which would "
                'remove terms or cross them; calculate within I(...), as in "I(y - z) ~ x"'
            )


def _check_names(text: str, columns: Iterable[str]) -> None:
    """A column with the name of the constant would be taken for it, and silently left out."""
    from formulaic.parser.algos.tokenize import tokenize

    tokens = [(token.token, token.kind.value if token.kind else "") for token in tokenize(text)]
    named = {name for name, kind in tokens if kind == "name"}
    if (".", "value") in tokens or (".", "operator") in tokens:
        named |= set(columns)
    for name in sorted(named & {"0", "1", "Intercept"}):
        raise ValueError(
            f"formula={text!r} has a column called {name!r}, which is what formulas call the "
            "constant; rename it"
        )


def _check_constant(part: Any, text: str) -> None:
    """A part keeps its constant, by which categories are coded; without terms it has no other."""
    if "1" in part or not len(part):
        return
    raise ValueError(
        f"formula={text!r} takes the constant out of '{part}', but experts and gates always have "
        'one of their own; leave "0 +" and "- 1" out ("y ~ x | 1" has constant weights)'
    )


def expression(term: Any) -> str:
    """The text of a term with a single factor."""
    return str(term.factors[0].expr)


def is_name(term: Any) -> bool:
    """Whether a term is a column as it stands."""
    return bool(term.factors[0].eval_method.value == "lookup")


def variables(terms: Iterable[Any], columns: Iterable[str]) -> set[str]:
    """Columns of the data that terms are made of; a function's name is a column if it stands alone.

    Parameters
    ----------
    terms : iterable of formulaic terms
    columns : iterable of str
        Those of the data, which may be called as a function is: ``C``, ``log``.

    Examples
    --------
    >>> variables(parse("y ~ C + log(x) + C(g)").experts, ["C", "x", "g"]) == {"C", "x", "g"}
    True
    """
    from formulaic.transforms import TRANSFORMS

    known, found = set(columns), set()
    for term in terms:
        for factor in term.factors:
            if factor.eval_method.value == "lookup":
                found.add(str(factor.expr))
            elif factor.eval_method.value == "python":
                names = _named(str(factor.expr))
                found |= {name for name in names if name in known or name not in TRANSFORMS}
    return found


def _named(text: str) -> set[str]:
    """Names in a Python expression that are not those of functions it calls.

    Names that Python could not read stand between backticks.
    """
    tree, stand_ins = as_python(text)
    nodes = list(ast.walk(tree))
    called = {id(node.func) for node in nodes if isinstance(node, ast.Call)}
    names = {n.id for n in nodes if isinstance(n, ast.Name) and id(n) not in called}
    by_text = {
        node.args[0].value
        for node in nodes
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Q"
        and len(node.args) == 1 and isinstance(node.args[0], ast.Constant)
    }  # fmt: skip
    return {stand_ins.get(name, name) for name in names} | {str(name) for name in by_text}


def categorical_column(factor: str, columns: Iterable[str]) -> str | None:
    """The column that a categorical factor codes, ``g`` or ``C(g, ...)``; None for expressions.

    Examples
    --------
    >>> categorical_column("C(`leaf, area`, contr.sum)", ["leaf, area"])
    'leaf, area'
    """
    known = set(columns)
    if factor in known:
        return factor
    try:
        tree, names = as_python(factor)
    except ValueError:
        return None
    call = tree.body
    if not isinstance(call, ast.Call) or not call.args or ast.unparse(call.func) != "C":
        return None
    first = ast.unparse(call.args[0])
    name = names.get(first, first)
    return name if name in known else None


def as_python(text: str) -> tuple[ast.Expression, dict[str, str]]:
    """An expression read as Python, and which names between backticks others stand in for.

    Raises
    ------
    ValueError
        If Python cannot read it.

    Examples
    --------
    >>> tree, names = as_python("log(`leaf area`)")
    >>> ast.unparse(tree), names
    ('log(quoted_name_0)', {'quoted_name_0': 'leaf area'})
    """
    code, names = _without_backticks(text)
    try:
        tree = ast.parse(code, mode="eval")
    except SyntaxError as error:
        raise ValueError(f"the term {text!r} of a formula cannot be read: {error.msg}") from error
    return tree, names


def _without_backticks(text: str) -> tuple[str, dict[str, str]]:
    """Code with stand-ins for names between backticks; a backtick within a string is none."""
    from formulaic.utils.code import UNQUOTED_BACKTICK_MATCHER

    # Split as formulaic splits it: what is checked here has to be what is evaluated there.
    parts = iter(UNQUOTED_BACKTICK_MATCHER.split(text))
    code = ""
    names: dict[str, str] = {}
    for part in parts:
        if part != "`":
            code += part
            continue
        stand_in = f"{_STAND_IN}{len(names)}"
        names[stand_in] = "".join(takewhile(lambda each: each != "`", parts))
        code += stand_in
    return code, names


def _first_line(error: Exception) -> str:
    return _MARKS.sub("", str(error)).strip().split("\n")[0]
