"""Slope estimation and its robust line."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given
from hypothesis import strategies as st

from mixexp.selection import (
    Candidates,
    UnreliableSelectionWarning,
    penalised,
    robust_line,
    slope_estimation,
)
from mixexp.selection.slope import find_slope
from tests.selection.tables import clean_table

normal = st.integers(0, 2**32 - 1).map(lambda seed: np.random.default_rng(seed))


@given(normal, st.integers(5, 40))
def test_least_squares_are_those_of_numpy(rng, n):
    x, y = np.sort(rng.uniform(0, 9, n)), rng.normal(size=n)
    line = robust_line(x, y, "ols")
    np.testing.assert_allclose([line.slope, line.intercept], np.polyfit(x, y, 1), atol=1e-8)


@pytest.mark.parametrize("loss", ["bisquare", "huber"])
@pytest.mark.parametrize("seed", range(5))
def test_limit_solves_the_equation_of_the_m_estimator(loss, seed):
    rng = np.random.default_rng(seed)
    x = np.arange(40.0)
    y = 3.0 - 0.5 * x + rng.standard_t(3, 40)
    norm = sm.robust.norms.TukeyBiweight() if loss == "bisquare" else sm.robust.norms.HuberT()
    fit = sm.RLM(y, sm.add_constant(x), norm).fit(scale_est="mad", tol=1e-12, maxiter=500)
    line = robust_line(x, y, loss)
    assert line.converged
    np.testing.assert_allclose([line.intercept, line.slope], fit.params, rtol=2e-3, atol=2e-3)


@given(normal, st.sampled_from(["bisquare", "huber", "ols"]), st.floats(-50, 50))
def test_line_follows_shifts_and_scales(rng, loss, shift):
    x, y = np.arange(15.0), rng.normal(size=15)
    one, other = robust_line(x, y, loss), robust_line(4 * x, 8 * y + shift, loss)
    np.testing.assert_allclose(other.slope, 2 * one.slope, atol=1e-6)
    np.testing.assert_allclose(other.intercept, 8 * one.intercept + shift, atol=1e-4)


def test_far_points_do_not_move_the_bisquare_line():
    x = np.arange(20.0)
    y = 1.0 + 2.0 * x + 0.1 * np.sin(7 * x)
    y[[2, 11]] += [1e6, -1e6]
    assert robust_line(x, y).slope == pytest.approx(2.0, abs=0.02)
    assert abs(robust_line(x, y, "ols").slope - 2.0) > 1e3


def test_exact_line_settles_whatever_the_rounding():
    x = np.array([0.1, 0.2, 0.3, 0.7, 1.1])
    for constant in (0.0, 1e3, 1e6):
        line = robust_line(x, constant - x / 3.0)
        assert line.converged and line.slope == pytest.approx(-1 / 3, rel=1e-6)


@pytest.mark.parametrize(
    ("x", "y", "loss", "words"),
    [
        ([1.0], [1.0], "ols", "two points"),
        ([1.0, 1.0], [1.0, 2.0], "ols", "different x"),
        ([1.0, 2.0], [1.0], "ols", "shapes"),
        ([1.0, 2.0], [1.0, 2.0], "lm", "loss is 'lm'"),
    ],
)
def test_bad_lines_are_named(x, y, loss, words):
    with pytest.raises(ValueError, match=words):
        robust_line(x, y, loss)


@given(
    st.integers(0, 10_000),
    st.randoms(use_true_random=False),
    st.sampled_from([-512.0, 0.0, 4096.0]),
    st.sampled_from([0.25, 1.0, 8.0]),
)
def test_rows_constants_and_scales_do_not_matter(seed, random, constant, scale):
    table = clean_table(seed)
    rows = list(range(len(table)))
    random.shuffle(rows)
    one = find_slope(table)
    other = find_slope(
        Candidates.from_arrays(
            table.complexity[rows],
            scale * table.contrast[rows] + constant,
            [table.names[i] for i in rows],
        )
    )
    assert one.selected_at == other.selected_at and one.selected == other.selected
    np.testing.assert_allclose(other.kappas, scale * one.kappas, rtol=1e-6)


def test_plateaus_cover_all_slopes_and_the_last_long_one_counts():
    for seed in range(20):
        found = find_slope(clean_table(seed))
        runs = found.plateaus
        assert [r.selected for r in runs for _ in range(r.length)] == list(found.selected_at)
        assert [r.start for r in runs] == [
            sum(q.length for q in runs[:i]) for i in range(len(runs))
        ]
        long = [i for i, run in enumerate(runs) if run.length >= 0.15 * len(found.kappas)]
        assert found.chosen == long[-1]
        values = penalised(found.candidates, found.kappas[found.plateau.start], 2.0)
        assert found.selected == found.candidates.names[int(np.argmin(values))]


def test_slope_of_clean_tables_is_half_a_nat_a_parameter():
    slopes = [find_slope(clean_table(seed), loss="ols").kappas[3] for seed in range(200)]
    # Sixteen increments of mean 3 nats and standard deviation sqrt(3), for 6 parameters each.
    assert np.mean(slopes) == pytest.approx(0.5, abs=0.03)


def test_min_points_replaces_the_share():
    table = clean_table(0)
    longest = max(run.length for run in find_slope(table).plateaus)
    assert find_slope(table, min_points=longest).plateau.length == longest
    with pytest.raises(ValueError, match=f"min_points={longest + 1} asks for .* has {longest} of"):
        slope_estimation(table, min_points=longest + 1)


def test_of_equal_penalties_the_smallest_contrast_enters():
    table = clean_table(3)
    doubled = Candidates.from_arrays(
        np.tile(table.complexity, 2), np.r_[table.contrast + 7.0, table.contrast]
    )
    one, other = find_slope(table), find_slope(doubled)
    np.testing.assert_allclose(one.kappas, other.kappas)
    assert len(other.candidates) == 20
    assert any("40 models share 20 penalties" in text for text in other.findings)


def test_models_of_different_size_must_not_share_a_penalty():
    table = clean_table(0)
    shape = table.complexity.copy()
    shape[4] = shape[3]
    tied = Candidates.from_arrays(table.complexity, table.contrast, penalty_shape=shape)
    with pytest.raises(ValueError, match="penalty_shape is 23 for the complexities"):
        slope_estimation(tied)


def test_all_penalties_equal_is_an_error():
    with pytest.raises(ValueError, match="penalty_shape has 1 different values"):
        slope_estimation(Candidates.from_arrays(np.full(12, 5), np.arange(12.0)))


def test_contrasts_that_rise_are_said():
    k = np.arange(1.0, 13.0)
    table = Candidates.from_arrays(6 * k, 100.0 + k + 0.1 * np.sin(k))
    with pytest.warns(UnreliableSelectionWarning, match="not positive"):
        found = slope_estimation(table)
    assert found.selected == 12 and found.kappa < 0


def test_too_few_models_are_an_error_with_number_and_remedy():
    table = clean_table(0).take(np.arange(9))
    with pytest.raises(ValueError, match=r"candidates holds 9 models.*needs 10.*fit larger"):
        slope_estimation(table)
    assert slope_estimation(clean_table(0).take(np.arange(10)), plateau=0.0).n_points >= 2


@pytest.mark.parametrize("plateau", [-0.1, 1.5, np.nan])
def test_plateau_must_be_a_share(plateau):
    with pytest.raises(ValueError, match="plateau is"):
        slope_estimation(clean_table(0), plateau=plateau)
