"""How easy a truth is: weights, separation and overlap of its experts, and information."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mixexp.estimation.identifiability.information import root_scores
from mixexp.models.response_grid import response_grid
from mixexp.theory.exponents.boundaries import truth_design
from mixexp.theory.truths.truth import Truth

if TYPE_CHECKING:
    import pandas

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Description:
    r"""Numbers that say how much a sample from a truth can tell.

    Attributes
    ----------
    shares : array (K,)
        Average gate probabilities :math:`E\pi_k(X)`.
    separation : float
        Smallest Hellinger distance of two experts, :math:`\min_{k<l}\{E h^2(f_k,f_l)\}^{1/2}`:
        between 0 (equal) and 1 (never overlapping); NaN for a single expert.
    overlap : float
        Probability that the best guess of the expert behind (x, y) is wrong,
        :math:`1-E\max_kP(k\mid X,Y)`.
    information : float
        Smallest eigenvalue of the expected information of one observation on the free parameters;
        zero where they are not identified.
    worst_error : float
        Largest asymptotic standard error of a free parameter, times :math:`n^{1/2}`.
    """

    name: str
    shares: Array
    separation: float
    overlap: float
    information: float
    worst_error: float


def describe(truth: Truth, n_design: int = 12) -> Description:
    """Weights, separation, overlap and information of a truth.

    Parameters
    ----------
    truth : Truth
    n_design : int
        Quadrature points a column of x.

    Examples
    --------
    >>> from mixexp.theory.truths.named import balanced_softmax_gaussian
    >>> about = describe(balanced_softmax_gaussian())
    >>> about.shares
    array([0.5, 0.5])
    >>> print(f"{about.separation:.2f} {about.overlap:.3f} {about.worst_error:.1f}")
    0.94 0.016 5.1
    """
    x, weight = truth_design(truth, n_design)
    known = None if truth.known is None else np.full(len(x), truth.known)
    model, params = truth.model, truth.params
    grid = response_grid(model, params, x, known)
    law = model.distribution(params, x, known)
    y = grid.y if grid.y.ndim == 1 else grid.y[:, 0]
    log_f = law.components[grid.row].logpdf(y)
    measure = weight[grid.row] * grid.weight
    joint = law.weights[grid.row] * np.exp(log_f)
    k = model.n_experts
    affinity = [
        float(measure @ np.exp(0.5 * (log_f[:, i] + log_f[:, j])))
        for i in range(k)
        for j in range(i)
    ]
    # Twelve digits are right; the rest of a null singular value is rounding.
    roots = root_scores(model, params, x, weight, known)
    size = np.linalg.norm(roots, axis=0)
    sizes = np.linalg.svd(roots, compute_uv=False)
    scaled = np.linalg.svd(roots / np.where(size > 0.0, size, 1.0), compute_uv=False)
    regular = bool(scaled[-1] > 1e-10 * scaled[0])
    worst = np.inf
    if regular:
        inverse = np.linalg.pinv(roots, rcond=1e-15)
        worst = float(np.linalg.norm(inverse, axis=1).max())
    return Description(
        truth.name,
        weight @ law.weights,
        float(np.sqrt(max(0.0, 1.0 - max(affinity)))) if affinity else np.nan,
        max(0.0, float(1.0 - measure @ joint.max(axis=1))),
        float(sizes[-1] ** 2) if regular else 0.0,
        worst,
    )


def describe_all(truths: Iterable[Truth]) -> pandas.DataFrame:
    """One row a truth: model, law of x, and the numbers of :func:`describe`."""
    import pandas

    rows = []
    for truth in truths:
        about = describe(truth)
        rows.append(
            {
                "truth": truth.name,
                "gate": repr(truth.model.gate),
                "expert": repr(truth.model.expert),
                "x": f"U[{truth.lower:g}, {truth.upper:g}]^{truth.model.n_columns}",
                "shares": " ".join(f"{share:.2f}" for share in about.shares),
                "separation": about.separation,
                "overlap": about.overlap,
                "information": about.information,
                "worst_error": about.worst_error,
                "source": truth.source,
            }
        )
    return pandas.DataFrame(rows)
