"""Selection of the largest scores, against sorting."""

from __future__ import annotations

import numpy as np
import pytest

from mixexp._kernels import topk


@pytest.mark.parametrize("n_experts", [1, 2, 3, 5, 8, 11])
@pytest.mark.parametrize("n_active", [1, 2, 3, 4])
@pytest.mark.parametrize("kind", ["distinct", "ties", "infinite"])
def test_selects_as_a_stable_sort_does(n_experts: int, n_active: int, kind: str) -> None:
    n_active = min(n_active, n_experts)
    rng = np.random.default_rng([n_experts, n_active])
    scores = rng.normal(size=(n_experts, 300))
    if kind == "ties":
        scores = np.round(scores)
    if kind == "infinite":
        scores[rng.random(scores.shape) < 0.6] = -np.inf
    chosen = np.empty((n_active, 300), dtype=np.int64)
    topk.select(scores, chosen)
    expected = np.argsort(-scores, axis=0, kind="stable")[:n_active]
    assert np.array_equal(chosen, expected)


@pytest.mark.parametrize("n_active", [1, 2, 3])
def test_scores_that_are_nan_still_choose_different_experts(n_active: int) -> None:
    scores = np.random.default_rng(0).normal(size=(6, 400))
    scores[np.random.default_rng(1).random(scores.shape) < 0.5] = np.nan
    chosen = np.full((n_active, 400), -1)
    topk.select(scores, chosen)
    assert chosen.min() >= 0 and chosen.max() < 6
    assert all(len(set(column)) == n_active for column in chosen.T)
