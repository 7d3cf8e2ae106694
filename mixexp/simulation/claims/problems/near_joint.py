"""Starts near a true joint law, drawn as the simulations of Gaussian gates draw theirs."""

from __future__ import annotations

import numpy as np

from mixexp.models import MixingMeasure

_LINEAR, _SPREAD = 0.005, 0.0005


def near_joint(truth: MixingMeasure, k: int, n: int, rng: np.random.Generator) -> MixingMeasure:
    """Every true atom once, k - k* copies of random ones, and noise.

    Normal noise of standard deviation ``0.005 n^(-0.083)`` in centres, slopes and intercepts, and
    absolute normal noise of ``0.0005 n^(-1/4)`` in variances and on the diagonals of covariances.
    The copies of an atom share its weight equally.

    Parameters
    ----------
    truth : MixingMeasure
        Blocks ``gate_mean``, ``gate_covariance``, ``coef``, ``intercept`` and ``variance``.
    k : int
        At least the number k* of true atoms.
    n : int
        Sample size.
    rng : numpy.random.Generator

    References
    ----------
    Code of Nguyen, Nguyen, Nguyen & Ho (2024), arXiv 2305.07572. Which atoms are copied is not
    known; here they are drawn at random.

    Examples
    --------
    >>> from mixexp.theory.truths.joint import JOINT_TRUTHS
    >>> start = near_joint(JOINT_TRUTHS["gaussian-gate-1"], 4, 1000, np.random.default_rng(0))
    >>> start.weight.tolist(), bool(abs(start["coef"][0, 0] - 0.404540) < 0.02)
    ([0.3, 0.4, 0.15, 0.15], True)
    """
    m = truth.n_atoms
    cells = np.concatenate([np.arange(m), rng.integers(m, size=k - m)])
    copies = np.bincount(cells, minlength=m)
    start = truth.normalized().take(cells)
    blocks = dict(start.atoms)
    for name in ("gate_mean", "coef", "intercept"):
        blocks[name] = blocks[name] + rng.normal(0.0, _LINEAR * n**-0.083, size=blocks[name].shape)
    spread = _SPREAD * n**-0.25
    diagonal = np.abs(rng.normal(0.0, spread, size=start["gate_mean"].shape))
    eye = np.eye(diagonal.shape[1])
    blocks["gate_covariance"] = start["gate_covariance"] + diagonal[:, :, None] * eye
    blocks["variance"] = start["variance"] + np.abs(rng.normal(0.0, spread, size=k))
    return MixingMeasure(start.weight / copies[cells], blocks)
