"""Both rules against the reference results: selections, paths, plateaus and slopes."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from mixexp.selection import (
    UnreliableSelectionWarning,
    dimension_jump,
    hull_path,
    slope_estimation,
    slope_heuristics,
)
from tests.selection.tables import CASES, reference_table

EXEMPT = {"12a"}
LOSS = {"bisquare": "bisquare", "huber": "huber", "lm": "ols"}


def cases(rule: str, *, failing: bool) -> list[str]:
    return [c for c, e in CASES.items() if c not in EXEMPT and ("error" in e[rule]) == failing]


def estimate(case: str):
    options = CASES[case]["options"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UnreliableSelectionWarning)
        return slope_estimation(
            reference_table(case),
            options["scoef"],
            plateau=options["pct"],
            min_points=options["point"] or None,
            loss=LOSS[options["psi"]],
        )


def jump(case: str):
    options = CASES[case]["options"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UnreliableSelectionWarning)
        return dimension_jump(
            reference_table(case), options["scoef"], threshold=options["Ctresh"] or None
        )


def listed(value):
    return np.atleast_1d(value).tolist()


def test_every_case_is_used():
    assert len(CASES) == 34
    used = {c for rule in ("DDSE", "Djump") for f in (True, False) for c in cases(rule, failing=f)}
    assert used == set(CASES) - EXEMPT


@pytest.mark.parametrize("case", cases("Djump", failing=False))
def test_dimension_jump(case):
    expected, found = CASES[case]["Djump"], jump(case)
    assert found.selected == expected["model"]
    np.testing.assert_allclose(found.kappas, listed(expected["kappa"]), rtol=1e-6, atol=1e-9)
    assert list(found.models) == listed(expected["mhat_model"])
    if found.at is None:
        assert expected["kappa_opt"] == "NA" and np.isnan(found.kappa)
    else:
        assert found.kappa == pytest.approx(expected["kappa_opt"], rel=1e-6)
        assert found.jumps.tolist() == listed(expected["jump"])
    ties = sum("several maximum jump" in text for text in listed(expected["warnings"]))
    assert sum("the largest together" in text for text in found.findings) == ties


@pytest.mark.parametrize("case", cases("DDSE", failing=False))
def test_slope_estimation(case):
    expected, found = CASES[case]["DDSE"], estimate(case)
    assert found.selected == expected["model"]
    np.testing.assert_allclose(found.kappas, expected["kappa"], rtol=1e-6, atol=1e-9)
    assert list(found.selected_at) == expected["mhat_model"]
    lengths = listed(expected["plateau_length"])
    assert [run.length for run in found.plateaus] == lengths
    assert [run.start + 1 for run in found.plateaus] == expected["plateau_start"][: len(lengths)]
    assert found.chosen + 1 == expected["imax"]
    assert found.n_points == expected["points_used"]
    assert [found.line.intercept, found.kappa_hat] == pytest.approx(expected["reg"], rel=1e-6)
    assert (found.plateau.length + 1) / len(found.candidates) == pytest.approx(expected["percent"])


@pytest.mark.parametrize("case", cases("DDSE", failing=False))
def test_interval_of_slopes_has_the_last_slope_too(case):
    expected, found = CASES[case]["DDSE"], estimate(case)
    run = found.plateau
    on_plateau = found.kappas[run.start : run.start + run.length]
    assert found.interval == (on_plateau.min(), on_plateau.max())
    if found.chosen < len(found.plateaus) - 1:
        assert found.interval == pytest.approx(expected["interval"], rel=1e-6)
    else:
        # The reference leaves out the last slope of the last plateau.
        without = on_plateau[:-1]
        assert [without.min(), without.max()] == pytest.approx(expected["interval"], rel=1e-6)


def test_the_interval_differs_from_the_reference_where_that_is_wrong():
    low, _ = CASES["13a"]["DDSE"]["interval"]
    assert estimate("13a").interval[0] < low - 0.03


@pytest.mark.parametrize(
    ("case", "count"),
    [("01a", 2), ("01c", 0), ("01d", 3), ("02a", 0), ("08a", 2), ("11a", 1), ("18a", 1)],
)
def test_regressions_that_did_not_settle_are_counted(case, count):
    assert estimate(case).not_converged == count


@pytest.mark.parametrize("case", cases("Djump", failing=True))
def test_jump_refuses_what_the_reference_refuses(case):
    with pytest.raises(ValueError, match=r"candidates holds|threshold is"):
        jump(case)


@pytest.mark.parametrize("case", cases("DDSE", failing=True))
def test_slope_refuses_what_the_reference_refuses(case):
    with pytest.raises(ValueError, match=r"candidates holds|plateau=|min_points="):
        estimate(case)


def test_collinear_table_selects_the_smallest_of_equal_models():
    # Exempt from the comparison; exact ties are broken towards the smaller model instead.
    table = reference_table("12a")
    path, kappas = hull_path(table)
    assert [table.names[i] for i in path] == ["12", "8", "4", "1"]
    np.testing.assert_allclose(kappas, [0.0, 5 / 6, 10 / 6, 100 / 6])


@pytest.mark.parametrize(
    ("case", "failed"),
    [
        ("01a", set()),
        ("04a", set()),
        ("06a", set()),
        ("10a", set()),
        ("02a", {"dominant jump"}),
        ("08a", {"falling contrast"}),
        ("11a", {"linear tail", "dominant jump", "agreement"}),
        ("15a", {"both rules"}),
        ("18a", {"positive slope", "dominant jump", "agreement", "falling contrast"}),
        ("19a", {"positive slope", "dominant jump", "agreement", "falling contrast"}),
    ],
)
def test_checks_of_the_reference_tables(case, failed):
    table = reference_table(case)
    if not failed:
        result = slope_heuristics(table)
    else:
        with pytest.warns(UnreliableSelectionWarning, match="not reliably"):
            result = slope_heuristics(table)
    assert {check.name for check in result.failed} == failed
    assert result.trustworthy == (not failed)
