"""What to keep in mind about a number of experts chosen by merging, in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mixexp.models.measure import MixingMeasure
from mixexp.selection.merging_gaussian import GATE_MEAN
from mixexp.selection.merging_weights import LOG_WEIGHT

Array = NDArray[np.float64]


def caveats(
    measure: MixingMeasure, shares: Array, heights: Sequence[float], selected: int, n: int
) -> tuple[str, ...]:
    """Caveats of a dendrogram.

    Parameters
    ----------
    measure : MixingMeasure
        The fit.
    shares : array (K,)
        Probabilities of its experts.
    heights : sequence of float
        Dissimilarities of the merges, in their order.
    selected : int
        The number of experts chosen.
    n : int
        Number of rows.

    Examples
    --------
    >>> G = MixingMeasure([1.0, 1.0], {"intercept": [0.0, 1.0]})
    >>> for text in caveats(G, G.normalized().weight, [0.1], 2, 100):
    ...     print(text)
    2 experts are as many as were fitted: fit more, so that there is something to merge
    one expert has no merge below it and cannot be selected: compare with a fit of one by BIC
    """
    k = measure.n_atoms
    said = []
    if small := np.flatnonzero(shares * n < 1.0).tolist():
        said.append(
            f"experts {small} have fewer than one row on average (share below 1/{n}): their "
            "parameters are noise and their merges come first"
        )
    if selected == k:
        said.append(
            f"{selected} experts are as many as were fitted: fit more, so that there is something "
            "to merge"
        )
    if selected == 2:
        said.append(
            "one expert has no merge below it and cannot be selected: compare with a fit of one "
            "by BIC"
        )
    if "gate_coef" in measure.atoms and k >= 4:
        said.append(
            f"if {k // 2} or fewer are right, gate slopes of a fit of {k} are not identified, and "
            "merged gates average what the data do not determine: their log-likelihood may fall "
            "far although the experts agree; fit fewer than twice the number selected and compare"
        )
    if np.any(np.diff(heights) < 0.0):
        said.append(
            "heights are not increasing: a merged atom came nearer to others than its parts were"
        )
    return tuple(said)


def misfits(
    estimator: Any, measure: MixingMeasure, loglik: float, X: ArrayLike, y: ArrayLike
) -> tuple[str, ...]:
    """Where mixing measures are not the fitted law, in words.

    Parameters
    ----------
    estimator : object
        The fit.
    measure : MixingMeasure
        The one that was merged, on the user's scale.
    loglik : float
        Its log-likelihood of X, y.
    X, y : arrays
        The data.
    """
    said = []
    # Joint laws are merged, and evaluated, as joint laws.
    joint = hasattr(estimator, "joint_score_samples")
    conditional = not joint or getattr(estimator, "likelihood", "joint") == "conditional"
    if GATE_MEAN in measure.atoms and conditional:
        said.append(
            "means and covariances of Gaussian gates fitted by the conditional likelihood are a "
            "convention, and merges use them: heights and log-likelihoods depend on it; fit GLoME "
            "by the joint likelihood"
        )
    name = "joint_score_samples" if joint else "score_samples"
    if not hasattr(estimator, name):
        return tuple(said)
    fit = float(np.sum(getattr(estimator, name)(X, y)))
    if _differ(loglik, fit):
        said.append(
            f"the measure that is merged has the log-likelihood {loglik:.3f} and the fit "
            f"{fit:.3f}: it is another law; standardise or centre x, or set gate_penalty"
        )
    if LOG_WEIGHT in measure.atoms:
        plain = float(estimator.measure_loglik(estimator.measure_, X, y))
        if _differ(plain, fit):
            said.append(
                f"measure_ has the log-likelihood {plain:.3f} and the fit {fit:.3f}: weights at "
                "x = 0 are too small to be numbers. Measures here have their logarithms, in the "
                f"block {LOG_WEIGHT}; for weights that are numbers standardise or centre x, or set "
                "gate_penalty"
            )
    return tuple(said)


def _differ(value: float, fit: float) -> bool:
    return not abs(value - fit) <= 1e-3 + 1e-6 * abs(fit)
