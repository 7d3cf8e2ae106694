from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from mixexp.simulation import Expectation, Slope, errors_of, fit_slope, verdict
from mixexp.simulation.expectation import (
    AGREES,
    NO_VERDICT,
    NOT_RESOLVED,
    SHALLOWER,
    STEEPER,
    exponent_text,
)
from mixexp.simulation.slopes import last_decade

SIZES = (1000, 3162, 10_000, 31_623, 100_000)


def synthetic(rng, exponent, replicates, spread=0.8, sizes=SIZES):
    return {n: n**exponent * np.exp(spread * rng.normal(size=replicates)) for n in sizes}


def slope(low, high, sizes=(10, 100, 1000)):
    return Slope((low + high) / 2, low, high, 0.0, sizes, (0.0, 0.0))


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
    # Spread of the bootstrap slopes against the unbiased standard error.
    errors = synthetic(np.random.default_rng(5), -0.5, 4)
    x = np.log(SIZES) - np.log(SIZES).mean()
    variance = sum(
        c**2 * np.log(e).var(ddof=1) / 4 for c, e in zip(x / (x @ x), errors.values(), strict=True)
    )
    fit = fit_slope(errors, level=0.6827, n_resamples=20_000)
    assert fit.half_width == pytest.approx(np.sqrt(variance), rel=0.05)


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
    "options", [{"statistic": "mean"}, {"level": 1.0}, {"n_resamples": 0}, {"min_replicates": 1}]
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


@pytest.mark.parametrize(
    ("fitted", "expectation", "words"),
    [
        (slope(-0.55, -0.45), Expectation(-0.5), AGREES),
        (slope(-0.50, -0.45), Expectation(-0.5), AGREES),
        (slope(-0.70, -0.55), Expectation(-0.5), STEEPER),
        (slope(-0.45, -0.40), Expectation(-0.5), SHALLOWER),
        (slope(-0.66, -0.34), Expectation(-0.5), NOT_RESOLVED),
        # A wide interval that excludes the exponent still excludes it.
        (slope(-1.50, -0.60), Expectation(-0.5), STEEPER),
        (slope(-0.40, 0.60), Expectation(-0.5), SHALLOWER),
        # Half the exponent limits the width for small exponents ...
        (slope(-0.22, -0.04), Expectation(-0.125), NOT_RESOLVED),
        (slope(-0.18, -0.07), Expectation(-0.125), AGREES),
        # ... unless the resolution is stated.
        (slope(-0.22, -0.04), Expectation(-0.125, resolution=0.1), AGREES),
        (slope(-0.10, 0.10), Expectation(0.0), AGREES),
        (slope(-0.55, -0.45, sizes=(10, 100)), Expectation(-0.5), NOT_RESOLVED),
        (slope(-0.70, -0.60, sizes=(10, 100)), Expectation(-0.5), NOT_RESOLVED),
        (None, Expectation(-0.5), NOT_RESOLVED),
        (slope(-0.55, -0.45), Expectation(None), NO_VERDICT),
        (None, Expectation(None), NO_VERDICT),
    ],
)
def test_verdicts(fitted, expectation, words):
    assert verdict(fitted, expectation) == words


def test_verdicts_are_the_agreed_words():
    assert (AGREES, STEEPER, SHALLOWER, NOT_RESOLVED, NO_VERDICT) == (
        "agrees",
        "steeper than the bound",
        "shallower: contradicts",
        "not resolved",
        "\u2013",
    )


@pytest.mark.parametrize(
    "fields", [{"slope": 0.5}, {"slope": float("-inf")}, {"slope": -0.5, "resolution": 0.0}]
)
def test_impossible_expectations_are_refused(fields):
    with pytest.raises(ValueError, match=r"slope|resolution"):
        Expectation(**fields)


def test_exponents_are_printed_as_fractions():
    assert [exponent_text(x) for x in (-0.5, -1 / 12, 0.0, -0.123)] == [
        "-1/2",
        "-1/12",
        "0",
        "-0.123",
    ]
