"""Checks of slope heuristics: on clean, curved, failed and too small tables."""

from __future__ import annotations

import warnings
from collections import Counter

import numpy as np
import pytest
import statsmodels.api as sm

from mixexp.selection import (
    Candidates,
    UnreliableSelectionWarning,
    curvature,
    slope_heuristics,
)
from tests.selection.tables import clean_table, curved_table


def heuristics(table, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UnreliableSelectionWarning)
        return slope_heuristics(table, **options)


def failed(result):
    return {check.name for check in result.failed}


@pytest.fixture(scope="module")
def clean():
    return [heuristics(clean_table(seed)) for seed in range(100)]


def test_clean_tables_are_mostly_trusted_and_then_nearly_always_right(clean):
    trusted = [result for result in clean if result.trustworthy]
    others = [result for result in clean if not result.trustworthy]
    right = np.mean([result.selected == 4 for result in trusted])
    assert len(trusted) >= 60
    assert right > 0.85
    # A check that does not tell right from wrong would be worth nothing.
    assert right > np.mean([result.selected == 4 for result in others])


def test_curved_tables_are_mostly_not_trusted():
    results = [heuristics(curved_table(seed)) for seed in range(60)]
    assert sum(result.trustworthy for result in results) <= 15
    named = Counter(name for result in results for name in failed(result))
    assert {"linear tail", "agreement", "dominant jump"} <= named.keys()


def test_summary_says_everything_in_words(clean):
    result = next(r for r in clean if r.trustworthy)
    text = result.summary()
    assert text.startswith(f"selected: {result.selected}, by the dimension jump\n")
    assert str(result) == text and "NOT" not in text
    assert all(f"[ok] {check.name}" in text for check in result.checks)
    doubtful = next(r for r in clean if not r.trustworthy)
    assert "NOT TRUSTWORTHY" in doubtful.summary() and "[NOT OK]" in doubtful.summary()


def test_disagreement_is_decided_by_the_rule_and_said():
    for seed in range(200):
        by_jump = heuristics(curved_table(seed))
        if "agreement" in failed(by_jump):
            break
    by_slope = heuristics(curved_table(seed), rule="slope")
    assert by_jump.selected == by_jump.jump.selected != by_slope.selected
    assert by_slope.selected == by_slope.slope.selected
    assert by_jump.kappa == by_jump.jump.kappa and by_slope.kappa == by_slope.slope.kappa
    (check,) = (c for c in by_jump.checks if c.name == "agreement")
    assert f"the jump selects {by_jump.selected} " in check.sentence
    assert f"the slope {by_slope.selected} " in check.sentence


def test_one_warning_and_only_if_a_check_fails(clean):
    seeds = [seed for seed, result in enumerate(clean) if result.trustworthy]
    slope_heuristics(clean_table(seeds[0]))
    bad = next(seed for seed, result in enumerate(clean) if not result.trustworthy)
    with pytest.warns(UnreliableSelectionWarning) as caught:
        slope_heuristics(clean_table(bad))
    assert len(caught) == 1
    assert caught[0].filename == __file__


def test_ten_models_leave_the_slope_with_a_caveat():
    result = heuristics(clean_table(0).take(np.arange(10)), plateau=0.0)
    assert result.jump is None and result.rule == "slope"
    assert result.selected == result.slope.selected
    assert "both rules" in failed(result)
    assert "candidates holds 10 models" in result.summary()


def test_jump_alone_if_no_plateau_is_long_enough():
    result = heuristics(clean_table(0), min_points=20, rule="slope")
    assert result.slope is None and result.rule == "jump"
    assert "min_points=20 asks for" in result.summary() and not result.trustworthy


def test_nine_models_are_an_error():
    with pytest.raises(ValueError, match="neither rule can run, use a criterion"):
        slope_heuristics(clean_table(0).take(np.arange(9)))


def test_unknown_rule_is_named():
    with pytest.raises(ValueError, match="rule is 'area'"):
        slope_heuristics(clean_table(0), rule="area")


@pytest.mark.parametrize(
    ("option", "words"),
    [({"factor": 0.0}, "^factor is"), ({"plateau": 2.0}, "^plateau is"), ({"loss": "lm"}, "^loss")],
)
def test_options_out_of_range_are_errors_not_caveats(option, words):
    with pytest.raises(ValueError, match=words):
        slope_heuristics(clean_table(0), **option)


def test_nan_contrasts_are_a_note():
    table = clean_table(0)
    contrast = table.contrast.copy()
    contrast[7] = np.nan
    result = heuristics(Candidates.from_arrays(table.complexity, contrast))
    assert any("left out" in text and text.endswith(": 8") for text in result.findings)
    assert "note: 1 model is left out" in result.summary()


def test_bent_tail_is_found():
    k = np.arange(1, 21)
    dim = 6.0 * k - 1.0
    contrast = 3000.0 * np.exp(-3.0 * k) - 0.5 * dim + 0.3 * np.sin(k**2)
    straight = heuristics(Candidates.from_arrays(dim, contrast))
    bent = heuristics(Candidates.from_arrays(dim, contrast - 0.004 * dim**2))
    assert "linear tail" not in failed(straight)
    (check,) = (c for c in bent.failed if c.name == "linear tail")
    assert "the tail is curved" in check.sentence


def test_failed_fits_are_found():
    table = clean_table(0)
    contrast = table.contrast.copy()
    contrast[15] += 60.0
    result = heuristics(Candidates.from_arrays(table.complexity, contrast))
    (check,) = (c for c in result.failed if c.name == "falling contrast")
    assert "16 is " in check.sentence and "use more starts" in check.sentence


def test_largest_model_selected_is_at_the_edge():
    k = np.arange(1.0, 15.0)
    result = heuristics(Candidates.from_arrays(6 * k, 5000.0 - 100.0 * k + np.sin(k)), factor=0.5)
    assert result.selected == 14
    assert "inside the grid" in failed(result)


def test_invariance_of_the_checks():
    for seed in range(10):
        for make in (clean_table, curved_table):
            table = make(seed)
            moved = Candidates.from_arrays(table.complexity, 8.0 * table.contrast - 512.0)
            one, other = heuristics(table), heuristics(moved)
            assert failed(one) == failed(other) and one.selected == other.selected


@pytest.mark.parametrize("kind", ["independent", "cumulated"])
def test_level_of_the_curvature_test_holds_for_both_kinds_of_noise(kind):
    rng = np.random.default_rng(5)
    x = np.sort(rng.uniform(0.0, 50.0, 15))
    noise = rng.normal(size=(2000, 15))
    if kind == "cumulated":
        steps = np.diff(x, prepend=x[0] - 1.0)
        noise = np.cumsum(steps * noise, axis=1)
    rejected = np.mean([curvature(x, 3.0 - 2.0 * x + e).p_value < 0.05 for e in noise])
    assert rejected < 0.065


def test_p_value_is_the_larger_of_the_two_tests():
    rng = np.random.default_rng(8)
    x = np.arange(12.0)
    middle = sm.add_constant(x[1:] - 0.5)
    square = sm.add_constant(np.c_[x, x**2])
    for y in rng.normal(size=(20, 12)):
        both = [sm.OLS(y, square).fit().pvalues[2], sm.OLS(np.diff(y), middle).fit().pvalues[1]]
        assert curvature(x, y).p_value == pytest.approx(max(both), rel=1e-6)


def test_curvature_of_a_parabola_is_its_change_of_slope():
    x = np.linspace(0.0, 10.0, 12)
    found = curvature(x, 5.0 + 4.0 * x + 0.3 * x**2)
    # Slopes 4 and 10 at the ends, 7 in the mean.
    assert found.change == pytest.approx(6.0 / 7.0) and found.p_value < 1e-6
    assert curvature(x, 5.0 + 4.0 * x).p_value == 1.0
    assert curvature(x, np.full(12, 3.0)) == (0.0, 1.0)
    with pytest.raises(ValueError, match="x has 4 points"):
        curvature(x[:4], x[:4])
