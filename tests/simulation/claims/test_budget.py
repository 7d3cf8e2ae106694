"""Replicates from a declared time."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from mixexp.simulation.claims.budget import Cost, replicates_for

SIZES = (1000, 3160, 10_000, 31_600, 100_000)


@settings(deadline=None, max_examples=60)
@given(
    seconds=st.floats(1.0, 1e4), fixed=st.floats(0.01, 20.0), per_row=st.floats(1e-7, 1e-3),
    n_sizes=st.integers(1, 5),
)  # fmt: skip
def test_the_time_suffices_and_costly_sizes_get_fewer(seconds, fixed, per_row, n_sizes):
    cost = Cost(fixed, per_row)
    bought = replicates_for(seconds, SIZES[:n_sizes], cost)
    assert tuple(bought) == SIZES[: len(bought)]
    counts = list(bought.values())
    assert counts == sorted(counts, reverse=True)
    assert min(counts) >= 4
    assert max(counts) <= 200
    spent = sum(count * cost.seconds(n) for n, count in bought.items())
    if len(bought) > 1 or spent > 4 * cost.seconds(SIZES[0]) * 1.0001:
        assert spent <= seconds * (1 + 1e-9)


def test_the_time_is_used():
    cost = Cost(1.0, 1e-4)
    bought = replicates_for(500.0, SIZES, cost)
    spent = sum(count * cost.seconds(n) for n, count in bought.items())
    assert spent > 500.0 - sum(map(cost.seconds, SIZES))


def test_the_allocation_is_the_best_of_its_cost():
    cost = Cost(1.0, 1e-3)
    bought = replicates_for(20_000.0, SIZES[:4], cost, most=10_000)
    product = [count * np.sqrt(cost.seconds(n)) for n, count in bought.items()]
    np.testing.assert_allclose(product, product[0], rtol=0.02)


def test_a_time_for_nothing_still_runs_the_smallest_size():
    assert replicates_for(0.1, SIZES, Cost(1.0, 1e-4)) == {1000: 4}
