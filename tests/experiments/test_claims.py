"""Every claim: its name, its numbers, its sizes and times, and what it predicts."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
from dataclasses import replace
from fnmatch import fnmatchcase
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from predictions import ELSEWHERE, PLACES, agrees, excused, rows_of

import experiments
from experiments.catalogue import catalogue, select
from mixexp.simulation.claims.arms import Search, Unfitted
from mixexp.simulation.claims.claim import LEVELS
from mixexp.simulation.claims.measures.basic import Fitted
from mixexp.simulation.claims.replicate import one_replicate
from mixexp.simulation.study import StudyTask

CLAIMS = select(())
EVERY = pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.name)
ROOT = Path(experiments.__file__).parents[1]
# Claims whose cells take a second.
FAST = ("p0_exact", "p1_exact", "p2_exact", "p3_temperature", "p4_exact")


def test_names_are_unique_and_tell_the_file():
    names = [claim.name for claim in CLAIMS]
    assert len(names) == len(set(names)) == 38
    for stem, claims in catalogue().items():
        assert claims
        assert all(claim.name == stem or claim.name.startswith(f"{stem}_") for claim in claims)


@EVERY
def test_declared_sizes_are_as_agreed(claim):
    assert max(claim.sizes) <= 100_000
    assert len(claim.sizes) >= 3
    assert list(claim.sizes) == sorted(set(claim.sizes))
    assert claim.study("full").sizes == tuple(claim.sizes)


@EVERY
def test_the_first_arm_searches(claim):
    assert isinstance(claim.arms[0], Search)
    assert len({arm.name for arm in claim.arms}) == len(claim.arms)
    assert claim.statement.strip()
    assert claim.source.strip()


@EVERY
def test_levels_are_nested(claim):
    assert tuple(LEVELS) == ("quick", "default", "full")
    studies = [claim.study(level) for level in LEVELS]
    for small, large in pairwise(studies):
        assert all(large.replicates_of(n) >= small.replicates_of(n) for n in small.sizes)
        assert small.config == large.config


@pytest.mark.parametrize(("level", "minutes"), [("quick", 6.0), ("full", 85.0)])
def test_two_workers_need_no_more_than_the_promised_time(level, minutes):
    declared = LEVELS[level] * sum(claim.seconds for claim in CLAIMS)
    # Four replicates of the smallest size are run even where the time is too short for them.
    bought = sum(claim.cost.seconds(task.n) for claim in CLAIMS
                 for task in claim.study(level).tasks())  # fmt: skip
    assert max(declared, bought) / 2 / 60 <= minutes


def test_claims_are_the_same_in_another_process():
    here = {claim.name: claim.study().description for claim in CLAIMS}
    assert not any(" at 0x" in description for description in here.values())
    code = (
        "import json; from experiments.catalogue import select; "
        "print(json.dumps({c.name: c.study().description for c in select(())}))"
    )
    environment = {**os.environ, "PYTHONHASHSEED": "7", "OPENBLAS_NUM_THREADS": "1"}
    environment["PYTHONPATH"] = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    ran = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert json.loads(ran.stdout) == here


@EVERY
def test_claims_can_be_sent_to_workers(claim):
    sent = pickle.loads(pickle.dumps(claim))
    assert sent.study().description == claim.study().description
    task = StudyTask(sent.study(), 200, 0)
    x, y = sent.problem.sample(task.n, task.rng())
    again = claim.problem.sample(task.n, task.rng())
    np.testing.assert_array_equal(x, again[0])
    np.testing.assert_array_equal(y, again[1])


def columns_near_the_truth(claim, wanted):
    """Columns that measures have on starts near the truth, until the wanted ones have occurred."""
    x, y = claim.problem.sample(60, np.random.default_rng(0))
    found = set()
    for seed in range(60):
        measure = claim.problem.fit(Unfitted(), x, y, seed).measure
        fitted = Fitted(measure, claim.problem.truth_measure, claim.problem, x)
        found |= {name for measure in claim.measures for name in measure(fitted)}
        if wanted <= found:
            break
    return found


@EVERY
def test_measures_have_the_columns_that_are_declared(claim):
    light = tuple(
        replace(measure, n_points=1000) if getattr(measure, "n_points", 0) > 1000 else measure
        for measure in claim.measures
    )
    declared = {quantity.column for quantity in claim.quantities}
    assert not declared - columns_near_the_truth(replace(claim, measures=light), declared)


@pytest.mark.parametrize("name", FAST)
def test_a_cell_has_the_columns_that_are_declared(name):
    (claim,) = (claim for claim in CLAIMS if claim.name == name)
    small = replace(claim, arms=(Search(n_starts=2), Unfitted()))
    rows = one_replicate(small, StudyTask(claim.study(), 300, 0))
    assert [row["arm"] for row in rows] == ["search", "start"]
    for row in rows:
        assert {quantity.column for quantity in claim.quantities} <= set(row)
        assert np.isfinite([row[quantity.column] for quantity in claim.quantities]).all()
    assert rows[0]["certified"] is True and rows[0]["gain"] > 0.0


@EVERY
def test_other_columns_are_those_of_quantities(claim):
    columns = {quantity.column for quantity in claim.quantities}
    assert set(claim.directions) <= columns
    assert set(claim.figure) <= columns
    assert set(claim.published) <= columns
    pairs = [(quantity.column, quantity.expectation) for quantity in claim.quantities]
    assert len(pairs) == len(set(pairs))


@EVERY
def test_published_curves_are_there(claim):
    for path in claim.published.values():
        table = pd.read_csv(ROOT / path, comment="#")
        assert {"n", "mean", "median"} <= set(table.columns)
        assert np.isfinite(table[["n", "mean", "median"]]).all(axis=None)
        assert (table["n"] > 0).all() and len(table) >= 3


@EVERY
def test_predicted_exponents_are_those_of_theory(claim):
    for quantity in claim.quantities:
        known, reasons = agrees(claim, quantity), excused(claim, quantity)
        said = f"{quantity.column} {quantity.expectation}: {rows_of(claim, quantity.column)}"
        assert known or reasons, f"neither among the rates nor in the list: {said}"
        assert not (known and reasons), f"in the list although among the rates: {said}"


@EVERY
def test_another_exponent_or_standing_would_not_pass(claim):
    for quantity in claim.quantities:
        said = quantity.expectation
        if said.slope:
            kind = "stated" if said.kind == "upper bound" else "upper bound"
            for other in (replace(said, slope=1.1 * said.slope), replace(said, kind=kind)):
                changed = quantity._replace(expectation=other)
                assert not agrees(claim, changed) and not excused(claim, changed), changed


def test_every_excuse_and_every_place_is_needed():
    for pattern, column, expected, _ in ELSEWHERE:
        assert any(
            fnmatchcase(claim.name, pattern) and fnmatchcase(quantity.column, column)
            and str(quantity.expectation) == expected
            for claim in CLAIMS for quantity in claim.quantities
        ), (pattern, column, expected)  # fmt: skip
    for place in PLACES:
        assert any(fnmatchcase(claim.name, place.claims) for claim in CLAIMS), place
