"""BLoME: block-diagonal covariances that the data choose."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.base import clone

from mixexp import BLoME, GLoME
from mixexp.models.covariances import BlockDiagonal
from mixexp.selection import UnreliableSelectionWarning

pytestmark = pytest.mark.filterwarnings(
    f"ignore::{UnreliableSelectionWarning.__module__}.{UnreliableSelectionWarning.__name__}"
)


def block_data(seed: int, n: int, dim: int, size: int, rho: float = 0.5):
    """Two well separated experts in y, residuals of x correlated inside blocks of one size."""
    rng = np.random.default_rng(seed)
    z = rng.integers(2, size=n)
    y = rng.normal(4.0 * z, 0.5)
    blocks = np.kron(np.eye(dim // size), (1.0 - rho) * np.eye(size) + rho)
    noise = rng.normal(size=(n, dim)) @ np.linalg.cholesky(blocks).T
    slopes, centres = rng.normal(size=(2, dim)), 2.0 * rng.normal(size=(2, dim))
    return centres[z] + y[:, None] * slopes[z] + noise, y


def blocks_of(dim: int, size: int):
    return tuple(tuple(range(i, i + size)) for i in range(0, dim, size))


@pytest.fixture(scope="module")
def fitted():
    X, y = block_data(0, 800, 12, 3)
    return X, y, BLoME(n_experts=2, n_init=4, random_state=0).fit(X, y)


def test_recovers_the_blocks(fitted):
    X, y, model = fitted
    assert model.partitions_ == [blocks_of(12, 3)] * 2
    assert model.converged_
    assert model.n_parameters_ == model.model_.n_parameters
    chosen = model.table_[model.table_["selected"]]
    assert len(chosen) == 1
    assert chosen["n_parameters"].item() == model.n_parameters_
    assert chosen["joint_loglik"].item() == pytest.approx(model.joint_loglik_, abs=1e-3)
    assert np.all(np.diff(model.table_["n_parameters"]) > 0)
    assert np.corrcoef(model.predict(X), y)[0, 1] > 0.99


def test_is_the_fit_of_its_partitions(fitted):
    X, y, model = fitted
    same = GLoME(2, covariance=BlockDiagonal(model.partitions_), n_init=4, random_state=0)
    assert same.fit(X, y).joint_loglik_ == pytest.approx(model.joint_loglik_, abs=1e-6)


@pytest.mark.parametrize("criterion", ["jump", "ddse", "bic", "aic", "icl"])
def test_every_criterion(criterion):
    X, y = block_data(1, 400, 8, 2)
    model = BLoME(2, criterion=criterion, n_init=3, random_state=0).fit(X, y)
    assert sum(map(len, model.partitions_[0])) == 8
    assert (model.selection_ is None) == (criterion in ("bic", "aic", "icl"))
    if criterion in ("aic", "bic", "icl"):
        assert model.table_.loc[model.table_["selected"], criterion].item() == pytest.approx(
            model.table_[criterion].min()
        )


def test_few_structures_fall_back_on_bic_and_say_so():
    X, y = block_data(2, 300, 4, 2)
    model = BLoME(1, criterion="slope", random_state=0).fit(X, y)
    assert model.selection_ is None
    assert any("BIC chose" in finding for finding in model.certificate_.findings)


def test_blocks_larger_than_the_effective_sample_are_left_out_with_a_reason():
    X, y = block_data(3, 40, 30, 3)
    model = BLoME(2, criterion="bic", n_init=3, random_state=0).fit(X, y)
    assert model.excluded_
    assert all("effective observations cannot carry" in reason for reason in model.excluded_)
    assert max(len(b) for p in model.partitions_ for b in p) < 40
    assert any("cannot carry" in finding for finding in model.certificate_.findings)


def test_negative_correlations_bind():
    rng = np.random.default_rng(4)
    y = rng.random(500)
    X = rng.normal(size=(500, 4))
    X[:, 1] = -0.9 * X[:, 0] + 0.4 * X[:, 1]
    model = BLoME(1, criterion="bic").fit(X + y[:, None], y)
    assert model.partitions_ == [((0, 1), (2,), (3,))]


def test_thinned_collections_and_parameters():
    X, y = block_data(5, 300, 10, 5)
    model = BLoME(2, max_candidates=5, criterion="bic", n_init=2, random_state=0)
    assert "covariance" not in model.get_params()
    assert clone(model).get_params() == model.get_params()
    assert len(model.fit(X, y).table_) <= 5


def test_direct_direction_and_several_responses():
    X, y = block_data(6, 500, 6, 3)
    model = BLoME(2, direction="direct", criterion="bic", n_init=3, random_state=0)
    model.fit(y[:, None], X)
    assert model.partitions_ == [blocks_of(6, 3)] * 2
    assert model.predict(y[:5, None]).shape == (5, 6)


@pytest.mark.slow
def test_how_often_the_slope_heuristic_recovers_the_partition(capsys):
    hits = 0
    for seed in range(50):
        X, y = block_data(seed, 2000, 50, 10)
        model = BLoME(n_experts=2, n_init=4, random_state=0).fit(X, y)
        hits += model.partitions_ == [blocks_of(50, 10)] * 2
    with capsys.disabled():
        print(f"\nBLoME recovers the partition of both experts in {hits} of 50 data sets")
    assert hits >= 45
