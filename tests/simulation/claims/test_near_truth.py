"""Starts near the truth."""

import numpy as np
import pytest

from mixexp.models import MixingMeasure
from mixexp.simulation.claims.problems.near_truth import near_truth
from mixexp.theory.truths.named import TRUTHS

TRUTH = TRUTHS["three-planes"].measure
BLOCKS = ("coef", "intercept", "variance")


def drawn(n, number=300, k=5, truth=TRUTH):
    rng = np.random.default_rng(0)
    return [near_truth(truth, k, n, rng) for _ in range(number)]


def cells(start, truth=TRUTH):
    distance = np.linalg.norm(start.flat(BLOCKS)[:, None] - truth.flat(BLOCKS)[None], axis=2)
    return distance.argmin(axis=1)


def test_every_true_atom_is_covered_and_the_last_is_the_reference():
    patterns = set()
    for start in drawn(1000):
        where = cells(start)
        assert start.n_atoms == 5
        assert set(where) == {0, 1, 2}
        assert where[-1] == 2
        patterns.add(tuple(np.bincount(where)))
    assert patterns == {(3, 1, 1), (1, 3, 1), (1, 1, 3), (2, 2, 1), (2, 1, 2), (1, 2, 2)}


def test_the_reference_is_exact_in_the_gate():
    for start in drawn(1000, 20):
        np.testing.assert_array_equal(start["gate_coef"][-1], TRUTH["gate_coef"][-1])
        assert start.weight[-1] == TRUTH.weight[-1]


@pytest.mark.parametrize(
    ("block", "size", "power"),
    [("gate_coef", 0.005, -1 / 12), ("coef", 0.05, -1 / 12), ("intercept", 0.05, -1 / 12)],
)
def test_the_noise_is_a_power_of_n(block, size, power):
    for n in (100, 100_000):
        noise = [
            (start[block] - TRUTH[block][cells(start)])[:-1].ravel() for start in drawn(n)
        ]  # fmt: skip
        assert np.std(noise) == pytest.approx(size * n**power, rel=0.05)
        assert abs(np.mean(noise)) < 0.1 * size


def test_variances_start_above_the_truth():
    for n in (100, 100_000):
        noise = np.array([s["variance"] - TRUTH["variance"][cells(s)] for s in drawn(n)])
        assert noise.min() > 0.0
        assert np.sqrt((noise**2).mean()) == pytest.approx(0.005 * n**-0.25, rel=0.05)


def test_weights_of_copies_are_not_divided():
    for start in drawn(1000, 20):
        np.testing.assert_allclose(start.weight, TRUTH.weight[cells(start)], rtol=0.02)


def test_a_common_temperature_stays_common():
    truth = TRUTHS["activation"].measure
    for start in drawn(1000, 20, 3, truth):
        assert np.ptp(start["gate_temperature"]) == 0.0
        assert start["gate_temperature"][0] != truth["gate_temperature"][0]


def test_as_many_atoms_as_the_truth():
    truth = MixingMeasure([1.0, 1.0], {"intercept": [2.0, -2.0], "variance": [0.25, 0.25]})
    start = near_truth(truth, 2, 1000, np.random.default_rng(1))
    assert start["intercept"][0] > 1.0
    assert start["intercept"][1] < -1.0
