"""The benchmarks run and what they record has its schema; no timing is asserted."""

from __future__ import annotations

import json
import platform
from pathlib import Path

import numpy as np
import pytest

from benchmarks import baseline, gllim, parts, passes, plain_gllim, record, table, threads
from benchmarks.measurement import Measurement
from benchmarks.problems import balanced_rows
from mixexp.estimation.data import Data
from mixexp.estimation.gllim.data import JointData
from mixexp.estimation.gllim.em import Floors, JointEM
from mixexp.models.covariances import BlockDiagonal, Covariance, Diagonal, Full
from mixexp.models.gllim import GLLiM

FIELDS = {"name": str, "value": float, "unit": str, "target": float | None, "at_least": bool}
FACTS = {"cpu", "cores", "simd", "system", "load"}
VERSIONS = {"python", "numpy", "scipy", "scikit-learn", "numba"}


@pytest.fixture(scope="module")
def found() -> list[Measurement]:
    return list(passes.measure(quick=True, n_rows=300, rounds=1))


def run_of(value: float, date: str, cpu: str = "a", quick: bool = True) -> dict:
    """A run as it is written, with one measurement, on a processor of any name."""
    run = record.document({"passes": [Measurement("EM pass", value, "x")]}, quick=quick)
    run["machine"]["cpu"] = cpu
    return {**run, "date": date}


def test_passes_measure_every_case_once(found: list[Measurement]) -> None:
    names = [m.name for m in found]
    assert len(set(names)) == len(names) == 7 * len(passes.CASES)
    assert all(m.value > 0.0 for m in found)
    assert {m.name: m.target for m in found if m.target is not None} == {
        "EM pass, d=1 K=4": 4.0,
        "EM pass, d=5 K=4": 8.0,
        "information pass, d=1 K=4": 8.0,
        "information pass, d=5 K=4": 16.0,
    }


def test_threads_measure_what_is_gained(monkeypatch: pytest.MonkeyPatch) -> None:
    measured = list(threads.measure(quick=True, n_rows=9000, rounds=1))
    assert len({m.name for m in measured}) == len(measured) == 2 * len(threads.CASES)
    assert all(m.value > 0.0 and m.larger_is_better for m in measured)
    monkeypatch.setattr(threads.machine, "n_cores", lambda: 1)
    assert not list(threads.measure(quick=True))


def test_parts_measure_every_part_once() -> None:
    measured = list(parts.measure(quick=True, n_rows=300, rounds=1))
    assert len({m.name for m in measured}) == len(measured) == 6 * len(parts.PARTS)
    assert all(m.value > 0.0 for m in measured)


def test_a_written_run_has_the_schema(found: list[Measurement], tmp_path: Path) -> None:
    path = record.write(record.document({"passes": found}, quick=True), tmp_path, ["passes"])
    assert path.name.endswith("-cores-passes-quick.json")
    run = json.loads(path.read_text("utf-8"))
    assert set(run) == {"schema", "mixexp", "date", "quick", "rejected", "machine", "results"}
    assert set(run["machine"]) == FACTS | VERSIONS
    assert len(run["results"]["passes"]) == len(found)
    for measurement in run["results"]["passes"]:
        assert set(measurement) == set(FIELDS)
        assert all(isinstance(measurement[name], kind) for name, kind in FIELDS.items())


def test_a_run_names_neither_host_nor_paths(
    found: list[Measurement], monkeypatch: pytest.MonkeyPatch
) -> None:
    host = platform.uname()._replace(node="name-of-this-host")
    monkeypatch.setattr(platform, "uname", lambda: host)
    monkeypatch.setattr(platform, "node", lambda: host.node)
    text = json.dumps(record.document({"passes": found}, quick=True))
    assert host.node not in text
    assert str(Path.home()) not in text and str(Path.cwd()) not in text


def test_last_value_is_the_newest_of_the_same_machine_and_sizes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(record.machine, "cpu_model", lambda: "a")
    assert record.last_values(tmp_path, quick=True) == {}
    newest = run_of(2.0, "2026-02-01T00:00:00+00:00")
    # Its date counts, not the place of its name among the others.
    record.write(newest, tmp_path).rename(tmp_path / "0.json")
    for run in (
        run_of(1.0, "2026-01-01T00:00:00+00:00"),
        run_of(3.0, "2026-03-01T00:00:00+00:00", cpu="b"),
        run_of(4.0, "2026-03-01T00:00:00+00:00", quick=False),
    ):
        record.write(run, tmp_path)
    assert record.last_values(tmp_path, quick=True) == {("passes", "EM pass"): 2.0}


def test_table_compares_with_the_last_run_and_the_target() -> None:
    results = {"passes": [Measurement("EM", 9.0, "x", 7.0), Measurement("new", 1.0, "s")]}
    lines = table.render(results, {("passes", "EM"): 6.0}).splitlines()
    assert lines[2].split() == ["passes", "EM", "9.00", "x", "7.00", "missed", "6.00", "1.50"]
    assert lines[3].split() == ["passes", "new", "1.00", "s"]


@pytest.mark.parametrize(
    ("measurement", "verdict"),
    [
        (Measurement("m", 1.0, "x"), ""),
        (Measurement("m", 1.0, "x", target=1.0), "met"),
        (Measurement("m", 1.1, "x", target=1.0), "missed"),
        (Measurement("m", 0.5, "x", target=1.0, at_least=True), "missed"),
        (Measurement("m", 1.9, "x faster", target=1.8), "met"),
        (Measurement("m", 1.7, "x faster", target=1.8), "missed"),
    ],
)
def test_verdict(measurement: Measurement, verdict: str) -> None:
    assert measurement.verdict == verdict


@pytest.mark.parametrize("n_experts", [2, 3])
def test_the_baseline_has_a_start_that_is_certified(n_experts: int) -> None:
    data = Data.from_rows(*balanced_rows(400))
    theta = baseline._start(data, n_experts)
    seconds, value = baseline._certified_fit(data, n_experts, theta, rounds=1)
    assert seconds > 0.0 and np.isfinite(value)


def test_gllim_measures_its_cases_and_sets_targets_beside_the_peer() -> None:
    chosen = [
        gllim.Case("diagonal", Diagonal(), 400, 10),
        gllim.Case("blocks of 2", BlockDiagonal((0, 0, 1, 1)), 400, 4),
    ]
    measured = list(gllim.measure(quick=True, rounds=1, chosen=chosen))
    assert len({m.name for m in measured}) == len(measured) >= 3
    assert all(m.value > 0.0 for m in measured)
    assert all((m.target is not None) == ("xllim" in m.name) for m in measured)


@pytest.mark.parametrize("covariance", [Full(), Diagonal()], ids=repr)
def test_the_plain_em_takes_the_same_steps(covariance: Covariance) -> None:
    u, v = gllim.rows(500, 4)
    r = np.random.default_rng(0).dirichlet(np.ones(gllim.N_EXPERTS), 500)
    model = GLLiM(gllim.N_EXPERTS, gllim.N_INPUTS, 4, Full(), covariance)
    em = JointEM(*JointData.from_rows(model, u, v, standardize=False), Floors(0.0, 0.0))
    params = em.from_responsibilities(r)
    plain = plain_gllim.m_step(u, v, r, diagonal=isinstance(covariance, Diagonal))
    for _ in range(5):
        statistics = em.statistics(params)
        value, plain = plain_gllim.step(u, v, plain)
        assert statistics.value == pytest.approx(value, rel=1e-10)
        params = em.m_step(params, statistics)
