"""Declarations become studies."""

from dataclasses import replace

import pytest
from toy_claim import claim

from mixexp.simulation.claims.arms import Search
from mixexp.simulation.claims.budget import Cost


@pytest.mark.parametrize(
    "change",
    [
        {"arms": (Search(n_starts=4),)},
        {"problem": replace(claim().problem, k=4)},
        {"measures": ()},
        {"exact": False},
        {"version": "2"},
    ],
)
def test_what_changes_the_numbers_changes_the_table(change):
    assert claim(**change).study().config != claim().study().config


@pytest.mark.parametrize(
    "change", [{"seconds": 500.0}, {"cost": Cost(1.0, 1e-3)}, {"title": "b"}, {"quantities": ()}]
)
def test_what_does_not_change_the_numbers_keeps_the_table(change):
    assert claim(**change).study().config == claim().study().config


def test_a_small_level_is_kept_where_more_sizes_cost_replicates():
    # 4 replicates of all three sizes are just affordable at the full level.
    toy = claim(seconds=4 * (0.7 + 0.9 + 1.3) + 0.01)
    quick, full = toy.study("quick"), toy.study("full")
    assert full.sizes == (200, 400, 800)
    assert all(full.replicates_of(n) >= quick.replicates_of(n) for n in quick.sizes)
