"""The benchmark of fits to Parquet files measures what it says; no timing is asserted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import mixexp
from benchmarks import out_of_core
from benchmarks.measurement import Measurement

# More than the sample of a fit, so that passes are made.
SIZES = (110_000, 200_000)


@pytest.fixture(scope="module")
def found() -> dict[str, Measurement]:
    measured = list(out_of_core.measure(quick=True, sizes=SIZES, n_init=1))
    assert len({m.name for m in measured}) == len(measured)
    return {m.name: m for m in measured}


def test_every_size_is_measured(found: dict[str, Measurement]) -> None:
    # "1e5" twice would be one case.
    assert len(found) == 4 * len({f"{n:.0e}" for n in SIZES}) + 2
    assert all(np.isfinite(m.value) and m.value > 0.0 for m in found.values())


def test_targets_are_passes_and_memory(found: dict[str, Measurement]) -> None:
    met = {name: m.verdict for name, m in found.items() if m.target is not None}
    assert {name.split(",")[0] for name in met} == {"passes of a fit", "peak memory"}
    assert set(met.values()) == {"met"}


def test_files_are_the_same_whatever_their_pieces(tmp_path: Path, monkeypatch) -> None:
    x, y = (np.concatenate(part) for part in zip(*out_of_core.pieces(2500), strict=True))
    path = tmp_path / "rows.parquet"
    monkeypatch.setattr(out_of_core, "_GROUP", 600)
    out_of_core.write(path, 2500)
    source = mixexp.scan_parquet(path, X=list(out_of_core.COLUMNS), y="y", chunk_rows=700)
    chunks = list(source.chunks())
    assert len(chunks) > 2
    np.testing.assert_array_equal(np.concatenate([c.x for c in chunks]), x)
    np.testing.assert_array_equal(np.concatenate([c.y for c in chunks]), y)


def test_the_script_tells_what_the_fit_took(tmp_path: Path, capfd) -> None:
    out_of_core.main(["--rows", "110000", "--folder", str(tmp_path), "--quiet"])
    told = capfd.readouterr().out
    assert "wrote 110,000 rows" in told and "certified: True" in told
    assert "information:" in told and "peak memory:" in told
    assert not list(tmp_path.iterdir())
