"""Exported tables: small, the same bytes for the same rows, and the same report when read back."""

from __future__ import annotations

import os
from dataclasses import replace

import numpy as np
import pytest
from synthetic_claim import QUANTITIES, filled, rows_of, synthetic

from mixexp.simulation import run
from mixexp.simulation.claims.judging.evaluate import judge
from mixexp.simulation.claims.judging.exponent_study import exponent_study
from mixexp.simulation.claims.judging.tables import (
    export,
    predictions_of,
    read_exponents,
    read_frame,
    rounded,
)
from mixexp.simulation.claims.report.sections import provenance, warnings
from mixexp.simulation.expectation import Expectation
from mixexp.theory.exponents.directions import Split


def test_rows_read_back_give_the_same_table(tmp_path):
    claim = synthetic()
    with filled(claim) as store:
        export(claim, store, tmp_path)
        direct = judge(claim, store.to_frame(claim.study("full")))
    back = judge(claim, read_frame(claim, tmp_path))
    for one, other in zip(direct.rates, back.rates, strict=True):
        for slope, again in zip(one.slopes.values(), other.slopes.values(), strict=True):
            assert again.estimate == pytest.approx(slope.estimate, abs=1e-5)
        assert other.verdict == one.verdict
    assert back.fits.equals(direct.fits) and back.cells == direct.cells
    assert {"mixexp", "numpy", "scipy", "numba", "python", "date"} <= set(back.provenance)


def test_the_same_rows_give_the_same_bytes(tmp_path):
    claim = synthetic()
    for folder in ("a", "b"):
        with filled(claim) as store:
            export(claim, store, tmp_path / folder)
    a, b = ((tmp_path / folder / "demo.parquet").read_bytes() for folder in ("a", "b"))
    assert a == b
    assert not list(tmp_path.rglob("*.part"))


def test_a_file_with_the_same_rows_is_left_alone(tmp_path):
    claim = synthetic()
    with filled(claim, keep=lambda task: task.n == 100) as store:
        (path,) = export(claim, store, tmp_path)
        os.utime(path, (1, 1))
        export(claim, store, tmp_path)
        assert path.stat().st_mtime == 1
    with filled(claim) as store:
        export(claim, store, tmp_path)
    assert path.stat().st_mtime > 1
    assert len(read_frame(claim, tmp_path)) == 59


def first_cell(task):
    return (task.n, task.replicate) == (100, 0)


def test_a_fresh_store_replaces_its_cells_and_loses_no_other(tmp_path):
    claim = synthetic()
    with filled(claim) as store:
        export(claim, store, tmp_path)
    before = read_frame(claim, tmp_path)

    def other_rows(claim, task):
        return [row | {"seconds": 77.0} for row in rows_of(claim, task)]

    with filled(claim, keep=first_cell, rows=other_rows) as store:
        export(claim, store, tmp_path)
    after = read_frame(claim, tmp_path)
    new = (after["n"] == 100) & (after["replicate"] == 0)
    assert (after.loc[new, "seconds"] == 77.0).all() and new.sum() == 2
    assert after[~new].equals(before[~new]) and len(after) == len(before)
    assert after.columns.tolist() == before.columns.tolist()


def test_rows_of_an_older_declaration_go_when_there_are_others(tmp_path):
    old, new = synthetic(), synthetic(version="2")
    with filled(old) as store:
        export(old, store, tmp_path)
    with filled(new, keep=lambda task: False) as store:
        assert export(new, store, tmp_path) == []
    assert len(read_frame(new, tmp_path)) > 2
    with filled(new, keep=first_cell) as store:
        export(new, store, tmp_path)
    assert len(read_frame(new, tmp_path)) == 2


def changed(**expectation):
    first, *others = QUANTITIES
    other = replace(first.expectation, **expectation)
    return synthetic(quantities=(first._replace(expectation=other), *others))


def test_predictions_that_were_changed_after_the_first_export_are_told(tmp_path):
    claim, late = synthetic(), changed(slope=-0.25)
    with filled(claim, keep=first_cell) as store:
        export(claim, store, tmp_path)
    with filled(late) as store:
        export(late, store, tmp_path)
    frame = read_frame(late, tmp_path)
    assert len(frame) > 2 and frame.attrs["predictions"] == predictions_of(claim)
    said = [judge(each, read_frame(each, tmp_path)) for each in (claim, late)]
    text = "Predictions were changed after the first rows were exported."
    assert [text in warnings(result) for result in said] == [False, True]
    assert predictions_of(claim) not in provenance(said[0])
    del frame.attrs["predictions"]
    assert text not in warnings(judge(late, frame))


def test_predictions_are_columns_slopes_kinds_and_resolutions_in_their_order():
    same = predictions_of(synthetic())
    assert predictions_of(changed(derivation="elsewhere")) == same
    assert predictions_of(synthetic("other", title="other")) == same
    others = [changed(slope=-0.25), changed(kind="stated"), changed(resolution=0.01)]
    others.append(synthetic(quantities=QUANTITIES[::-1]))
    others.append(synthetic(quantities=(QUANTITIES[0]._replace(column="new"), *QUANTITIES[1:])))
    assert len({same, *map(predictions_of, others)}) == 6
    assert QUANTITIES[0].expectation != Expectation(-0.25)


def test_errors_lose_the_paths_of_their_traceback(tmp_path):
    claim = synthetic()
    with filled(claim) as store:
        export(claim, store, tmp_path)
    errors = read_frame(claim, tmp_path)["error"].dropna()
    assert errors.tolist() == ["ArithmeticError: no luck with <b> & |"]


def test_an_empty_store_has_no_table(tmp_path):
    claim = synthetic()
    with filled(claim, keep=lambda task: False) as store:
        assert export(claim, store, tmp_path) == []
    assert len(read_frame(claim, tmp_path)) == 0
    assert read_exponents(claim, tmp_path) is None


def test_exponents_have_a_file_of_their_own(tmp_path):
    claim = synthetic(directions={"steep": Split("coef")})
    with filled(claim) as store:
        run(exponent_study(claim), store, n_jobs=1, progress=False)
        assert len(export(claim, store, tmp_path)) == 2
    result = judge(claim, read_frame(claim, tmp_path), read_exponents(claim, tmp_path))
    assert result.exponents["steep"].exponent == pytest.approx(2.0, abs=0.05)


def test_tables_are_small(tmp_path):
    # 300 cells of 4 arms with 25 random columns each: 25 such claims must stay below 3 MB.
    claim = synthetic(seconds=300.0)
    names = [f"error_{j}" for j in range(25)]

    def rows(claim, task):
        rng = task.rng()
        return [
            {"arm": arm, **dict(zip(names, np.exp(rng.normal(size=25)).tolist(), strict=True))}
            for arm in ("search", "near", "literature", "start")
        ]

    with filled(claim, rows=rows) as store:
        (path,) = export(claim, store, tmp_path)
    assert len(read_frame(claim, tmp_path)) == 1200
    assert path.stat().st_size < 120_000


def test_rounding_keeps_six_digits():
    values = np.exp(np.random.default_rng(0).normal(scale=20.0, size=200))
    for value in values:
        assert rounded(value) == pytest.approx(value, rel=5e-7)
        assert rounded(-value) == -rounded(value)
    assert np.isnan(rounded(float("nan"))) and rounded(0.0) == 0.0
    assert rounded(1 / 3) != 1 / 3
