from __future__ import annotations

import contextlib
import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
from toy_study import half_broken, thread_settings, toy, two_rows

from mixexp.simulation import ResultStore, Study, run

SCRIPT = Path(__file__).with_name("toy_study.py")


def quiet(study, store=":memory:", **options):
    return run(study, store, **({"n_jobs": 1, "progress": False} | options))


def assert_same_table(one, other):
    # check_exact: the claim is equality of bits.
    drop = ["wall_seconds"]
    pd.testing.assert_frame_equal(
        one.drop(columns=drop), other.drop(columns=drop), check_exact=True
    )


def stored_tasks(path):
    if not path.exists():
        return 0
    with contextlib.closing(sqlite3.connect(path, timeout=5)) as db:
        try:
            query = "SELECT count(*) FROM (SELECT DISTINCT n, replicate FROM result)"
            return db.execute(query).fetchone()[0]
        except sqlite3.OperationalError:
            return 0


@pytest.mark.parametrize("n_jobs", ["1", pytest.param("2", marks=pytest.mark.slow)])
def test_a_killed_study_resumes_to_the_same_table(tmp_path, n_jobs):
    path, study = tmp_path / "toy.sqlite", toy(pause=0.02)
    command = [sys.executable, str(SCRIPT), str(path), n_jobs]
    child = subprocess.Popen(command, start_new_session=True, stderr=subprocess.DEVNULL)
    try:
        stop = time.monotonic() + 60
        while stored_tasks(path) < 7:
            assert child.poll() is None and time.monotonic() < stop, "the child did not get going"
            time.sleep(0.005)
        os.kill(child.pid, signal.SIGKILL)
        child.wait()
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
    with ResultStore(path) as store:
        before = store.to_frame(study)
        n_before = len(store.finished(study))
        assert 7 <= n_before < len(study.tasks())
        assert len(before) == 2 * n_before
        resumed = quiet(study, store)
    assert_same_table(resumed, quiet(toy(pause=0.02)))
    # Rows that were there have kept their time: they were not computed again.
    kept = resumed.merge(before, on=["n", "replicate", "part"])
    assert (kept["wall_seconds_x"] == kept["wall_seconds_y"]).all() and len(kept) == len(before)


def test_two_workers_give_the_bits_of_one_and_have_one_thread_each():
    assert_same_table(quiet(toy(replicates=4), n_jobs=2), quiet(toy(replicates=4)))
    settings = quiet(toy(replicates=4, task=thread_settings), n_jobs=2)
    assert set(settings["OPENBLAS_NUM_THREADS"]) == set(settings["NUMBA_NUM_THREADS"]) == {"1"}
    assert os.getpid() not in set(settings["pid"])


def test_an_interrupt_keeps_what_was_done(capsys):
    calls = []

    def interrupted(task):
        calls.append(task.seed_key)
        if len(calls) == 8:
            raise KeyboardInterrupt
        return two_rows(task)

    with ResultStore(":memory:") as store:
        with pytest.raises(KeyboardInterrupt):
            quiet(toy(replicates=4, task=interrupted), store)
        assert len(store.finished(toy())) == 7
        assert "7 of 12 tasks stored" in capsys.readouterr().err
        resumed = quiet(toy(replicates=4, task=interrupted), store)
    assert len(calls) == 8 + 5
    assert_same_table(resumed, quiet(toy(replicates=4)))


def test_enlarging_a_study_keeps_its_rows():
    with ResultStore(":memory:") as store:
        first = quiet(toy(replicates=2), store)
        larger = quiet(toy(replicates=5), store)
    old = larger[larger["replicate"] < 2].reset_index(drop=True)
    pd.testing.assert_frame_equal(old, first)
    assert_same_table(larger, quiet(toy(replicates=5)))


def test_a_failing_task_is_a_row_and_may_be_retried():
    with ResultStore(":memory:") as store:
        frame = quiet(toy(replicates=4, task=half_broken), store)
        failed = frame["error"].notna()
        assert failed.tolist() == [False, True] * 6
        assert "ArithmeticError: no luck with toy:50:1" in frame["error"][1]
        assert frame["loss"].isna().tolist() == failed.tolist()
        again = quiet(toy(replicates=4, task=two_rows), store)
        assert again["error"].notna().sum() == 6
        retried = quiet(
            toy(replicates=4, task=lambda task: {"loss": 2.0}), store, retry_failed=True
        )
    assert retried["error"].isna().all()
    assert (retried["loss"] == 2.0).sum() == 6


def test_a_bad_row_and_an_exit_are_failed_rows_too():
    def leaves(task):
        if task.replicate:
            sys.exit(3)
        return {"x": object()}

    frame = quiet(Study("s", (10,), 2, leaves))
    assert ["'x'" in frame["error"][0], "SystemExit" in frame["error"][1]] == [True, True]


def test_costliest_tasks_run_first():
    order = []
    study = Study("s", (10, 20, 30), 2, lambda task: order.append(task.n) or {"x": 1})
    quiet(study)
    assert order == [30, 30, 20, 20, 10, 10]
    order.clear()
    cheap_when_large = Study("s", (10, 20, 30), 2, study.run, cost=lambda n: 1 / n)
    quiet(cheap_when_large)
    assert order == [10, 10, 20, 20, 30, 30]


def test_a_time_limit_leaves_about_equal_replicates():
    def slow(task):
        time.sleep(0.01)
        return {"x": 1}

    study = Study("s", (10, 20, 30), 40, slow)
    with ResultStore(":memory:") as store:
        counts = quiet(study, store, time_limit=0.1)["n"].value_counts()
        assert 0 < counts.sum() < 40
        assert counts.reindex(study.sizes, fill_value=0).agg(lambda c: c.max() - c.min()) <= 1
        assert quiet(study, ":memory:", time_limit=0.0).empty


@pytest.mark.parametrize(("option", "value"), [("n_jobs", 0), ("time_limit", -1.0)])
def test_options_out_of_range_are_refused(option, value):
    with pytest.raises(ValueError, match=option):
        quiet(toy(), **{option: value})
