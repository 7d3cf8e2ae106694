"""Judging rows of claims: rates, arms, counts, cells that are missing, corrections, exponents."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from synthetic_claim import SIZES, SLOPES, filled, synthetic

from experiments.catalogue import select
from mixexp.simulation import Expectation, Quantity, run
from mixexp.simulation.claims.judging.arm_errors import errors_by_column
from mixexp.simulation.claims.judging.evaluate import judge
from mixexp.simulation.claims.judging.exponent_study import computed_exponents, exponent_study
from mixexp.simulation.claims.judging.overview import Exclusions, exclusions, overview
from mixexp.simulation.expectation import AGREES, NO_VERDICT, NOT_RESOLVED, SHALLOWER, STEEPER
from mixexp.simulation.slopes import errors_of
from mixexp.theory.exponents.directions import Split


def judged(claim, **options):
    with filled(claim, **options) as store:
        return judge(claim, store.to_frame(claim.study("full")))


@pytest.fixture(scope="module")
def result():
    return judged(synthetic())


def test_every_verdict_occurs(result):
    found = {rate.quantity.column: rate.verdict for rate in result.rates}
    expected = {"fast": AGREES, "late": AGREES, "steep": STEEPER, "shallow": SHALLOWER}
    assert {column: found[column] for column in expected} == expected
    assert found["free"] == NO_VERDICT


def test_the_first_arm_counts_and_the_others_are_compared(result):
    for column, slope in SLOPES.items():
        if column == "wild":
            continue
        assert result.slopes["search"][column].estimate == pytest.approx(slope, abs=0.05)
        assert result.slopes["near"][column].estimate == pytest.approx(slope / 2, abs=0.05)
    rate = result.rates[0]
    assert rate.all_sizes.estimate == result.slopes["search"]["fast"].estimate


def test_gaps_of_arms(result):
    gaps = result.gaps.set_index(["n", "arm"])
    assert gaps.loc[(1000, "search"), "share_near"] == 1.0
    near = gaps.loc[(1000, "near")]
    assert near[["shortfall", "share_near", "n_iter", "seconds"]].tolist() == [1.0, 0.0, 8.0, 2.0]


def test_cells_and_fits_are_counted(result):
    assert [cell.declared for cell in result.cells] == [10, 10, 10]
    assert [cell.failed for cell in result.cells] == [1, 0, 0]
    assert result.finished and result.declared == 30
    fits = result.fits.loc[1000]
    assert fits[["fits", "uncertified", "at_bound", "several_optima"]].tolist() == [10, 1, 2, 5]
    assert result.fits.loc[100, "fits"] == 9
    assert np.isnan(fits["gain_over_exact_median"]) and fits["gain_median"] == 3.0
    assert result.patterns.loc["2+1"].tolist() == [1.0, 1.0, 1.0]
    # 29 cells of 2 seconds, and a failed one of 1.
    assert result.seconds == 59.0


def test_a_column_that_some_rows_lack_is_left_out_and_counted(result):
    late = result.rates[1]
    assert late.errors.not_finite == 6
    assert [len(late.errors.by_size[n]) for n in SIZES] == [7, 8, 8]


def test_cells_that_were_not_run_are_missing():
    result = judged(synthetic(), keep=lambda task: task.n < 5000)
    assert [cell.missing for cell in result.cells] == [0, 0, 10]
    assert not result.finished
    assert {rate.verdict for rate in result.rates} == {NOT_RESOLVED, NO_VERDICT}


def test_cells_of_larger_levels_do_not_count():
    claim = synthetic()
    with filled(claim) as store:
        frame = store.to_frame(claim.study("full"))
    quick = judge(claim, frame, level="quick")
    study = claim.study("quick")
    assert quick.stored == quick.declared == len(study.tasks()) < 30


@pytest.mark.parametrize(
    "keep", [lambda task: False, lambda task: task.n == 100, lambda task: task.replicate == 0]
)
def test_little_or_nothing_is_judged_without_an_error(keep):
    result = judged(synthetic(), keep=keep)
    assert {rate.verdict for rate in result.rates} == {NOT_RESOLVED, NO_VERDICT}
    assert {rate.all_sizes for rate in result.rates} == {None}


def test_only_failed_cells():
    result = judged(synthetic(), keep=lambda task: task.n == 100 and task.replicate == 3)
    assert result.failed == result.stored == 1
    assert list(result.report.counts.failures) == []
    assert result.fits["fits"].tolist() == [0, 0, 0]


def test_a_column_without_any_value_is_not_resolved():
    claim = synthetic(quantities=(Quantity("never", "never", Expectation(-0.5)),))
    assert judged(claim).rates[0].verdict == NOT_RESOLVED


def test_rows_of_another_declaration_are_outdated():
    old, new = synthetic(), synthetic(version="2")
    with filled(old) as store:
        frame = store.to_frame(old.study("full"))
    assert not judge(old, frame).outdated
    assert judge(new, frame).outdated


def test_rows_of_another_version_of_mixexp_are_not_outdated(monkeypatch):
    import mixexp

    now = mixexp.__version__
    claim = synthetic()
    with filled(claim) as store:
        frame = store.to_frame(claim.study("full"))
    config = claim.study("full").config
    monkeypatch.setattr(mixexp, "__version__", "99.0")
    assert claim.study("full").config != config
    found = judge(claim, frame)
    assert not found.outdated and found.versions == (now,)
    assert judge(synthetic(version="2"), frame).outdated


def test_errors_of_all_columns_are_those_of_each():
    claim = synthetic()
    with filled(claim) as store:
        frame = store.to_frame(claim.study("full"))
    rows = frame[(frame["arm"] == "search").fillna(False).astype(bool) | frame["error"].notna()]
    rows = rows.sample(frac=1.0, random_state=0)
    rows.loc[rows.index[:4], "steep"] = [0.0, -1.0, np.inf, np.nan]
    for column, by_size in errors_by_column(rows, list(SLOPES)).items():
        expected = errors_of(rows, column).by_size
        assert list(by_size) == list(expected)
        assert all(np.array_equal(by_size[n], expected[n]) for n in by_size)
    with pytest.raises(ValueError, match="several values in one replicate"):
        errors_by_column(pd.concat([rows, rows]), ["fast"])


def test_quantities_of_one_column_share_its_slope_and_not_its_verdict():
    both = [Quantity("steep", "steep", Expectation(slope)) for slope in (-0.5, -0.8)]
    first, second = judged(synthetic(quantities=tuple(both))).rates
    assert first.all_sizes is second.all_sizes
    assert (first.verdict, second.verdict) == (STEEPER, AGREES)


def test_exponents_of_joint_laws_are_those_of_their_own_method():
    claim = replace(select(["p4_type_one"])[0], directions={"pair_coef": Split("coef")})
    frame = run(exponent_study(claim), ":memory:", n_jobs=1, progress=False)
    assert frame["error"].isna().all()
    assert computed_exponents(frame)["pair_coef"].exponent == pytest.approx(2.0, abs=0.1)


def test_a_frame_that_is_not_of_a_study_is_refused():
    with pytest.raises(ValueError, match="frame must have the columns 'n' and 'replicate'"):
        judge(synthetic(), pd.DataFrame({"loss": [1.0]}))


def test_the_correction_counts_finite_exponents_of_all_claims(result):
    found = overview([result, judged(synthetic("other"))])
    assert found.comparisons == 10
    assert {line.found.comparisons for line in found.lines} == {10}
    assert sum(found.tally().values()) == 12
    assert found.tally(result)[STEEPER] == 1
    wide = next(line for line in found.of(result) if line.rate.quantity.column == "steep")
    assert wide.found.corrected == STEEPER


def test_a_weak_exclusion_does_not_survive_the_correction(result):
    slope = result.slopes["search"]["fast"]
    near = Expectation(slope.low - 0.05 * slope.half_width)
    # The same name, and so the same rows.
    weak = judged(synthetic(quantities=(Quantity("fast", "fast", near),)))
    (alone,) = overview([weak]).lines
    assert (alone.found.verdict, alone.found.corrected) == (SHALLOWER, SHALLOWER)
    found = overview([weak, *[result] * 30])
    (line,) = found.of(weak)
    among = line.found
    assert (among.verdict, among.corrected, among.comparisons) == (SHALLOWER, NOT_RESOLVED, 151)
    assert line.uncorrected_only
    assert found.tally(weak) == {NOT_RESOLVED: 1}
    assert exclusions([line]) == {SHALLOWER: Exclusions(1, 0)}
    assert exclusions(found.lines)[SHALLOWER] == Exclusions(31, 30)


def test_exponents_stand_in_a_study_of_their_own():
    claim = synthetic(directions={"steep": Split("coef"), "fast": Split("intercept", cell=1)})
    study = exponent_study(claim)
    frame = run(study, ":memory:", n_jobs=1, progress=False)
    assert frame["column"].tolist() == ["fast", "steep"]
    assert frame["direction"].tolist()[0] == "intercept of cell 1, 2 copies"
    found = computed_exponents(frame)
    assert found["steep"].implied == pytest.approx(-0.25, abs=0.01)
    low, high = found["steep"].implied_ends
    assert low < found["steep"].implied < high


def test_a_flat_direction_has_no_rate():
    frame = pd.DataFrame(
        {
            "column": ["a"],
            "direction": ["a"],
            "exponent": [None],
            "half_width": [0.0],
            "flat": [True],
        }
    )
    found = computed_exponents(frame)["a"]
    assert found.flat and found.implied is None


def test_a_problem_without_exponents_is_named():
    class Bare:
        pass

    claim = synthetic(problem=Bare(), directions={"steep": Split("coef")})
    frame = run(exponent_study(claim), ":memory:", n_jobs=1, progress=False)
    assert "problem=Bare has no exponents" in frame["error"].iloc[0]
    assert computed_exponents(frame.assign(column=None)) == {}
