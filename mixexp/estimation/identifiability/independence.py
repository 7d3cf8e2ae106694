"""Conditions of linear independence behind the published rates, checked on a design."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations_with_replacement
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mixexp.models.coordinates import Coordinate, Sharing
from mixexp.models.mixture import MixtureOfExperts, MixtureParams

Array = NDArray[np.float64]

DEPENDENT = 1e-13
"""Singular values below this part of the largest are zero; exact dependence leaves 1e-15."""

_PARTS = 6


@dataclass(frozen=True)
class Independence:
    """Whether functions of x are linearly independent on a design.

    Attributes
    ----------
    key : str
        ``"interaction"``, ``"first-order"`` or ``"second-order"``.
    family : str
        The functions in words.
    singular_values : array (m,)
        Of the matrix of the m functions at the rows, every column of length one.
    rank : int
    combination : str
        The first function that is a combination of those before it, if there is one.
    source : str
        The paper that asks for the condition.
    """

    key: str
    family: str
    singular_values: Array
    rank: int
    combination: str
    source: str

    @property
    def holds(self) -> bool:
        """Whether the functions are independent at the rows of the design."""
        return self.rank == len(self.singular_values)

    def __str__(self) -> str:
        largest, m = self.singular_values[0], len(self.singular_values)
        last = self.singular_values[-1] / largest if largest > 0.0 else 0.0
        text = f"{self.family}: rank {self.rank} of {m}, smallest singular value {last:.1e}"
        return text if self.holds else f"{text}; {self.combination}"


def rank_of(key: str, family: str, functions: dict[str, Array], source: str) -> Independence:
    """Rank of named functions (n,) at n rows.

    Examples
    --------
    >>> x = np.linspace(-1.0, 1.0, 9)
    >>> print(rank_of("example", "lines", {"1": x**0, "x": x, "2x + 1": 2 * x + 1}, ""))
    lines: rank 2 of 3, smallest singular value ...; [2x + 1] = +1·[1] +2·[x]
    """
    table = np.column_stack(list(functions.values()))
    length = np.linalg.norm(table, axis=0)
    table /= np.where(length > 0.0, length, 1.0)
    triangle: Array = np.asarray(np.linalg.qr(table, mode="r"))
    values: Array = np.linalg.svd(triangle, compute_uv=False).astype(float)
    values = np.concatenate([values, np.zeros(table.shape[1] - len(values))])
    rank = int(np.sum(values > DEPENDENT * values[0]))
    words = "" if rank == len(values) else _first_dependent(triangle, length, list(functions))
    return Independence(key, family, values, rank, words, source)


def _first_dependent(triangle: Array, length: Array, names: list[str]) -> str:
    """The first function that those before it make up, in words, from the triangle R of A = QR."""
    rest = np.zeros(triangle.shape[1])
    rest[: len(triangle)] = np.abs(np.diag(triangle))
    small = np.flatnonzero(rest <= 100.0 * DEPENDENT)
    j = int(small[0]) if small.size else int(np.argmin(rest))
    if length[j] == 0.0:
        return f"{names[j]} is zero at every row"
    coefficient = np.linalg.solve(triangle[:j, :j], triangle[:j, j]) * length[j]
    coefficient /= np.where(length[:j] > 0.0, length[:j], 1.0)
    size = np.abs(coefficient).max(initial=0.0)
    parts = [
        f"{c:+.3g}·[{name}]"
        for c, name in zip(coefficient, names, strict=False)
        if abs(c) > 1e-6 * size
    ]
    more = " ..." if len(parts) > _PARTS else ""
    return f"[{names[j]}] = {' '.join(parts[:_PARTS])}{more}"


def independence(
    model: MixtureOfExperts, params: MixtureParams, x: Array, columns: list[str] | None = None
) -> tuple[Independence, ...]:
    r"""The conditions on function families that apply to a model, at the rows of x.

    *Interaction* (gates that are linear in features M of x): the products
    :math:`X^pM(X)^q,\ 0\le|p|+|q|\le2`, X being what the experts are linear in. The plain softmax
    gate has M = X and always fails; a bounded map such as tanh passes.

    *First order* (gates with a temperature or an activation), with
    :math:`H_i=\exp(\text{logit}_i)` and derivatives in (β1_i, τ):
    :math:`\{\partial^\alpha H_i,\ |\alpha|\le1\}`, for each expert but the reference, and for all
    of them together. *Second order*:
    :math:`\{x^\gamma\partial^\alpha H_i,\ |\alpha|+|\gamma|\le2\}` for each of them. By Euler's
    identity positively homogeneous activations fail the first order; every activation does at
    β1_i = 0.

    Parameters
    ----------
    model : MixtureOfExperts
    params : MixtureParams
        On the scale of x.
    x : array (n, n_columns)
        Distinct rows. Independence there is evidence for this design, not a proof for all x.
    columns : list of str, optional
        Names of the columns.

    References
    ----------
    Nguyen, Akbarian, Nguyen & Ho (2023), arXiv 2310.14188 (interaction), and Nguyen, Akbarian & Ho
    (2024), arXiv 2401.13875 (first and second order); the families as they are understood here.

    Examples
    --------
    >>> from mixexp.models import Gaussian, GaussianParams, Softmax, SoftmaxParams
    >>> model = MixtureOfExperts(Softmax(), Gaussian(), n_experts=2, n_columns=1)
    >>> params = MixtureParams(
    ...     SoftmaxParams(np.zeros(2), np.array([[2.0], [0.0]])),
    ...     GaussianParams(np.ones(2), np.array([[2.0], [1.0]]), np.full(2, 0.25)),
    ... )
    >>> [found.holds for found in independence(model, params, np.linspace(-1, 1, 9)[:, None])]
    [False]
    """
    x = np.asarray(x, dtype=float)
    names = columns or [f"x{j}" for j in range(x.shape[1])]
    found = [*_interaction(model, x, names)]
    gate = model.layout.gate
    if any(c.sharing in (Sharing.SHARED, Sharing.PINNED) for c in gate):
        found += _orders(model, params, x, names)
    return tuple(found)


def _terms(
    coordinate: Coordinate, x: Array, names: list[str], *, linear: bool = False
) -> dict[str, Array]:
    """The features of a coordinate that are not constant, by name; or the linear ones alone."""
    basis, z = coordinate.basis, np.ascontiguousarray(x.T)
    phi = basis.expand(z, np.empty((basis.n_terms, z.shape[1])))
    chosen = [len(term) == 1 if linear else bool(term) for term in basis.terms]
    labels = zip(basis.names(names), phi, chosen, strict=True)
    return {label: values for label, values, varies in labels if varies}


def _first_with_slopes(coordinates: tuple[Coordinate, ...]) -> Coordinate | None:
    return next((c for c in coordinates if c.basis.slopes.any()), None)


def _interaction(model: MixtureOfExperts, x: Array, names: list[str]) -> list[Independence]:
    if model.n_experts == 1:
        # A gate with nothing to choose from has no derivatives.
        return []
    of_gate = _first_with_slopes(model.layout.gate)
    of_expert = _first_with_slopes(model.layout.expert)
    if of_gate is None or of_expert is None or of_gate.sharing is Sharing.PINNED:
        return []
    linear = _terms(of_expert, x, names, linear=True)
    singles = {f"{n} of the experts": v for n, v in linear.items()}
    singles |= {f"{n} of the gate": v for n, v in _terms(of_gate, x, names).items()}
    functions = {"1": np.ones(len(x)), **singles}
    for a, b in combinations_with_replacement(singles, 2):
        functions[f"{a} × {b}"] = singles[a] * singles[b]
    family = "products up to degree two of the features of gate and experts"
    return [rank_of("interaction", family, functions, "arXiv 2310.14188")]


def _orders(
    model: MixtureOfExperts, params: MixtureParams, x: Array, names: list[str]
) -> list[Independence]:
    source, found = "arXiv 2401.13875", []
    atoms = [_atom(model, params, x, names, k) for k in range(model.n_experts - 1)]
    for k, (first, second) in enumerate(atoms):
        who = f"H of expert {k} and its derivatives of order"
        found.append(rank_of("first-order", f"{who} one", first, source))
        found.append(rank_of("second-order", f"{who} two, with the experts' x", second, source))
    if len(atoms) > 1:
        together = {f"{n} [{k}]": v for k, (first, _) in enumerate(atoms) for n, v in first.items()}
        family = "H of all experts but the reference and its derivatives of order one"
        found.append(rank_of("first-order", family, together, source))
    return found


class _Move(NamedTuple):
    """A derivative of a logit: ∂a/∂u of a local coordinate times a feature of x."""

    coordinate: int
    label: str
    feature: Array

    @property
    def name(self) -> str:
        return f"∂H/∂{self.label}" if self.label.startswith("log") else f"∂H/∂β({self.label})"


def _moves(gate: tuple[Coordinate, ...], x: Array, names: list[str]) -> list[_Move]:
    """Derivatives with respect to slopes and temperature; that in the intercept is H itself."""
    moves = []
    for c, coordinate in enumerate(gate):
        if coordinate.sharing is Sharing.SHARED:
            moves.append(_Move(c, coordinate.name, np.ones(len(x))))
        else:
            terms = _terms(coordinate, x, names).items()
            moves += [_Move(c, label, feature) for label, feature in terms]
    return moves


def _atom(
    model: MixtureOfExperts, params: MixtureParams, x: Array, names: list[str], k: int
) -> tuple[dict[str, Array], dict[str, Array]]:
    """The first- and second-order functions of expert k, over a factor common to all experts."""
    layout, n_gate = model.layout, len(model.layout.gate)
    features = layout.features(np.ascontiguousarray(x.T))
    predictors = layout.predictors(model.coefficients(params), features)[:n_gate]
    shape = (model.n_experts, len(x))
    logits = model.gate.logits(predictors, np.empty(shape))
    first, second = np.empty((n_gate, *shape)), np.empty((n_gate * (n_gate + 1) // 2, *shape))
    model.gate.derivatives(predictors, 2, first, second)
    h = np.exp(logits[k] - logits.max(axis=0))
    moves = _moves(layout.gate, x, names)
    slope = [first[m.coordinate, k] * m.feature for m in moves]
    # H and its multiples are in both families, so that centring changes no span; it keeps a large
    # intercept from making all derivatives look like H.
    slope = [_centred(value) for value in slope]
    one = {"H": h, **{m.name: value * h for m, value in zip(moves, slope, strict=True)}}
    two = {**one, **_multiples(model, x, names, h, moves, slope)}
    for (a, u), (b, v) in combinations_with_replacement(zip(moves, slope, strict=True), 2):
        i, j = a.coordinate, b.coordinate
        bent = second[i * n_gate - i * (i - 1) // 2 + j - i, k] * a.feature * b.feature
        two[f"{a.name} {b.name}"] = (bent + u * v) * h
    return one, two


def _centred(values: Array) -> Array:
    """Values minus their mean; exactly zero where only rounding is left."""
    centred = values - values.mean()
    size = np.abs(values).max(initial=0.0)
    return np.where(np.abs(centred).max(initial=0.0) <= 1e-14 * size, 0.0, centred)


def _multiples(
    model: MixtureOfExperts,
    x: Array,
    names: list[str],
    h: Array,
    moves: list[_Move],
    slope: list[Array],
) -> dict[str, Array]:
    """x_u H, x_u x_v H and x_u ∂H, x being what the experts are linear in."""
    expert = _first_with_slopes(model.layout.expert)
    xs = {} if expert is None else _terms(expert, x, names, linear=True)
    found = {f"{n} H": v * h for n, v in xs.items()}
    found |= {f"{a} {b} H": xs[a] * xs[b] * h for a, b in combinations_with_replacement(xs, 2)}
    seen = set()
    for n, v in xs.items():
        for m, value in zip(moves, slope, strict=True):
            # x_u ∂H/∂β_v and x_v ∂H/∂β_u are one function where scores are linear in x.
            pair = (m.coordinate, frozenset((n, m.label)))
            if pair not in seen:
                found[f"{n} {m.name}"] = v * value * h
            seen.add(pair)
    return found
