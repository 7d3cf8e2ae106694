"""The conditional law p(y | x) of whatever describes one: a truth, a measure, a law."""

from __future__ import annotations

import numpy as np

from mixexp.models import Gaussian, Law, MixingMeasure, MixtureOfExperts, Softmax
from mixexp.theory.truths.truth import Truth


def law_of(source: Law | Truth | MixingMeasure, n_columns: int | None = None) -> Law:
    """The conditional law of a truth or of a softmax-gated Gaussian mixing measure.

    Parameters
    ----------
    source : Law, Truth or MixingMeasure
        A measure must have the blocks ``gate_coef``, ``coef``, ``intercept`` and ``variance``.
    n_columns : int, optional
        Number of columns of x, for a measure. With one column, p columns of a block multiply
        x, ..., x^p; otherwise gate and mean are linear, or constant where a block has no columns.

    Raises
    ------
    ValueError
        If a measure's blocks and the columns do not fit together, or a variance is not positive.

    Examples
    --------
    >>> g = MixingMeasure([1.0], {"gate_coef": [[0.0]], "coef": [[2.0, 1.0]],
    ...                           "intercept": [1.0], "variance": [0.25]})
    >>> law_of(g, n_columns=1).distribution(np.array([[2.0]])).mean()
    array([9.])
    """
    if isinstance(source, Law):
        return source
    if isinstance(source, Truth):
        return source.law
    if n_columns is None:
        raise ValueError("n_columns=None; a mixing measure needs the number of columns of x")
    if np.any(source["variance"] <= 0):
        raise ValueError(f"variance must be positive, got {source['variance']}")
    gate = Softmax(_degree(source, "gate_coef", n_columns))
    expert = Gaussian(_degree(source, "coef", n_columns))
    model = MixtureOfExperts(gate, expert, source.n_atoms, n_columns)
    return Law(model, model.from_measure(source))


def _degree(measure: MixingMeasure, name: str, n_columns: int) -> int:
    """The degree of the polynomial that a block holds the coefficients of."""
    given = measure[name].shape[1]
    if n_columns == 1:
        return given
    if given not in (0, n_columns):
        raise ValueError(
            f"{name} has {given} columns and x has {n_columns}; pass the same columns, or a "
            "single one for a polynomial"
        )
    return int(given > 0)
