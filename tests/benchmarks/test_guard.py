"""A ratio that got worse fails the run, which is kept but is no reference; nothing else fails."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from benchmarks import record, run
from benchmarks.measurement import Measurement


class Fake:
    """Values in turn, the last one for ever."""

    def __init__(self, *turns: Sequence[Measurement]):
        self.turns = list(turns)
        self.calls = 0

    def measure(self, quick: bool = False) -> Iterator[Measurement]:
        """The next turn."""
        self.calls += 1
        yield from self.turns.pop(0) if len(self.turns) > 1 else self.turns[0]


def ratio(value: float, unit: str = "x exp", name: str = "EM") -> list[Measurement]:
    return [Measurement(name, value, unit)]


def bench(
    monkeypatch: pytest.MonkeyPatch, folder: Path, fake: Fake, *arguments: str
) -> tuple[int, list[dict]]:
    """Status of a run of the fake benchmark, and all runs in the folder."""
    fake.__doc__ = "A fake."
    monkeypatch.setattr(run, "BENCHMARKS", {"fake": fake})
    status = run.main(["--output", str(folder), *arguments])
    return status, runs_in(folder)


def runs_in(folder: Path) -> list[dict]:
    return [json.loads(path.read_text("utf-8")) for path in sorted(folder.glob("*.json"))]


@pytest.fixture
def recorded(tmp_path: Path) -> Path:
    """A folder with one run from long ago: 4 exp, 2 x faster, 1 s, 70 passes."""
    values = [*ratio(4.0), *ratio(2.0, "x faster", "threads"), *ratio(1.0, "s", "time")]
    values += ratio(70.0, "passes", "median")
    old = {**record.document({"fake": values}, quick=False), "date": "2020-01-01T00:00:00+00:00"}
    record.write(old, tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("now", "status"),
    [
        (ratio(4.0 * 1.3), 1),
        (ratio(4.0 * 1.2), 0),
        (ratio(1.0), 0),
        (ratio(2.0 / 1.3, "x faster", "threads"), 1),
        (ratio(2.0 / 1.2, "x faster", "threads"), 0),
        (ratio(9.0, "x faster", "threads"), 0),
        (ratio(100.0, "s", "time"), 0),
        (ratio(float("nan")), 1),
        (ratio(70.0 * 1.3, "passes", "median"), 1),
        (ratio(70.0 * 1.2, "passes", "median"), 0),
        (ratio(100.0, name="new"), 0),
    ],
)
def test_a_loss_of_more_than_a_quarter_fails(
    now: list[Measurement], status: int, recorded: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found, runs = bench(monkeypatch, recorded, Fake(now))
    assert found == status
    assert [r["rejected"] for r in runs] == [False, bool(status)]


def test_a_loss_that_measuring_again_does_not_find_is_no_loss(
    recorded: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = Fake(
        [*ratio(8.0), *ratio(1.0, "s", "time")],
        [*ratio(6.0), *ratio(2.0, "s", "time")],
        [*ratio(4.1), *ratio(3.0, "s", "time")],
    )
    status, runs = bench(monkeypatch, recorded, fake)
    assert status == 0 and fake.calls == 3
    # The best value of the ratio that had got worse; what had not keeps its first.
    assert [m["value"] for m in runs[-1]["results"]["fake"]] == [4.1, 1.0]


def test_a_loss_found_three_times_fails_with_its_best_value(
    recorded: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fake = Fake(ratio(8.0), ratio(6.0), ratio(7.0))
    status, runs = bench(monkeypatch, recorded, fake)
    assert status == 1 and fake.calls == 3
    assert runs[-1]["results"]["fake"][0]["value"] == 6.0
    assert "fake: EM, 4.00 -> 6.00 x exp, 1.50 times worse" in capsys.readouterr().out


def test_a_rejected_run_is_no_reference_and_an_accepted_one_is(
    recorded: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert bench(monkeypatch, recorded, Fake(ratio(8.0)))[0] == 1
    assert bench(monkeypatch, recorded, Fake(ratio(8.0)))[0] == 1
    assert bench(monkeypatch, recorded, Fake(ratio(8.0)), "--accept")[0] == 0
    status, runs = bench(monkeypatch, recorded, Fake(ratio(8.0)))
    # The rejected run of the same day was not overwritten by the accepted one.
    assert status == 0 and sorted(r["rejected"] for r in runs) == [False, False, True]


def test_the_tolerance_can_be_widened_and_a_check_writes_nothing(
    recorded: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wide = ("--tolerance", "1", "--check")
    for value, status in ((7.9, 0), (8.1, 1)):
        found, runs = bench(monkeypatch, recorded, Fake(ratio(value)), *wide)
        assert found == status and len(runs) == 1


@pytest.mark.parametrize("other", ["cpu", "simd", "quick"])
def test_without_a_record_of_this_machine_and_size_a_run_passes(
    other: str,
    recorded: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    if other == "simd":
        monkeypatch.setattr(record.machine, "simd", lambda: ["another"])
    if other == "cpu":
        monkeypatch.setattr(record.machine, "cpu_model", lambda: "another")
    quick = ["--quick"] if other == "quick" else []
    assert bench(monkeypatch, recorded, Fake(ratio(400.0)), *quick)[0] == 0
    assert "nothing to compare with" in capsys.readouterr().out


def test_names_that_went_or_came_are_listed(
    recorded: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bench(monkeypatch, recorded, Fake(ratio(4.0, name="E-step")))[0] == 0
    lines = capsys.readouterr().out.splitlines()
    gone, new = lines.index("no longer measured:"), lines.index("measured for the first time:")
    assert lines[gone + 1 : new] == [
        *("  fake: EM", "  fake: threads", "  fake: time", "  fake: median"),
    ]
    assert lines[new + 1] == "  fake: E-step"


def test_an_error_fails_the_run_and_does_not_cost_the_other_benchmarks(
    recorded: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Broken:
        """A benchmark."""

        def measure(self, quick: bool = False) -> Iterator[Measurement]:
            yield from ratio(1.0)
            raise RuntimeError("no such file")

    fake = Fake(ratio(3.0))
    fake.__doc__ = "A fake."
    monkeypatch.setattr(run, "BENCHMARKS", {"broken": Broken(), "fake": fake})
    assert run.main(["--output", str(recorded)]) == 1
    assert "FAILED: broken raised an error" in capsys.readouterr().out
    assert [list(r["results"]) for r in runs_in(recorded)] == [["fake"], ["fake"]]
