"""The command line: list, run, status, resume and report of a catalogue of one toy claim."""

from __future__ import annotations

import math
import os
import re
import sqlite3
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from toy_catalogue import TOY, toy_catalogue

from experiments import __main__ as cli
from experiments import catalogue as catalogue_module
from experiments import running
from experiments.catalogue import catalogue, select
from experiments.folders import FOLDERS, asked, remember, store_path
from mixexp.simulation import ResultStore
from mixexp.simulation._execute import TaskResult
from mixexp.simulation.claims import replicate
from mixexp.simulation.claims.judging.tables import read_frame

TASKS = len(TOY.study("quick").tasks())


@pytest.fixture(autouse=True)
def toys(monkeypatch):
    monkeypatch.setattr(catalogue_module, "catalogue", toy_catalogue)
    monkeypatch.setattr(cli, "catalogue", toy_catalogue)


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """A folder in which the toy claim was run, and what the run printed."""
    folder = tmp_path_factory.mktemp("done")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(catalogue_module, "catalogue", toy_catalogue)
        assert cli.main(["run", "--quick", "--workers", "1", "--results", str(folder)]) == 0
    return folder


@pytest.fixture
def never_computed(monkeypatch):
    def refuse(*_):
        raise AssertionError("a finished cell was computed again")

    monkeypatch.setattr(type(TOY.problem), "fit", refuse)


def quick(command, folder, *more):
    arguments = [command, *more, "--quick", "--results", str(folder)]
    return cli.main(arguments + (["--workers", "1"] if command in ("run", "resume") else []))


def table(text):
    """Cells of the lines of a printed table."""
    return [re.split(r"\s{2,}", line.strip()) for line in text.splitlines() if line.strip()]


def test_list_names_titles_files_and_minutes(capsys):
    assert cli.main(["list"]) == 0
    lines = table(capsys.readouterr().out)
    assert lines[-1] == ["toy_small", "toy.py", "toy", f"{TOY.seconds / 60:.1f}"]


def test_a_run_writes_table_and_report(done, capsys):
    quick("report", done)
    text = capsys.readouterr().out
    assert "toy_small" in text and "D2" in text and f"{TASKS} of {TASKS} cells" in text
    assert len(read_frame(TOY, done)) == 2 * TASKS
    assert asked(done) == ["toy_small"]
    html, markdown = ((done / f"report.{end}").read_text() for end in ("html", "md"))
    assert TOY.title in html and TOY.statement in markdown
    assert not (done / "toy_small_exponents.parquet").exists()


def test_a_second_run_computes_nothing_and_says_the_same(done, never_computed, capsys):
    before = (done / "report.md").read_text(), read_frame(TOY, done)
    assert quick("run", done, "toy*") == 0
    said = capsys.readouterr()
    assert "toy_small" in said.out and "tasks are left" not in said.err
    assert (done / "report.md").read_text() == before[0]
    pd.testing.assert_frame_equal(read_frame(TOY, done), before[1])
    assert quick("resume", done) == 0


def test_a_run_without_time_leaves_tasks_that_resume_finishes(tmp_path, capsys):
    assert quick("run", tmp_path, "--time-limit", "0") == 0
    said = capsys.readouterr()
    assert f"unfinished: {TASKS} tasks are left; 'resume' goes on with them" in said.err
    assert f"0 of {TASKS} cells" in said.out
    quick("status", tmp_path)
    assert state(capsys.readouterr().out) == ("incomplete", 0)
    assert quick("resume", tmp_path) == 0
    assert "tasks are left" not in capsys.readouterr().err
    quick("status", tmp_path)
    assert state(capsys.readouterr().out) == ("complete", TASKS)


def state(text):
    """State and number of finished tasks of the last study in the table of `status`."""
    *_, (name, word, finished, failed, damaged, tasks) = table(text)
    assert (name, failed, damaged, tasks) == ("toy_small", *["0"] * 2, str(TASKS))
    return word, int(finished)


def test_status_before_a_run_and_during_one(done, tmp_path, capsys):
    quick("status", tmp_path)
    assert table(capsys.readouterr().out)[-1] == [
        "toy_small", "not begun", "-", "-", "-", str(TASKS),
    ]  # fmt: skip
    assert not list(tmp_path.iterdir())
    study = TOY.study("quick")
    with ResultStore(store_path(tmp_path, TOY)) as store:
        store.claim(study.tasks()[0])
        quick("status", tmp_path)
    assert state(capsys.readouterr().out) == ("under way", 0)


def test_failed_cells_are_counted_and_run_again_on_demand(tmp_path, monkeypatch, capsys):
    with monkeypatch.context() as patch:
        patch.setattr(replicate, "Fitted", lambda *_: 1 / 0)
        quick("run", tmp_path)
    capsys.readouterr()
    quick("status", tmp_path)
    row = table(capsys.readouterr().out)[-1]
    assert row[1:] == ["complete", "0", str(TASKS), "0", str(TASKS)]
    assert read_frame(TOY, tmp_path)["error"].str.contains("ZeroDivisionError").all()
    quick("run", tmp_path)
    assert len(read_frame(TOY, tmp_path)) == TASKS
    quick("resume", tmp_path, "--retry-failed")
    assert len(read_frame(TOY, tmp_path)) == 2 * TASKS


def test_unknown_names_are_answered_with_those_there_are(tmp_path, capsys):
    for command in ("run", "status"):
        assert quick(command, tmp_path, "p0*") == 1
        assert "no claim matches 'p0*'; there are toy_small" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("command", ["report", "resume"])
def test_without_results_there_is_nothing_to_do_and_nothing_written(command, tmp_path, capsys):
    empty = tmp_path / "empty"
    assert quick(command, empty) == 1
    assert f"in {empty}" in capsys.readouterr().err
    assert not empty.exists()


@pytest.mark.parametrize("wrong", [["--workers", "0"], ["--scheduler", "tcp://here:1"],
                                   ["--time-limit", "-1"], ["--time-limit", "nan"],
                                   ["--time-limit", "inf"]])  # fmt: skip
def test_options_that_cannot_be_are_refused_before_anything_is_begun(wrong, tmp_path, capsys):
    assert cli.main(["run", "--results", str(tmp_path), *wrong]) == 1
    assert "error: " in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_an_interruption_is_no_traceback(tmp_path, monkeypatch, capsys):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "run_claims", interrupted)
    assert quick("run", tmp_path) == 130
    assert "'resume' goes on" in capsys.readouterr().err


@pytest.mark.parametrize("backend", ["loky", "dask"])
def test_workers_and_backends_give_the_same_rows(backend, done, tmp_path):
    pytest.importorskip("distributed")
    arguments = ["run", "--quick", "--results", str(tmp_path), "--backend", backend]
    assert cli.main([*arguments, "--workers", "2"]) == 0
    clocks = ["seconds", "wall_seconds"]
    one, two = (read_frame(TOY, folder).drop(columns=clocks) for folder in (done, tmp_path))
    pd.testing.assert_frame_equal(one, two, check_exact=True)


def test_levels_have_folders_of_their_own(monkeypatch):
    seen = []
    monkeypatch.setattr(cli, "run_claims", lambda claims, level, folder, *_: seen.append(
        (level, folder)) or 0)  # fmt: skip
    monkeypatch.setattr(cli, "_report", lambda *_: 0)
    for option in ([], ["--quick"], ["--full"]):
        cli.main(["run", *option])
    assert seen == [(level, FOLDERS[level]) for level in ("default", "quick", "full")]
    assert len(set(FOLDERS.values())) == 3


@pytest.mark.parametrize(("error", "remedy"), [
    (PermissionError(13, "Permission denied", "/there/asked.json"), "/there/asked.json'; check"),
    (OSError("Timed out trying to connect"), "check the scheduler tcp://here:1, then 'resume'"),
    (RuntimeError("no worker\nfor 60 seconds"), "no worker for 60 seconds; check the scheduler"),
    (ImportError('backend="dask" needs dask'), "needs dask; install what is missing"),
    (sqlite3.OperationalError("disk is full"), "disk is full"),
])  # fmt: skip
def test_what_goes_wrong_outside_is_one_line(error, remedy, tmp_path, monkeypatch, capsys):
    def broken(*_):
        raise error

    monkeypatch.setattr(cli, "run_claims", broken)
    assert quick("run", tmp_path, "--backend", "dask", "--scheduler", "tcp://here:1") == 1
    said = capsys.readouterr().err
    assert said.startswith("error: ") and remedy in said and said.count("\n") == 1


def test_a_store_that_is_none_is_named_and_left_alone(tmp_path, capsys):
    path = store_path(tmp_path, TOY)
    path.write_text("no database " * 100)
    for command in ("run", "status"):
        assert quick(command, tmp_path) == 1
        assert f"the store {path} cannot be used" in capsys.readouterr().err
    assert path.read_text() == "no database " * 100


@pytest.mark.parametrize("foreign", [False, True])
def test_a_report_outlives_a_store_that_is_none(foreign, done, tmp_path, capsys):
    (tmp_path / "toy_small.parquet").write_bytes((done / "toy_small.parquet").read_bytes())
    path = store_path(tmp_path, TOY)
    path.write_text("no database " * 100)
    if foreign:
        path.unlink()
        with sqlite3.connect(path) as db:
            db.execute("CREATE TABLE other (x)")
        db.close()
    assert quick("report", tmp_path) == 0
    said = capsys.readouterr()
    assert f"{TASKS} of {TASKS} cells" in said.out
    assert "toy_small is reported from its exported table: " in said.err and str(path) in said.err


@pytest.mark.parametrize("text", ["[", '{"a": 1}', "[1]", "\ud800"])
def test_a_list_of_names_that_is_none_is_named(text, tmp_path, capsys):
    (tmp_path / "asked.json").write_bytes(text.encode("utf-8", "surrogatepass"))
    assert quick("resume", tmp_path) == 1
    said = capsys.readouterr().err
    assert f"{tmp_path / 'asked.json'} " in said and "remove it and use run" in said


def test_names_of_claims_that_are_gone_are_skipped(tmp_path, monkeypatch, capsys):
    seen = []
    monkeypatch.setattr(cli, "run_claims", lambda claims, *_: seen.append(claims) or 0)
    monkeypatch.setattr(cli, "_report", lambda *_: 0)
    remember(tmp_path, [TOY, replace(TOY, name="gone")])
    assert quick("resume", tmp_path) == 0
    assert "skipped, as no claim has the name: gone" in capsys.readouterr().err
    (tmp_path / "asked.json").write_text('["gone"]')
    assert quick("resume", tmp_path) == 1
    assert seen == [[TOY]]


def test_two_runners_that_begin_at_once_write_two_drafts(tmp_path, monkeypatch):
    drafts, moved = [], Path.replace
    monkeypatch.setattr(Path, "replace", lambda *paths: drafts.append(paths[0]) or moved(*paths))
    remember(tmp_path, [TOY])
    assert str(os.getpid()) in drafts[0].name and asked(tmp_path) == ["toy_small"]


def test_time_is_shared_out_by_what_is_left(done, tmp_path, monkeypatch, capsys):
    limits = []
    monkeypatch.setattr(running, "_run_claim", lambda claim, *rest: limits.append(rest[3]) or 0)
    store_path(tmp_path, TOY).write_bytes(store_path(done, TOY).read_bytes())
    other = replace(TOY, name="toy_other")
    running.run_claims([TOY, other], "quick", tmp_path, running.Workers(1), 90.0)
    np.testing.assert_allclose(limits, [0.0, 90.0], rtol=0.01)
    cost = running.seconds_left(other, "quick", tmp_path)
    assert cost == pytest.approx(math.fsum(TOY.cost.seconds(n) for n in 5 * [60] + 4 * [120]))
    running.run_claims([TOY], "quick", tmp_path, running.Workers(1), 90.0)
    assert limits[2] == pytest.approx(90.0, rel=0.01)
    minutes = f"(from here on, by the declared costs: {cost / 60:.0f} min)"
    lines = capsys.readouterr().err.splitlines()
    assert minutes in lines[0] and minutes in lines[1] and "costs: 0 min" in lines[2]


def test_failed_tasks_are_left_if_they_are_to_be_run_again(tmp_path):
    study = TOY.study("quick")
    with ResultStore(store_path(tmp_path, TOY)) as store:
        for task in study.tasks():
            store.put(study, TaskResult(task.n, task.replicate, ({},), 1.0, "no luck"))
    assert running.seconds_left(TOY, "quick", tmp_path) == 0.0
    assert running.seconds_left(TOY, "quick", tmp_path, retry_failed=True) > 8.0


def test_equal_claims_have_equal_shares(tmp_path, monkeypatch):
    limits = []
    monkeypatch.setattr(running, "_run_claim", lambda claim, *rest: limits.append(rest[3]) or 1)
    claims = [TOY, *(select(()) * 2)]
    assert running.run_claims(claims, "quick", tmp_path, running.Workers(), 90.0) == 3
    # Nothing is spent, so what the first leaves goes to the others.
    np.testing.assert_allclose(limits, [30.0, 45.0, 90.0], rtol=0.01)


def test_exponents_are_computed_unless_it_is_to_be_quick():
    quickly, fully = (
        [study.name for study in running.studies(TOY, level)] for level in ("quick", "full")
    )
    assert quickly == ["toy_small"]
    # First, as a time limit would cut them off behind the cells.
    assert fully == ["toy_small_exponents", "toy_small"]


def test_patterns_choose_by_claim_and_by_file(monkeypatch):
    monkeypatch.undo()
    assert catalogue_module.catalogue is catalogue
    chosen = [claim.name for claim in select(["published_p4", "p0_exact*", "published_p4_model1*"])]
    assert chosen[:2] == ["published_p4_model1_k4", "published_p4_model1_k5"]
    assert chosen[8:] == ["p0_exact", "p0_exact_four"] and len(chosen) == 10
    assert [claim.name for claim in select(["p?_exact"])].count("p0_exact") == 1
    # The name of a claim wins over that of its file.
    assert [claim.name for claim in select(["p0_exact"])] == ["p0_exact"]
