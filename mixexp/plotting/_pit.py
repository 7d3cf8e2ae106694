"""Where responses lie in the laws that were predicted for them."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mixexp.plotting._rows import Rows, counts

Array = NDArray[np.float64]


class Transform(NamedTuple):
    """Probabilities of being below and of being above, (n,); they sum to one."""

    below: Array
    above: Array

    def normal(self) -> Array:
        """Φ⁻¹ of the probability of being below, from the smaller of the two: (n,)."""
        from scipy.special import ndtri

        lower = self.below <= self.above
        return np.where(lower, ndtri(self.below), -ndtri(self.above))


def transform(estimator: Any, rows: Rows, random_state: Any) -> Transform:
    """The probability integral transform F(y_i | x_i); of counts and classes between steps of F.

    A response with probability p_i of its own gets F(y_i) - v_i p_i with v_i uniform on (0, 1):
    under the law of the fit, the result is uniform in either case. Classes are taken in the order
    of ``classes_``; any order would do.

    Raises
    ------
    ValueError
        If the law has no distribution function in closed form, or a class is unknown.
    """
    n = len(rows.y)
    rng = np.random.default_rng(random_state)
    if hasattr(estimator, "classes_"):
        below, own, above = _of_classes(estimator, rows)
    else:
        law, y = rows.law(estimator), np.asarray(rows.y, dtype=float)
        if not hasattr(law, "ccdf"):
            raise ValueError(
                "p(y | x) of this estimator is tabulated and has no distribution function; fit "
                "with direction='direct'"
            )
        y = y if rows.response is None else y[:, rows.response]
        own = law.pdf(y) if counts(estimator) else np.zeros(n)
        below, above = np.maximum(law.cdf(y) - own, 0.0), law.ccdf(y)
    share = rng.random(n) if own.any() else np.zeros(n)
    return Transform(below + share * own, above + (1.0 - share) * own)


def _of_classes(estimator: Any, rows: Rows) -> tuple[Array, Array, Array]:
    """Probabilities of the classes before, of the own class, and of those after it."""
    proba = estimator.predict_proba(rows.X)
    labels = estimator.classes_.tolist()
    given = np.asarray(rows.y).tolist()
    unknown = [label for label in given if label not in labels]
    if unknown:
        raise ValueError(f"y holds the class {unknown[0]!r}, which is not one of {labels}")
    code = np.array([labels.index(label) for label in given])
    i = np.arange(len(code))
    up_to = np.cumsum(proba, axis=1)
    own = proba[i, code]
    return up_to[i, code] - own, own, np.maximum(1.0 - up_to[i, code], 0.0)
