"""The rule of verdicts: line by line, at its boundaries, and with correction for many claims."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixexp.simulation import Expectation, Slope, verdict
from mixexp.simulation.expectation import (
    AGREES,
    NO_VERDICT,
    NOT_RESOLVED,
    PLATEAU,
    SHALLOWER,
    STEEPER,
    exponent_text,
)
from mixexp.simulation.power import detectable
from mixexp.simulation.simultaneous import Corrected, corrected_verdict, simultaneous

ALL = {AGREES, NO_VERDICT, NOT_RESOLVED, SHALLOWER, STEEPER}
FLAT = Expectation(0.0, kind=PLATEAU)


def slope(low, high, sizes=(10, 100, 1000), **fields):
    return Slope((low + high) / 2, low, high, 0.0, sizes, (0.0, 0.0), **fields)


def test_verdicts_are_the_agreed_words():
    assert (AGREES, STEEPER, NOT_RESOLVED, SHALLOWER, NO_VERDICT) == (
        "agrees",
        "steeper than the bound",
        "not resolved at these sizes (power)",
        "shallower: contradicts",
        "no finite exponent predicted",
    )


@pytest.mark.parametrize(
    ("fitted", "expectation", "words"),
    [
        # 1. No finite exponent, before anything else.
        (None, Expectation(None), NO_VERDICT),
        (slope(-0.55, -0.45), Expectation(None), NO_VERDICT),
        (slope(-0.55, -0.45, sizes=(10, 100)), Expectation(None), NO_VERDICT),
        # 2. No slope or fewer than 3 sizes, before exclusion and agreement.
        (None, Expectation(-0.5), NOT_RESOLVED),
        (slope(-0.70, -0.60, sizes=(10, 100)), Expectation(-0.5), NOT_RESOLVED),
        (slope(-0.40, -0.30, sizes=(10, 100)), Expectation(-0.5), NOT_RESOLVED),
        (slope(-0.55, -0.45, sizes=(10, 100)), Expectation(-0.5), NOT_RESOLVED),
        # 3. Below; a wide interval that excludes the exponent still excludes it.
        (slope(-0.70, -0.55), Expectation(-0.5), STEEPER),
        (slope(-1.50, -0.60), Expectation(-0.5), STEEPER),
        (slope(-0.70, math.nextafter(-0.5, -1)), Expectation(-0.5), STEEPER),
        # 4. Above.
        (slope(-0.45, -0.40), Expectation(-0.5), SHALLOWER),
        (slope(-0.40, 0.60), Expectation(-0.5), SHALLOWER),
        (slope(math.nextafter(-0.5, 0), -0.4), Expectation(-0.5), SHALLOWER),
        # 5. Contained but too wide: by 0.15, by half the exponent, or as stated.
        (slope(-0.66, -0.34), Expectation(-0.5), NOT_RESOLVED),
        (slope(-0.22, -0.04), Expectation(-0.125), NOT_RESOLVED),
        (slope(-0.53, -0.47), Expectation(-0.5, resolution=0.02), NOT_RESOLVED),
        # 6. Contained and narrow enough; the ends of an interval belong to it.
        (slope(-0.55, -0.45), Expectation(-0.5), AGREES),
        (slope(-0.50, -0.45), Expectation(-0.5), AGREES),
        (slope(-0.55, -0.50), Expectation(-0.5), AGREES),
        (slope(-0.625, -0.375), Expectation(-0.5, resolution=0.125), AGREES),
        (slope(-0.1875, -0.0625), Expectation(-0.125), AGREES),
        (slope(-0.22, -0.04), Expectation(-0.125, resolution=0.1), AGREES),
        (slope(-0.10, 0.10), Expectation(0.0), AGREES),
    ],
)
def test_the_rule_line_by_line(fitted, expectation, words):
    assert verdict(fitted, expectation) == words


@pytest.mark.parametrize(
    ("fitted", "words"),
    [
        (slope(-0.03, 0.02), AGREES),
        # A precise interval beside 0 but within the band: errors settle.
        (slope(-0.03, -0.01), AGREES),
        (slope(-0.05, 0.05), AGREES),
        (slope(-0.06, 0.03), NOT_RESOLVED),
        (slope(-0.07, -0.05), NOT_RESOLVED),
        (slope(-0.30, 0.30), NOT_RESOLVED),
        (slope(-0.30, -0.06), STEEPER),
        (slope(0.06, 0.10), SHALLOWER),
        (slope(-0.03, 0.02, sizes=(10, 100)), NOT_RESOLVED),
    ],
)
def test_a_plateau_is_a_band_of_slopes(fitted, words):
    assert verdict(fitted, FLAT) == words
    assert str(FLAT) == "0 (plateau)"
    assert verdict(slope(-0.09, -0.07), replace(FLAT, resolution=0.1)) == AGREES


def test_two_claims_about_one_quantity_get_a_verdict_each():
    fitted = slope(-0.30, -0.20)
    assert verdict(fitted, Expectation(-0.125, kind="published")) == STEEPER
    assert verdict(fitted, Expectation(-0.25, kind="derived here")) == AGREES


ends = st.floats(-2.0, 1.0)
widths = st.floats(0.0, 1.0)
theories = st.one_of(
    st.just(FLAT),
    st.builds(
        Expectation, st.floats(-1.5, 0.0), resolution=st.one_of(st.none(), st.floats(1e-3, 0.5))
    ),
)


@given(low=ends, width=widths, theory=theories, n_sizes=st.integers(2, 5))
def test_verdicts_are_exhaustive_and_say_what_the_interval_says(low, width, theory, n_sizes):
    fitted = slope(low, low + width, sizes=tuple(range(10, 10 + n_sizes)))
    words = verdict(fitted, theory)
    lowest, highest = theory.slope - theory.band, theory.slope + theory.band
    below, above = fitted.high < lowest, fitted.low > highest
    assert words in ALL - {NO_VERDICT}
    assert (words == STEEPER) == (below and n_sizes >= 3)
    assert (words == SHALLOWER) == (above and n_sizes >= 3)
    if words == AGREES:
        assert not below and not above and n_sizes >= 3
        assert fitted.half_width <= theory.largest_half_width + 1e-12


@given(
    theory=theories,
    above=st.floats(0.01, 0.99),
    excess=st.floats(1e-6, 1.0),
    left=widths,
    right=widths,
)
def test_a_wider_interval_never_turns_not_resolved_into_agreement(
    theory, above, excess, left, right
):
    # An interval around the exponent, wider than may agree; `above` is the share beyond it.
    width = 2 * (theory.largest_half_width + excess)
    low = theory.slope - (1 - above) * width
    assert verdict(slope(low, low + width), theory) == NOT_RESOLVED
    assert verdict(slope(low - left, low + width + right), theory) == NOT_RESOLVED


@given(
    low=ends,
    width=widths,
    theory=theories,
    freedom=st.one_of(st.just(math.inf), st.floats(2.0, 100.0)),
    m=st.integers(1, 500),
)
def test_correction_only_weakens_exclusions(low, width, theory, freedom, m):
    fitted = slope(low, low + width, freedom=freedom)
    plain, corrected = verdict(fitted, theory), corrected_verdict(fitted, theory, m)
    assert corrected == plain or (plain in (STEEPER, SHALLOWER) and corrected == NOT_RESOLVED)
    if m == 1:
        assert corrected == plain
    if corrected_verdict(fitted, theory, m + 1) != NOT_RESOLVED:
        assert corrected == plain


def test_correction_uses_the_interval_of_bonferroni():
    # The normal quantile of 1 - 0.05 / 87 / 2 is 3.4430, that of 0.975 is 1.9600.
    reach = 0.05 * 3.4430 / 1.9600
    fitted = slope(-0.55, -0.45)
    just_in, just_out = Expectation(-0.5 + reach - 1e-4), Expectation(-0.5 + reach + 1e-4)
    assert corrected_verdict(fitted, just_in, 87) == NOT_RESOLVED
    assert corrected_verdict(fitted, just_out, 87) == STEEPER
    # With few degrees of freedom the tails are heavier and the correction larger.
    assert corrected_verdict(replace(fitted, freedom=10.0), just_out, 87) == NOT_RESOLVED


def test_a_summary_says_what_survives():
    fitted = slope(-0.55, -0.45)
    theories = [-0.5, -0.56, -0.8, -0.44, -0.2, None]
    found = simultaneous([*((fitted, Expectation(t)) for t in theories), (None, FLAT)])
    assert [str(line) for line in found] == [
        "agrees (and with correction for 6 comparisons)",
        "shallower: contradicts; not after correction for 6",
        "shallower: contradicts (and with correction for 6 comparisons)",
        "steeper than the bound; not after correction for 6",
        "steeper than the bound (and with correction for 6 comparisons)",
        "no finite exponent predicted",
        "not resolved at these sizes (power)",
    ]
    (alone,) = simultaneous([(fitted, Expectation(-0.5))])
    assert str(alone) == "agrees" and alone == Corrected("agrees", "agrees", 1)
    (one_of,) = simultaneous([(fitted, Expectation(-0.56))], 87)
    assert str(one_of) == "shallower: contradicts; not after correction for 87"
    assert simultaneous([(fitted, Expectation(None))])[0].verdict == NO_VERDICT


def test_impossible_numbers_of_comparisons_are_refused():
    fitted = slope(-0.55, -0.45)
    with pytest.raises(ValueError, match="at least 1"):
        corrected_verdict(fitted, Expectation(-0.5), 0)
    with pytest.raises(ValueError, match="2 finite"):
        simultaneous([(fitted, Expectation(-0.5))] * 2, 1)


def test_detectable_exponents_are_excluded_in_four_of_five_studies():
    fitted = slope(-0.55, -0.45)
    found = detectable(fitted, Expectation(-0.5))
    se = 0.05 / 1.959964
    assert found.shallower == pytest.approx(-0.5 + (1.959964 + 0.841621) * se)
    assert found.steeper == pytest.approx(-0.5 - (1.959964 + 0.841621) * se)
    wide = detectable(fitted, Expectation(-0.5), 0.99)
    assert wide.steeper == pytest.approx(-0.5 - (2.575829 + 0.841621) * se)
    # Power one half: the estimate lies beyond the half-width as often as not.
    assert detectable(fitted, Expectation(-0.5), power=0.5).steeper == pytest.approx(-0.55)
    assert detectable(fitted, FLAT).steeper == pytest.approx(-0.05 - (1.959964 + 0.841621) * se)


def test_nothing_is_detectable_without_an_interval_or_a_theory():
    fitted = slope(-0.55, -0.45)
    assert detectable(None, Expectation(-0.5)) is None
    assert detectable(fitted, Expectation(None)) is None
    assert detectable(replace(fitted, sizes=(10, 100)), Expectation(-0.5)) is None
    with pytest.raises(ValueError, match="power"):
        detectable(fitted, Expectation(-0.5), power=1.0)


@pytest.mark.parametrize(
    "fields",
    [
        {"slope": 0.5},
        {"slope": float("-inf")},
        {"slope": -0.5, "resolution": 0.0},
        {"slope": -0.5, "kind": "plateau"},
        {"slope": None, "kind": "plateau"},
    ],
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
