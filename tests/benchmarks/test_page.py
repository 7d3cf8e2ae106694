"""The page of figures: what the newest record says, and nothing else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks import page

FACTS = {"cpu": "A processor", "cores": 2, "simd": "AVX2", "python": "3.11", "numpy": "2.4",
         "numba": "0.68", "load": 0.1}  # fmt: skip


def run_of(date: str, value: float = 3.0, **more: object) -> dict:
    measured = [
        {"name": "EM pass", "value": value, "unit": "x exp", "target": 4.0, "at_least": False},
        {"name": "EM pass, time", "value": 9.0, "unit": "ns", "target": None, "at_least": False},
    ]
    results = dict.fromkeys(page._TITLES, measured)
    return {"date": date, "quick": False, "machine": FACTS, "results": results, **more}


def runs_of(run: dict) -> dict:
    return dict.fromkeys(run["results"], run)


def test_the_figures_replace_those_between_the_marks() -> None:
    text = "before\n<!-- figures -->\nold\n<!-- end of figures -->\nafter\n"
    once = page.render(text, runs_of(run_of("2026-01-01")))
    assert "old" not in once and once.startswith("before") and once.endswith("after\n")
    assert "| EM pass | 3.00 | x exp | 4.00 | met |" in once and "EM pass, time" not in once
    assert page.render(once, runs_of(run_of("2026-01-01"))) == once


def test_the_newest_full_run_of_each_benchmark_is_shown(tmp_path: Path) -> None:
    only = run_of("2026-01-03")
    only["results"] = {"threads": only["results"]["threads"]}
    runs = [
        run_of("2026-01-01"), run_of("2026-01-02", 2.0), only, run_of("2026-01-05", rejected=True),
        run_of("2026-01-04") | {"quick": True}, run_of("2026-01-06") | {"results": {}},
    ]  # fmt: skip
    for i, run in enumerate(runs):
        (tmp_path / f"{i}.json").write_text(json.dumps(run))
    dates = {name: run["date"] for name, run in page.newest(tmp_path).items()}
    assert dates.pop("threads") == "2026-01-03"
    assert set(dates.values()) == {"2026-01-02"} and set(dates) < set(page._TITLES)


def test_the_page_shows_the_newest_record() -> None:
    text = page.PAGE.read_text("utf-8")
    assert page.render(text, page.newest()) == text, "run `python -m benchmarks.page`"


def test_breakdown_measures_every_part(monkeypatch: pytest.MonkeyPatch) -> None:
    from benchmarks import breakdown

    measured = list(breakdown.measure(quick=True, n_rows=600, rounds=1))
    assert len({m.name for m in measured}) == len(measured) == 7 * len(breakdown.CASES)
    kernels = {name: packed for name, packed, _ in breakdown.instructions()}
    assert kernels["linear_gaussian.sums"] > 0 and kernels["elementary.log_positive"] > 0
