r"""Merging Gaussian-gated experts that are not linear in the covariates of the gate.

With the gate's moments :math:`c_k,\Gamma_k` of x and :math:`M_k=E_k\{\varphi\varphi^\top\}` of the
features :math:`\varphi=(1,\dots)` under expert k, shares :math:`\lambda` of the group and
coefficients :math:`T_k`, means being :math:`T_k\varphi(x)`,

.. math:: M=\sum_k\lambda_kM_k,\qquad T=\sum_k\lambda_kT_kM_kM^{-1},\qquad
          \nu=\sum_k\lambda_k\{\nu_k+(T_k-T)M_k(T_k-T)^\top\},

the regression of y on the features under the mixture of the group, and the variance it leaves. With
experts linear in x it is the Gaussian law with the moments of the mixture, of
:mod:`mixexp.selection.merging_gaussian`. The literature has no merge of such experts: derived here.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mixexp.models.measure import MixingMeasure

Array = NDArray[np.float64]

FEATURE_MOMENT = "feature_moment"
"""Block (K, 1 + q, 1 + q) of the M that merges of such experts need."""


def with_feature_moments(
    measure: MixingMeasure, phi: Array, responsibilities: Array
) -> MixingMeasure:
    """The measure with means of (1, φ)(1, φ)ᵀ over each expert's rows, ``feature_moment``.

    Parameters
    ----------
    measure : MixingMeasure
    phi : array (n, q)
        Features that slopes multiply.
    responsibilities : array (n, K)
        How much of each row is an expert's.

    Examples
    --------
    >>> G = MixingMeasure([1.0, 1.0], {"intercept": [0.0, 0.0]})
    >>> r = np.array([[1.0, 0.0], [0.0, 1.0]])
    >>> with_feature_moments(G, np.array([[1.0], [3.0]]), r)["feature_moment"][1]
    array([[1., 3.],
           [3., 9.]])
    """
    rows = np.column_stack([np.ones(len(phi)), phi])
    mass = np.maximum(responsibilities.sum(axis=0), np.finfo(float).tiny)
    moment = np.stack([(rows.T * r) @ rows for r in responsibilities.T]) / mass[:, None, None]
    return MixingMeasure(measure.weight, {**measure.atoms, FEATURE_MOMENT: moment})


def regression_matched(part: MixingMeasure) -> dict[str, Array]:
    """Blocks of the one atom in place of all atoms of a measure with feature moments.

    Parameters
    ----------
    part : MixingMeasure
        Blocks ``gate_mean`` (K, d), ``gate_covariance`` (K, d, d), ``feature_moment`` and the
        experts' ``coef``, ``intercept`` and ``variance`` or ``covariance``.

    Examples
    --------
    >>> two = MixingMeasure([0.5, 0.5], {"gate_mean": [[-1.0], [1.0]],
    ...     "gate_covariance": [[[1.0]], [[1.0]]], "coef": [[0.0], [0.0]],
    ...     "intercept": [-2.0, 2.0], "variance": [1.0, 1.0],
    ...     "feature_moment": [[[1.0, -1.0], [-1.0, 2.0]], [[1.0, 1.0], [1.0, 2.0]]]})
    >>> one = regression_matched(two)
    >>> one["gate_covariance"], one["coef"], one["variance"]
    (array([[2.]]), array([2.]), array(3.))
    """
    share = part.weight / part.weight.sum()
    spread = "covariance" if "covariance" in part.atoms else "variance"
    shapes = {name: block.shape[1:] for name, block in part.atoms.items()}
    centre = np.tensordot(share, part["gate_mean"], 1)
    apart = part["gate_mean"] - centre
    gamma = np.tensordot(share, part["gate_covariance"], 1) + (apart.T * share) @ apart
    k, moment = part.n_atoms, part[FEATURE_MOMENT]
    n_responses = int(np.prod(shapes["intercept"], dtype=int))
    table = np.concatenate(
        [part["intercept"].reshape(k, n_responses, 1), part["coef"].reshape(k, n_responses, -1)],
        axis=2,
    )
    one, left = _regression(share, table, moment)
    noise = np.tensordot(share, part[spread], 1).reshape(n_responses, n_responses) + left
    return {
        "gate_mean": centre,
        "gate_covariance": gamma,
        "intercept": one[:, 0].reshape(shapes["intercept"]),
        "coef": one[:, 1:].reshape(shapes["coef"]),
        spread: noise.reshape(shapes[spread]),
        FEATURE_MOMENT: np.tensordot(share, moment, 1),
    }


def _regression(share: Array, table: Array, moment: Array) -> tuple[Array, Array]:
    """Coefficients T (D, 1 + q) under the mixture, and the spread of the means around it (D, D)."""
    whole = np.tensordot(share, moment, 1)
    # Around the first atom, so that copies of one atom merge to exactly that atom.
    step = table - table[0]
    cross = np.einsum("k,kip,kpq->iq", share, step, moment)
    # Powers of x have different sizes, which need not cost digits.
    size = np.sqrt(np.maximum(np.diag(whole), np.finfo(float).tiny))
    scaled = whole / np.outer(size, size)
    turn = np.linalg.lstsq(scaled, (cross / size).T, rcond=1e-14)[0].T / size
    apart = step - turn
    return table[0] + turn, np.einsum("k,kip,kpq,kjq->ij", share, apart, moment, apart)
