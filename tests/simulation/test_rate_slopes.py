from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from mixexp.simulation import Slope, errors_of, fit_slope
from mixexp.simulation.slopes import last_decade

SIZES = (1000, 3162, 10_000, 31_623, 100_000)


def synthetic(rng, exponent, replicates, spread=0.8, sizes=SIZES):
    return {n: n**exponent * np.exp(spread * rng.normal(size=replicates)) for n in sizes}


@pytest.mark.parametrize("statistic", ["mean_log", "median"])
def test_intervals_cover_the_exponent_and_exclude_a_wrong_one(statistic):
    rng = np.random.default_rng(20)
    fits = [
        fit_slope(synthetic(rng, -0.25, 60), statistic=statistic, n_resamples=200, seed=i)
        for i in range(200)
    ]
    covered = np.mean([fit.low <= -0.25 <= fit.high for fit in fits])
    wrong = np.mean([fit.low <= -0.125 <= fit.high for fit in fits])
    # 95 % of 200 has a standard deviation of 1.5 %.
    assert 0.90 <= covered <= 0.99
    # The exponents are 4.4 standard errors apart for means, 3.5 for medians.
    assert wrong <= (0.02 if statistic == "mean_log" else 0.12)


def test_the_default_slope_is_least_squares_over_all_replicates():
    rng = np.random.default_rng(3)
    errors = {
        n: n**-0.4 * np.exp(rng.normal(size=r)) for n, r in zip(SIZES, (9, 7, 5, 4, 3), strict=True)
    }
    x = np.concatenate([np.full(len(e), np.log(n)) for n, e in errors.items()])
    y = np.log(np.concatenate(list(errors.values())))
    gradient, intercept = np.polyfit(x, y, 1)
    fit = fit_slope(errors)
    assert fit.estimate == pytest.approx(gradient, abs=1e-12)
    assert fit.intercept == pytest.approx(intercept, abs=1e-11)
    assert fit.centre == pytest.approx((x.mean(), y.mean()), abs=1e-12)


def test_few_replicates_do_not_shorten_the_interval():
    # Against the unbiased standard error and Student's quantile.
    errors = synthetic(np.random.default_rng(5), -0.5, 4)
    x = np.log(SIZES) - np.log(SIZES).mean()
    parts = np.array(
        [
            c**2 * np.log(e).var(ddof=1) / 4
            for c, e in zip(x / (x @ x), errors.values(), strict=True)
        ]
    )
    freedom = parts.sum() ** 2 / (parts**2 / 3).sum()
    fit = fit_slope(errors, level=0.6827, n_resamples=20_000)
    assert fit.freedom == pytest.approx(freedom, rel=0.05)
    assert 3 <= freedom <= 15
    assert fit.standard_error == pytest.approx(np.sqrt(parts.sum()), rel=0.05)
    assert fit.half_width == pytest.approx(
        stats.t.ppf((1 + 0.6827) / 2, freedom) * np.sqrt(parts.sum()), rel=0.05
    )


def test_the_mean_slope_is_least_squares_of_log_means():
    errors = dict(zip(SIZES, np.random.default_rng(4).uniform(1, 9, (5, 12)), strict=True))
    gradient, _ = np.polyfit(np.log(SIZES), np.log([e.mean() for e in errors.values()]), 1)
    fit = fit_slope(errors, statistic="mean")
    assert fit.estimate == pytest.approx(gradient, abs=1e-12)
    # Squared slope errors by the delta method.
    x = np.log(SIZES) - np.log(SIZES).mean()
    spread = [e.std(ddof=1) / e.mean() for e in errors.values()]
    delta = np.sqrt(((x / (x @ x) * spread) ** 2).sum() / 12)
    assert fit.standard_error == pytest.approx(delta, rel=0.1)


def test_other_levels_stretch_both_halves():
    known = Slope(-0.5, -0.6, -0.45, 0.0, SIZES, (0.0, 0.0))
    wide = known.at_level(0.99)
    assert (known.estimate - wide.low) / 0.1 == pytest.approx(2.575829 / 1.959964)
    assert (wide.high - known.estimate) / 0.05 == pytest.approx(2.575829 / 1.959964)
    assert wide.level == 0.99 and wide.standard_error == pytest.approx(known.standard_error)
    assert known.at_level(0.95) is known
    few = Slope(-0.5, -0.6, -0.4, 0.0, SIZES, (0.0, 0.0), freedom=6.0)
    assert few.at_level(0.99).half_width == pytest.approx(0.1 * 3.707428 / 2.446912)
    with pytest.raises(ValueError, match="level"):
        known.at_level(1.0)


def test_a_rescaled_interval_is_that_of_a_fit_at_the_level():
    errors = synthetic(np.random.default_rng(9), -0.5, 40)
    fitted = fit_slope(errors, level=0.8, n_resamples=50_000)
    rescaled = fit_slope(errors, n_resamples=50_000).at_level(0.8)
    assert rescaled.half_width == pytest.approx(fitted.half_width, rel=0.02)


def test_equal_errors_have_an_interval_of_no_width():
    fit = fit_slope({n: np.full(5, n**-0.5) for n in SIZES}, statistic="median")
    assert (fit.low, fit.high, fit.freedom) == (fit.estimate, fit.estimate, np.inf)


def test_the_median_slope_ignores_a_wild_replicate():
    errors = synthetic(np.random.default_rng(6), -0.5, 41)
    wild = {n: np.append(e[1:], 1e200 if n == SIZES[-1] else e[0]) for n, e in errors.items()}
    assert abs(fit_slope(wild, statistic="median").estimate + 0.5) < 0.1
    assert abs(fit_slope(wild, statistic="mean_log").estimate + 0.5) > 1.0


def test_intervals_depend_on_the_seed_alone():
    errors = synthetic(np.random.default_rng(7), -0.5, 20)
    backwards = dict(reversed(errors.items()))
    assert fit_slope(errors, seed=1) == fit_slope(backwards, seed=1)
    assert fit_slope(errors, seed=1).low != fit_slope(errors, seed=2).low
    assert fit_slope(errors, level=0.5).half_width < fit_slope(errors).half_width


def test_sizes_with_too_few_errors_are_left_out():
    errors = synthetic(np.random.default_rng(8), -0.5, 5) | {10**6: np.array([1e9, 1e9])}
    assert fit_slope(errors).sizes == SIZES
    assert fit_slope(errors, min_replicates=2).sizes == (*SIZES, 10**6)
    assert fit_slope({10: np.ones(5)}) is None


def test_last_decade_starts_at_a_tenth_of_the_largest_usable_size():
    errors = {n: np.ones(3) for n in (999, 1000, 5000, 10_000)} | {10**6: np.ones(1)}
    assert list(last_decade(errors)) == [1000, 5000, 10_000]


@pytest.mark.parametrize(
    "options", [{"statistic": "mode"}, {"level": 1.0}, {"n_resamples": 0}, {"min_replicates": 1}]
)
def test_options_out_of_range_are_refused(options):
    with pytest.raises(ValueError, match=next(iter(options))):
        fit_slope({10: np.ones(5), 20: np.ones(5)}, **options)


def test_errors_without_a_logarithm_are_counted():
    values = [0.5, 0.0, -1.0, np.nan, np.inf, None, 0.25, 9.0]
    frame = pd.DataFrame(
        {
            "n": 10,
            "replicate": range(8),
            "loss": pd.array(values, dtype="Float64"),
            "error": [None] * 7 + ["Traceback"],
        }
    )
    errors = errors_of(frame, "loss")
    assert errors.by_size[10].tolist() == [0.5, 0.25]
    assert (errors.zero, errors.negative, errors.not_finite, errors.left_out) == (1, 1, 3, 5)


def test_parts_with_columns_of_their_own_are_no_missing_values():
    frame = pd.DataFrame(
        {
            "n": [10, 10],
            "replicate": [0, 0],
            "part": [0, 1],
            "exact": [0.5, None],
            "over": [None, 2.0],
        }
    )
    assert errors_of(frame, "exact").left_out == errors_of(frame, "over").left_out == 0


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"replicate": [0, 0]}, "several values"),
        ({"study": ["a", "b"]}, "mixes 2"),
        ({"config": ["a", "b"]}, "mixes 2"),
        ({"loss": None}, "no column 'loss'"),
        ({"error": ["Traceback\nValueError: x"] * 2}, "ValueError: x"),
    ],
)
def test_tables_that_cannot_be_reported_are_refused(changes, words):
    columns = {"n": [10, 10], "replicate": [0, 1], "loss": [1.0, 2.0]} | changes
    frame = pd.DataFrame({name: value for name, value in columns.items() if value is not None})
    with pytest.raises(ValueError, match=words):
        errors_of(frame, "loss")
