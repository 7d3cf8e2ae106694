"""Linear constraints on parameters, written as equations between their names."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_NUMBER = re.compile(r"\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?")
_QUOTED = re.compile(r"`([^`]*)`|\"([^\"]*)\"|'([^']*)'")
_SIGNS = "+-*/()=,"


class Constraints(NamedTuple):
    """Rψ = q: coefficients R (m, P), values q (m,), and each equation in words."""

    matrix: Array
    values: Array
    labels: list[str]


class _Linear(NamedTuple):
    """A linear function of the parameters: coefficients (P,) and a constant."""

    slopes: Array
    constant: float


def parse(constraints: Any, names: Sequence[str]) -> Constraints:
    """Constraints Rψ = q from equations between names, or from a matrix.

    Parameters
    ----------
    constraints : str, sequence of str, array (m, P), or pair (array (m, P), array (m,))
        Equations such as ``"mean[0] x = mean[1] x"`` or ``"2 * mean[0] x + 1 = 3"``, several of
        them in a sequence or separated by commas; a name alone is set to zero. A name that also
        reads as something else can be put in quotes or backticks. A matrix R stands for Rψ = 0,
        a pair (R, q) for Rψ = q.
    names : sequence of str
        Names of the parameters.

    Raises
    ------
    ValueError
        If there are no constraints, one has a name that is unknown or is not linear, or a matrix
        has the wrong shape.

    Examples
    --------
    >>> names = ["mean[0] x", "mean[1] x"]
    >>> matrix, values, labels = parse("mean[0] x = mean[1] x, 2 * mean[1] x - 1", names)
    >>> matrix
    array([[ 1., -1.],
           [ 0.,  2.]])
    >>> values, labels[1]
    (array([0., 1.]), '2 * mean[1] x - 1 = 0')
    """
    if isinstance(constraints, str):
        constraints = [constraints]
    if isinstance(constraints, Sequence) and all(isinstance(c, str) for c in constraints):
        rows: list[tuple[_Linear, str]] = []
        for text in constraints:
            rows += _Reader(text, names).equations()
        if not rows:
            raise ValueError("constraints is empty; name the parameters or equations to test")
        matrix = np.array([linear.slopes for linear, _ in rows])
        values = np.array([-linear.constant for linear, _ in rows])
        return Constraints(matrix, values + 0.0, [label for _, label in rows])
    return _from_matrix(constraints, names)


def _from_matrix(constraints: Any, names: Sequence[str]) -> Constraints:
    pair = constraints if isinstance(constraints, tuple) else (constraints, None)
    if len(pair) != 2:
        raise ValueError(f"constraints is a tuple of {len(pair)}; give a pair (R, q)")
    r = np.atleast_2d(_numbers(pair[0]))
    q = np.zeros(len(r)) if pair[1] is None else np.atleast_1d(_numbers(pair[1]))
    if r.ndim != 2 or r.shape[1] != len(names) or not r.size or not np.isfinite(r).all():
        raise ValueError(
            f"constraints is a matrix of shape {r.shape}; give finite coefficients for the "
            f"{len(names)} parameters in each row, or equations between their names"
        )
    if not r.any(axis=1).all():
        raise ValueError(
            f"constraints has zeros only in row {int(np.argmin(r.any(axis=1)))}, which says "
            "nothing about any parameter; leave it out"
        )
    if q.shape != (len(r),) or not np.isfinite(q).all():
        raise ValueError(
            f"constraints has {len(r)} rows and values of shape {q.shape}; give one finite value "
            "for each row"
        )
    return Constraints(r, q, [_words(row, value, names) for row, value in zip(r, q, strict=True)])


def _numbers(values: Any) -> Array:
    try:
        return np.asarray(values, dtype=float)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"constraints={values!r} is neither equations in strings nor a matrix of numbers"
        ) from error


def _words(row: Array, value: float, names: Sequence[str]) -> str:
    terms = [f"{row[j]:g} * {names[int(j)]}" for j in np.flatnonzero(row)]
    return f"{' + '.join(terms) or '0'} = {value:g}"


class _Reader:
    """Recursive descent over one string: equations, sums, products, names and numbers."""

    def __init__(self, text: str, names: Sequence[str]):
        self.text, self.names = text, names
        self.tokens = self._tokens()
        self.position = 0

    def _tokens(self) -> list[tuple[str, Any]]:
        found: list[tuple[str, Any]] = []
        at = 0
        longest_first = sorted(self.names, key=len, reverse=True)
        while at < len(self.text):
            if self.text[at].isspace():
                at += 1
                continue
            name = next((n for n in longest_first if self._is_name(n, at)), None)
            quoted, number = _QUOTED.match(self.text, at), _NUMBER.match(self.text, at)
            if name is not None:
                found.append(("name", name))
                at += len(name)
            elif quoted:
                found.append(
                    ("name", self._known(next(g for g in quoted.groups() if g is not None)))
                )
                at = quoted.end()
            elif number:
                found.append(("number", float(number.group())))
                at = number.end()
            elif self.text[at] in _SIGNS:
                found.append((self.text[at], None))
                at += 1
            else:
                self._known(re.split(r"[=,]|\s[-+*/]", self.text[at:])[0].strip())
                raise self._error(f"cannot be read from {self.text[at:]!r} on")
        return found

    def _is_name(self, name: str, at: int) -> bool:
        after = self.text[at + len(name) : at + len(name) + 1]
        # "mean[0] x" is not the beginning of "mean[0] x1".
        whole = not (name[-1:].isalnum() and (after.isalnum() or after == "_"))
        return self.text.startswith(name, at) and whole

    def _known(self, name: str) -> str:
        if name in self.names:
            return name
        near = difflib.get_close_matches(name, self.names, n=3, cutoff=0.4)
        meant = near or list(self.names)[:6]
        raise self._error(
            f"has {name!r}, which is no parameter; did you mean "
            f"{', '.join(map(repr, meant))}? (params lists all names)"
        )

    def _error(self, what: str) -> ValueError:
        return ValueError(f"constraint {self.text!r} {what}")

    def _next(self) -> str:
        return self.tokens[self.position][0] if self.position < len(self.tokens) else "end"

    def _take(self) -> Any:
        self.position += 1
        return self.tokens[self.position - 1][1]

    def equations(self) -> list[tuple[_Linear, str]]:
        """Each equation as a linear function that is zero, with its text."""
        labels = [part.strip() for part in self._split()]
        rows: list[tuple[_Linear, str]] = []
        while self._next() != "end":
            sides = [self._sum()]
            while self._next() == "=":
                self._take()
                sides.append(self._sum())
            label = labels[len(rows)] if len(sides) > 1 else f"{labels[len(rows)]} = 0"
            if len(sides) > 2:
                raise self._error("has several '='; write one equation for each")
            left, right = (*sides, _Linear(np.zeros(len(self.names)), 0.0))[:2]
            linear = _Linear(left.slopes - right.slopes, left.constant - right.constant)
            if self._next() not in (",", "end"):
                raise self._error("has two terms without a sign between them")
            if not linear.slopes.any():
                raise self._error("says nothing about any parameter")
            if not np.isfinite([*linear.slopes, linear.constant]).all():
                raise self._error("has a number that is not finite")
            rows.append((linear, label))
            if self._next() == ",":
                self._take()
        return rows

    def _split(self) -> list[str]:
        """The text between commas that are no part of a name."""
        hidden = self.text
        for name in sorted(self.names, key=len, reverse=True):
            hidden = hidden.replace(name, "_" * len(name))
        cuts = [-1, *(i for i, c in enumerate(hidden) if c == ","), len(hidden)]
        return [self.text[a + 1 : b] for a, b in pairwise(cuts)]

    def _sum(self) -> _Linear:
        total = self._product()
        while self._next() in ("+", "-"):
            sign = 1.0 if self._next() == "+" else -1.0
            self._take()
            term = self._product()
            total = _Linear(
                total.slopes + sign * term.slopes, total.constant + sign * term.constant
            )
        return total

    def _product(self) -> _Linear:
        left = self._factor()
        while self._next() in ("*", "/"):
            divides = self._next() == "/"
            self._take()
            right = self._factor()
            if right.slopes.any() and (divides or left.slopes.any()):
                raise self._error("is not linear in the parameters")
            if divides and right.constant == 0.0:
                raise self._error("divides by zero")
            if divides:
                right = _Linear(right.slopes, 1.0 / right.constant)
            left = _Linear(
                left.slopes * right.constant + right.slopes * left.constant,
                left.constant * right.constant,
            )
        return left

    def _factor(self) -> _Linear:
        kind = self._next()
        zeros = np.zeros(len(self.names))
        if kind in ("+", "-"):
            self._take()
            inner = self._factor()
            return inner if kind == "+" else _Linear(-inner.slopes, -inner.constant)
        if kind == "(":
            self._take()
            inner = self._sum()
            if self._next() != ")":
                raise self._error("has a '(' without its ')'")
            self._take()
            return inner
        if kind == "number":
            return _Linear(zeros, self._take())
        if kind == "name":
            name = self._take()
            if list(self.names).count(name) > 1:
                # A column called "1" has the name of an intercept.
                raise self._error(
                    f"has {name!r}, a name of several parameters; rename the column, or give a "
                    "matrix"
                )
            zeros[list(self.names).index(name)] = 1.0
            return _Linear(zeros, 0.0)
        raise self._error(
            f"lacks a name or number {'at its end' if kind == 'end' else f'before {kind!r}'}"
        )
