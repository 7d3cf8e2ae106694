"""The rows of a selection: covariates, responses, weights and what else is known of each row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from inspect import Parameter, signature
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import _safe_indexing
from sklearn.utils.validation import _check_sample_weight, _num_samples, check_consistent_length

from mixexp.selection.fingerprint import fingerprint

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Rows:
    """What an estimator is fitted to.

    Attributes
    ----------
    X, y : array or frame with n rows
    weight : array (n,), or None for ones
    known : mapping of str to array (n,)
        Further arguments of ``fit`` with a value for each row, an exposure for instance.
    """

    X: Any
    y: Any
    weight: Array | None = None
    known: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def build(
        cls, X: Any, y: Any, sample_weight: ArrayLike | None, known: Mapping[str, Any]
    ) -> Rows:
        """Rows after a check of their numbers.

        Raises
        ------
        ValueError
            If lengths differ, or weights are negative, not finite, or all zero.
        """
        check_consistent_length(X, y)
        n = _num_samples(X)
        given = {name: values for name, values in known.items() if values is not None}
        for name, values in given.items():
            if np.ndim(values) == 0:
                given[name] = np.full(n, values)
            elif len(values) != n:
                raise ValueError(
                    f"{name} has {len(values)} entries, but X has {n} rows; give one for each row"
                )
        if sample_weight is None:
            return cls(X, y, None, given)
        weight = _check_sample_weight(
            sample_weight, np.empty((n, 1)), dtype=np.float64, ensure_non_negative=True
        )
        return cls(X, y, weight, given)

    def __len__(self) -> int:
        return int(_num_samples(self.X))

    @property
    def total(self) -> float:
        """Number of rows, or the sum of their weights."""
        return float(len(self)) if self.weight is None else float(self.weight.sum())

    def take(self, rows: NDArray[np.intp]) -> Rows:
        """The rows at the given positions."""
        return Rows(
            _safe_indexing(self.X, rows),
            _safe_indexing(self.y, rows),
            None if self.weight is None else self.weight[rows],
            {name: _safe_indexing(values, rows) for name, values in self.known.items()},
        )

    def known_to(self, method: Any) -> dict[str, Any]:
        """What is known of the rows, as far as a method takes it by name."""
        parameters = signature(method).parameters
        if any(p.kind is Parameter.VAR_KEYWORD for p in parameters.values()):
            return dict(self.known)
        return {name: values for name, values in self.known.items() if name in parameters}

    def fingerprint(self) -> str:
        """A name of the contents, whatever container they come in but for names of columns."""
        columns = [str(name) for name in getattr(self.X, "columns", ())]
        return fingerprint(
            np.asarray(self.X), columns, np.asarray(self.y), self.weight,
            {name: np.asarray(values) for name, values in self.known.items()},
        )  # fmt: skip
