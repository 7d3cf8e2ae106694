"""The top-K sparse gate: another gate of which only the K highest experts of a row are active."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Integral
from typing import Any

import numpy as np

from mixexp._kernels import topk as kernels
from mixexp.models.basis import CONSTANT, Affine
from mixexp.models.coordinates import Coordinate, Sharing
from mixexp.models.gates._base import Array, Gate, Pieces, check_base
from mixexp.models.gates.softmax import Softmax

Choice = np.ndarray[tuple[int, int], np.dtype[np.int64]]


class TopK(Gate):
    """Top-K gate, π_k(x) = exp(a_k(x)) / Σ_{l active} exp(a_l(x)) for the K active experts, else 0.

    a are the logits of ``base``. Active are the K experts with the largest scores β1_kᵀφ(x), the
    bias β0_k being added after the selection, or with the largest logits; of equal ones, the
    experts with the lower index. The likelihood is piecewise smooth in the gate's parameters: it
    jumps where a row changes its active experts.

    Parameters
    ----------
    n_active : int, default=2
        K, the number of active experts.
    base : Gate, optional
        The gate that is made sparse; :class:`Softmax` by default.
    select : {"score", "logit"}, default="score"
        Select by the score without the bias, as in the literature, or by the whole logit. Without
        the bias x is scaled but never centred.

    Raises
    ------
    ValueError
        If K is not in 1..n_experts, ``select`` is neither of the two, ``base`` is sparse or has no
        slopes, or the gate sees no columns.

    References
    ----------
    Nguyen, Akbarian, Yan & Ho (2024), arXiv 2309.13850.

    Examples
    --------
    >>> gate = TopK(1, select="logit")
    >>> gate.logits([np.array([[1.0, 0.0], [0.0, 0.0]])], np.empty((2, 2)))
    array([[  1.,   0.],
           [-inf, -inf]])
    """

    def __init__(self, n_active: int = 2, base: Gate | None = None, select: str = "score"):
        self.n_active = n_active
        self.base = base
        self.select = select

    @property
    def _base(self) -> Gate:
        return Softmax() if self.base is None else self.base

    def check(self, n_experts: int) -> None:
        if not isinstance(self.n_active, Integral) or isinstance(self.n_active, bool):
            raise ValueError(f"n_active={self.n_active!r} of a top-K gate must be an integer")
        if not 1 <= self.n_active <= n_experts:
            raise ValueError(
                f"n_active={self.n_active!r} of a top-K gate must be in 1..n_experts={n_experts}"
            )
        if self.select not in ("score", "logit"):
            raise ValueError(f"select={self.select!r} is neither 'score' nor 'logit'")
        check_base(self._base, "top-K")
        self._base.check(n_experts)
        inside = self._base.pieces(n_experts)
        if inside is not None and inside.jumps:
            raise ValueError(f"base={self.base!r} of a top-K gate is sparse already")

    def in_gauge(self) -> TopK:
        return TopK(self.n_active, self._base.in_gauge(), self.select)

    def for_experts(self, n_experts: int) -> TopK:
        return self.with_active(min(self.n_active, n_experts))

    def with_active(self, n_active: int) -> TopK:
        """The same gate with another number of active experts, and the same coefficients."""
        return TopK(n_active, self.base, self.select)

    def tempered(self, tau: float) -> TopK:
        return TopK(self.n_active, self._base.tempered(tau), self.select)

    def pieces(self, n_experts: int) -> Pieces | None:
        if self.n_active == n_experts:
            return self._base.pieces(n_experts)
        decisive, linear = self._decisive()
        return Pieces(decisive, jumps=True, linear=linear, n_active=self.n_active)

    def _decisive(self) -> tuple[int, bool]:
        """The coordinate with the slopes, and whether experts are ordered by its values."""
        base = self._base.coordinates((0,))
        decisive = [i for i, c in enumerate(base) if c.basis.slopes.any()]
        linear = len(decisive) == 1 and base[decisive[0]].sharing is Sharing.CONTRAST
        return decisive[0], linear

    @property
    def by_score(self) -> bool:
        """Whether the bias takes no part in the selection."""
        return self.select == "score"

    def coordinates(
        self, columns: tuple[int, ...], affine: Affine | None = None
    ) -> tuple[Coordinate, ...]:
        if not columns:
            raise ValueError("a top-K gate selects by covariates, but gate_features is empty")
        base = self._base.coordinates(columns, affine)
        if not any(c.basis.slopes.any() for c in base):
            raise ValueError(f"base={self.base!r} of a top-K gate has no slopes to select by")
        if not self.by_score:
            return base
        affine = affine or Affine.identity(max(columns) + 1)
        found: list[Coordinate] = []
        for c in base:
            if _has_both(c):
                slopes = c.basis.around(affine)
                found.append(Coordinate(f"{c.name} score", slopes, c.sharing, c.box))
                bias = Coordinate(f"{c.name} bias", CONSTANT, c.sharing, c.box, by_row=False)
                found.append(bias)
            else:
                found.append(c)
        return tuple(found)

    def _join(self, tables: list[Array], join: Any) -> tuple[list[Array], list[Array]]:
        """Coefficients or predictors of the base, and those with its biases left out.

        ``join`` makes one table of a score and a bias.
        """
        base = self._base.coordinates((0,))
        if not self.by_score:
            return tables, tables
        whole, scores, rest = [], [], iter(tables)
        for c in base:
            table = next(rest)
            if _has_both(c):
                scores.append(table)
                table = join(table, next(rest))
            else:
                is_bias = c.sharing is not Sharing.SHARED and c.basis.n_terms == c.basis.constant
                scores.append(np.zeros_like(table) if is_bias else table)
            whole.append(table)
        return whole, scores

    def choose(self, predictors: list[Array], work: Array) -> Choice:
        """The active experts (K, B) of every row, highest first; ``work`` is (n_experts, B)."""
        decisive, linear = self._decisive()
        if linear:
            # A temperature changes no order.
            scores = predictors[decisive]
        else:
            scores = self._base.logits(self._join(predictors, np.add)[1], work)
        chosen: Choice = np.empty((self.n_active, scores.shape[1]), dtype=np.int64)
        kernels.select(np.ascontiguousarray(scores), chosen)
        return chosen

    def active_logits(self, predictors: list[Array], out: Array) -> Array:
        """Logits from the predictors of active experts alone, in any arrangement."""
        return self._base.logits(self._join(predictors, np.add)[0], out)

    def logits(self, predictors: list[Array], out: Array) -> Array:
        chosen = self.choose(predictors, out)
        dense = self.active_logits(predictors, np.empty_like(out))
        kernels.keep(chosen, dense, out)
        return out

    def derivatives(self, predictors: list[Array], order: int, first: Array, second: Array) -> None:
        whole, _ = self._join(predictors, np.add)
        if not self.by_score:
            self._base.derivatives(whole, order, first, second)
            return
        n = len(whole)
        inner = np.empty((n, *first.shape[1:])), np.empty((n * (n + 1) // 2, *first.shape[1:]))
        self._base.derivatives(whole, order, *inner)
        of = [
            i for i, c in enumerate(self._base.coordinates((0,))) for _ in range(1 + _has_both(c))
        ]
        first[...] = inner[0][of]
        if order > 1:
            row = 0
            for a, i in enumerate(of):
                for j in of[a:]:
                    second[row] = inner[1][i * n - i * (i - 1) // 2 + j - i]
                    row += 1

    def shift(self, coefficients: list[Array], expert: int, nats: float) -> None:
        whole, _ = self._join(coefficients, _bias_first)
        self._base.shift(whole, expert, nats)
        for table, moved in zip(coefficients, self._separate(whole), strict=True):
            table[...] = moved

    def _separate(self, tables: list[Array]) -> list[Array]:
        if not self.by_score:
            return tables
        found: list[Array] = []
        for c, table in zip(self._base.coordinates((0,)), tables, strict=True):
            found += [table[:, 1:], table[:, :1]] if _has_both(c) else [table]
        return found

    def homogeneity(self) -> tuple[float, ...] | None:
        inside = self._base.homogeneity()
        if inside is None or not self.by_score:
            return inside
        pairs = zip(inside, self._base.coordinates((0,)), strict=True)
        return tuple(h for h, c in pairs for _ in range(1 + _has_both(c)))

    def tangents(self, coefficients: list[Array]) -> list[list[Array]]:
        whole, _ = self._join(coefficients, _bias_first)
        return [self._separate(tangent) for tangent in self._base.tangents(whole)]

    def findings(self, n_experts: int) -> tuple[str, ...]:
        found = self._base.findings(n_experts)
        if self.n_active == 1 and n_experts > 1:
            found += (
                "one active expert: the weights are 0 or 1, so the gate's coefficients matter only "
                "through the regions they cut out, and its biases "
                + ("not at all" if self.by_score else "only with its slopes"),
            )
        return found

    def to_params(self, coefficients: list[Array]) -> Any:
        return self._base.to_params(self._join(coefficients, _bias_first)[0])

    def from_params(self, params: Any) -> list[Array]:
        return self._separate(self._base.from_params(params))

    def log_weights(self, coefficients: list[Array]) -> Array:
        return self._base.log_weights(self._join(coefficients, _bias_first)[0])

    def blocks(self, params: Any) -> dict[str, Array]:
        return self._base.blocks(params)

    def from_atoms(self, weight: Array, atoms: Mapping[str, Array]) -> Any:
        return self._base.from_atoms(weight, atoms)


def _has_both(c: Coordinate) -> bool:
    """Whether a coordinate of the base has a bias and slopes."""
    return c.sharing is not Sharing.SHARED and c.basis.constant and c.basis.n_terms > 1


def _bias_first(score: Array, bias: Array) -> Array:
    return np.concatenate([bias, score], axis=1)
