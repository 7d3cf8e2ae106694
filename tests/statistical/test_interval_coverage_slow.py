"""The documented coverage of the intervals of slopes, from thousands of synthetic tables."""

from __future__ import annotations

import pytest

from mixexp.simulation.coverage import LAWS, interval_coverage

pytestmark = pytest.mark.slow

SIZES = (1000, 3000, 10_000, 30_000, 100_000)
DESIGNS = {"fewer at large sizes": (80, 80, 60, 25, 10), "eight": 8}


@pytest.mark.parametrize("design", DESIGNS)
@pytest.mark.parametrize("statistic", ["mean_log", "median"])
@pytest.mark.parametrize("law", LAWS)
def test_declared_intervals_cover(law, statistic, design):
    found = interval_coverage(
        law, SIZES, DESIGNS[design], statistic=statistic, n_tables=6000, seed=41
    )
    assert 0.93 <= found.covered <= 0.985
    # One-sided errors matter to verdicts: steeper and shallower each at most twice the nominal.
    assert max(found.below, found.above) <= 0.05


@pytest.mark.parametrize(
    ("law", "design", "documented"),
    [
        ("normal", "fewer at large sizes", 0.938),
        ("normal", "eight", 0.944),
        ("skewed", "fewer at large sizes", 0.950),
        ("skewed", "eight", 0.959),
        ("contaminated", "fewer at large sizes", 0.894),
        ("contaminated", "eight", 0.956),
        ("pareto_2.5", "fewer at large sizes", 0.923),
        ("pareto_2.5", "eight", 0.953),
    ],
)
def test_slopes_of_means_cover_as_documented(law, design, documented):
    found = interval_coverage(law, SIZES, DESIGNS[design], statistic="mean", n_tables=6000, seed=42)
    # Two simulations of thousands of tables each, and different resamples.
    assert found.covered == pytest.approx(documented, abs=5 * found.standard_error)
