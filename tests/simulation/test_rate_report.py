from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from mixexp.simulation import Expectation, fit_slope, report_rates


@pytest.fixture(scope="module")
def frame():
    rng = np.random.default_rng(11)
    n, replicate = (grid.ravel() for grid in np.meshgrid((100, 1000, 10_000, 100_000), range(50)))
    noise = np.exp(0.5 * rng.normal(size=n.size))
    frame = pd.DataFrame(
        {
            "n": n,
            "replicate": replicate,
            "loss": n**-0.5 * noise,
            "slow": n**-0.1 * noise,
            "error": None,
        }
    )
    frame["certified"] = ~((n == 100) & (replicate < 3))
    frame["at_bound"] = (n == 100) & (replicate < 25)
    frame.loc[(n == 1000) & (replicate == 7), "error"] = "Traceback\n  ...\nValueError: no start\n"
    frame.loc[(n == 1000) & (replicate == 8), "loss"] = 0.0
    return frame


@pytest.fixture(scope="module")
def report(frame):
    quantities = [
        ("loss", "D1", Expectation(-0.5)),
        ("loss", "D1 again", Expectation(-0.25, kind="derived here")),
        ("slow", "b", Expectation(-0.125, resolution=0.2)),
        ("slow", "b against -1/2", Expectation(-0.5)),
        ("slow", "free", Expectation(None)),
    ]
    return report_rates(frame, quantities)


def test_each_line_has_its_verdict(report):
    assert [rate.verdict for rate in report.rates] == [
        "agrees",
        "steeper than the bound",
        "agrees",
        "shallower: contradicts",
        "no finite exponent predicted",
    ]
    assert report.rates[0].last_decade.sizes == (10_000, 100_000)
    assert report.rates[0].verdict_last_decade == "not resolved at these sizes (power)"
    assert "last decade:" not in str(report)


def test_the_slopes_of_all_summaries_stand_side_by_side(report, frame):
    errors = report.rates[0].errors.by_size
    assert report._header()[2:4] == ("of medians", "of means")
    for name, cell in (("median", 2), ("mean", 3)):
        fit = fit_slope(errors, statistic=name)
        assert report._cells()[0][cell] == f"{fit.estimate:+.2f} ± {fit.half_width:.2f}"
    means = report_rates(frame, [("loss", "D1", Expectation(-0.5))], statistic="mean")
    assert means._header()[1:4] == ("slope, all sizes [95 %]", "of geometric means", "of medians")
    assert means.rates[0].all_sizes == fit_slope(errors, statistic="mean")
    assert "logs of the mean errors" in means.method


def test_summaries_that_lead_to_different_verdicts_are_named(frame, report):
    assert "depends on the summary" not in str(report)
    # A few huge losses at the largest size turn the slope of means only.
    wild = frame.assign(loss=frame["loss"].where(frame.index % 50 > 4, frame["n"] / 1000.0))
    changed = report_rates(wild, [("loss", "D1", Expectation(-0.5))], statistic="median")
    note = changed.rates[0].notes()[-1]
    assert note.startswith("D1: the verdict depends on the summary (")
    assert "medians: agrees" in note and "; means: shallower: contradicts" in note
    assert note in str(changed) and note in changed.to_markdown()
    assert changed._cells()[0][0] == "D1 *"


def test_detectable_exponents_are_a_column(report):
    first, free = report.rates[0], report.rates[4]
    reach = first.all_sizes.half_width + 0.841621 * first.all_sizes.standard_error
    assert report._cells()[0][6] == f"≤ {-0.5 - reach:+.2f}, ≥ {-0.5 + reach:+.2f}"
    assert free.detectable is None and report._cells()[4][6] == "\u2013"


def test_a_sharper_derivation_stands_beside_steeper_only(frame):
    sharp = [
        ("loss", "a", Expectation(-0.25, derivation="docs/theory.md, 3")),
        ("loss", "b", Expectation(-0.5, derivation="docs/theory.md, 3")),
    ]
    cells = [rate.cells("")[-1] for rate in report_rates(frame, sharp).rates]
    assert cells[0].startswith("steeper than the bound (docs/theory.md, 3)")
    assert "docs" not in cells[1]


def test_a_last_decade_that_resolves_something_else_is_mentioned():
    n, replicate = (grid.ravel() for grid in np.meshgrid((100, 1000, 3000, 10_000), range(50)))
    noise = np.exp(0.2 * np.random.default_rng(2).normal(size=n.size))
    bent = pd.DataFrame(
        {"n": n, "replicate": replicate, "loss": noise * np.maximum(n, 1000.0) ** -0.5}
    )
    (rate,) = report_rates(bent, [("loss", "D1", Expectation(-0.5))]).rates
    assert rate.verdict == "shallower: contradicts"
    assert rate.cells("")[-1] == "shallower: contradicts; last decade: agrees"


def test_the_frame_has_the_numbers_of_the_table(report):
    table = report.to_frame(comparisons=87)
    first = report.rates[0]
    assert list(table["label"]) == [rate.quantity.label for rate in report.rates]
    assert table.loc[0, "mean_log_slope"] == first.all_sizes.estimate
    assert table.loc[0, "mean_high"] == first.slopes["mean"].high
    assert table.loc[0, "last_decade_low"] == first.last_decade.low
    assert table.loc[0, "detectable_steeper"] == first.detectable.steeper
    assert table.loc[0, "zero"] == 1 and table.loc[2, "zero"] == 0
    assert table.loc[1, "kind"] == "derived here" and table.loc[1, "theory"] == -0.25
    assert list(table["verdict"]) == [rate.verdict for rate in report.rates]
    assert list(table["corrected_verdict"]) == [rate.corrected_verdict(87) for rate in report.rates]
    assert "corrected_verdict" not in report.to_frame()


def test_uncertified_fits_stay_in_the_slopes_and_are_counted(report):
    assert len(report.rates[0].errors.by_size[100]) == 50
    assert report.counts.lines["fits not certified"] == ("3", "0", "0", "0", "3")
    assert report.counts.lines["replicates"] == ("50", "50", "50", "50", "200")
    assert report.counts.lines["failed runs"] == ("0", "1", "0", "0", "1")
    assert report.counts.lines["fits at a bound"] == ("50 %", "0 %", "0 %", "0 %", "13 %")


def test_what_was_left_out_is_printed(report):
    text = str(report)
    assert "* D1: left out 1 zero" in text
    assert "failed runs, 1: ValueError: no start" in text
    assert "b: left out" not in text
    assert len(report.rates[0].errors.by_size[1000]) == 48


def test_the_text_is_aligned_and_deterministic(report, frame):
    lines = str(report).splitlines()
    header, rule = lines[:2]
    starts = [0] + [i + 2 for i in range(len(rule) - 2) if rule[i : i + 2] == "  "]
    for line in lines[2:7]:
        assert all(start == 0 or line[start - 2 : start] == "  " for start in starts)
    assert header.index("verdict") == starts[-1]
    assert max(map(len, lines)) <= 180
    assert "-1/4 (derived here)" in lines[3]
    quantities = [rate.quantity for rate in report.rates]
    shuffled = frame.sample(frac=1.0, random_state=1)
    assert str(report_rates(shuffled, quantities)) == str(report)


def test_markdown_has_the_same_cells(report):
    lines = report.to_markdown().splitlines()
    assert lines[0].startswith("| quantity | slope, all sizes [95 %] |")
    assert all(line.count("|") == 9 for line in lines[:7])
    for rate in report.rates:
        assert any(
            f"{rate.all_sizes.estimate:+.3f}" in line and rate.quantity.label in line
            for line in lines[2:7]
        )


def test_absent_columns_are_said_not_to_be_recorded(frame):
    report = report_rates(frame.drop(columns=["certified"]), [("loss", "D1", Expectation(-0.5))])
    assert set(report.counts.lines["fits not certified"]) == {"not recorded"}


def test_a_missing_certificate_is_no_certificate(frame):
    changed = frame.assign(certified=frame["certified"].astype("boolean"))
    changed.loc[changed["n"] == 10_000, "certified"] = pd.NA
    report = report_rates(changed, [("loss", "D1", Expectation(-0.5))])
    assert report.counts.lines["fits not certified"] == ("3", "0", "50", "0", "53")


def test_several_kinds_of_fit_are_counted_apart(frame):
    changed = frame.assign(certified_over=frame["n"] > 1000)
    report = report_rates(changed, [("loss", "D1")], certified=("certified", "certified_over"))
    assert report.counts.lines["fits not certified (certified)"][-1] == "3"
    assert report.counts.lines["fits not certified (certified_over)"][-1] == "99"


def test_a_size_with_too_few_errors_is_named(frame):
    few = frame[(frame["n"] < 100_000) | (frame["replicate"] < 2)]
    report = report_rates(few, [("loss", "D1", Expectation(-0.5))])
    assert "n = 100000 (2 usable errors)" in str(report)
    assert report.rates[0].all_sizes.sizes == (100, 1000, 10_000)
