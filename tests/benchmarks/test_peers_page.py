"""What the comparison with other packages prints, writes and publishes."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from benchmarks import record
from benchmarks.peers import __main__ as command
from benchmarks.peers import cases, compare, environments, page, results, table
from benchmarks.peers.environments import Found
from tests.benchmarks.test_peers import SMALL, a_row


def test_cells_say_what_happened() -> None:
    assert table.missing(a_row()) == "0.50"
    assert table.missing(a_row(loglik=-9.0)) == "1.00 above"
    assert table.missing(a_row(loglik=-10.0 + 1e-9)) == "0"
    assert table.reports(a_row()) == "+0.5"
    assert table.reports(a_row(reported=-10.501)) == "the same"
    assert table.same(a_row(same=None)) == "not from here"
    assert table.ratio(a_row()) == "25.0"
    assert table.certified(a_row(holds=False)) == "20.0 ms at -10.0000, not certified"
    lost = a_row(status="cut off", detail="after 15 s", seconds=None, loglik=None, same=None)
    assert table.ended(lost) == "cut off: after 15 s"
    assert table.same(lost) == table.ratio(lost) == table.missing(lost) == "–"


def test_a_run_is_read_as_it_was_written(tmp_path: Path) -> None:
    rows = [a_row(), a_row(package="gmr", same=None), a_row(package="cgmm", status="failed")]
    run = results.document(rows, quick=False, limit=15.0)
    path = results.write(run, tmp_path)
    assert path.name.endswith("-peers.json")
    assert results.rows_of(results.newest(tmp_path)) == rows
    (ratio, _) = run["results"]["peers"]
    assert (ratio["value"], ratio["target"]) == (pytest.approx(0.04), 1.0)
    assert record.last_values(tmp_path, quick=False) == {
        ("peers", m["name"]): m["value"] for m in run["results"]["peers"]
    }
    text = json.dumps(run)
    assert str(Path.home()) not in text and str(Path.cwd()) not in text


def test_the_page_names_every_row_that_was_not_won() -> None:
    rows = [
        a_row(),
        a_row(package="gmr", seconds=0.001),
        a_row(package="xllim", same=None, loglik=-9.0),
        replace(
            a_row(package="MoEClust", status="absent", detail="not installed", version="", stop=""),
            same=None, loglik=None, seconds=None,
        ),
    ]  # fmt: skip
    text = page.render(results.document(rows, quick=False, limit=15.0))
    assert "Of 4 fits, 3 ended within the limit, 1 lack their package." in text
    assert (
        "in less time in 1 of those that ended, and in more time in 1: gmr on softmax gate" in text
    )
    assert "ended in a lower maximum in 1: xllim on softmax gate" in text
    assert "| MoEClust | not installed | R | – |" in text
    assert "absent: not installed" in text and "{" not in text


def test_the_page_tells_which_were_won_against_another_start() -> None:
    rows = [a_row(), a_row(package="cgmm", start=compare.OWN), a_row(package="gmr", seconds=0.001)]
    text = page.render(results.document(rows, quick=False, limit=15.0))
    assert (
        "in less time in 2 of those that ended (1 of them are fits from the package's own" in text
    )
    assert "the package's own start" not in page.render(
        results.document(rows[:1], quick=False, limit=15.0)
    )


def test_what_cannot_be_installed_is_told_and_costs_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / ".venv-peers"
    environments.interpreter(folder).parent.mkdir(parents=True)
    environments.interpreter(folder).symlink_to(sys.executable)
    asked = []

    def succeeds(command: list[str]) -> bool:
        asked.append(command[-1])
        return "gmr" not in command[-1]

    monkeypatch.setattr(environments, "_succeeds", succeeds)
    environments._build(folder, sys.executable)
    assert asked == environments.requirements() and not (folder / ".installed").exists()
    assert "could not install gmr" in capsys.readouterr().out
    monkeypatch.setattr(environments, "_succeeds", lambda command: False)
    environments._build(tmp_path / "new", "no such python")
    assert "could not make new" in capsys.readouterr().out


def test_the_page_is_that_of_the_last_run() -> None:
    run = results.newest(record.RESULTS)
    assert run is not None
    assert page.PAGE.read_text("utf-8") == page.render(run), (
        "write it anew: python -m benchmarks.peers --render"
    )


def test_the_command_compares_prints_and_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "problems", lambda quick: iter([SMALL["full"]]))
    monkeypatch.setattr(environments, "find", lambda package, language: Found(reason="not here"))
    path = command.main(["--quick", "--output", str(tmp_path)])
    assert path is not None and path.name.endswith("-peers-quick.json")
    rows = results.rows_of(json.loads(path.read_text("utf-8")))
    assert [row.package for row in rows] == ["stepmix", "xllim", "scikit-learn", "gmr"]
    assert {row.detail for row in rows} == {"not here"}
    printed = capsys.readouterr().out
    assert cases.FULL in printed and "absent: not here" in printed
    assert command.main(["--quick", "--only", "gmr", "--output", str(tmp_path)]) is None
    assert len(list(tmp_path.iterdir())) == 1


def test_rows_are_plain_data() -> None:
    assert json.loads(json.dumps(asdict(a_row()))) == asdict(a_row())
