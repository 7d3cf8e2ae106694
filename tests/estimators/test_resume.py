"""A fit that was stopped goes on from its checkpoint, and ends in the same optimum."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import count
from pathlib import Path

import numpy as np
import pytest

from mixexp import GaussianMoE, MixingMeasure, Softmax, Temperature, TopK
from mixexp.estimation.streams import Chunk, LocalSource, scan_arrays
from mixexp.estimators._base import MoEBase
from tests.estimators.problems import identical, two_lines

ROOT = Path(__file__).resolve().parents[2]
N, CHUNK = 2400, 700
# The survey is one pass of these.
N_CHUNKS = 4


class Stopping(LocalSource):
    """Chunks of rows; when so many of them have been read, something happens."""

    def __init__(self, after: int, happens, seed: int = 0, n: int = N):
        self._arrays = scan_arrays(*two_lines(n, seed), chunk_rows=CHUNK)
        self._after, self._happens, self.n_read = after, happens, 0

    def chunks(self) -> Iterator[Chunk]:
        for chunk in self._arrays.chunks():
            self.n_read += 1
            if self.n_read == self._after:
                self._happens()
            yield chunk


def interrupt() -> None:
    raise KeyboardInterrupt


def kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@contextmanager
def small_samples() -> Iterator[None]:
    """Samples of 1024 rows, so that few rows are enough to be read in passes."""
    options = MoEBase._options
    MoEBase._options = lambda self: replace(options(self), sample_rows=1024)
    try:
        yield
    finally:
        MoEBase._options = options


# Far from the optimum, on all rows from the first step: some 20 passes.
START = MixingMeasure(
    np.array([0.3, 0.3, 0.4]),
    {
        "gate_coef": np.array([[1.0, 0.0], [-1.0, 0.0], [0.0, 0.0]]),
        "intercept": np.array([0.0, 1.0, -3.0]),
        "coef": np.array([[3.0, 0.0], [-3.0, 1.0], [0.0, 2.0]]),
        "variance": np.array([1.0, 2.0, 3.0]),
    },
)


def fit(checkpoint=None, after: int = 10**9, happens=interrupt, seed: int = 0, **settings):
    """A fit of three experts that is stopped when ``after`` chunks have been read."""
    moe = GaussianMoE(**{"n_experts": 3, "n_init": 1, "init": START, "random_state": 0, **settings})
    with small_samples():
        return moe.fit(Stopping(after, happens, seed), checkpoint=checkpoint)


# Starts that are drawn on a sketch and climbed on a sample before.
DRAWN = {"init": None, "n_init": 3}


@pytest.fixture(scope="module")
def whole() -> GaussianMoE:
    """The fit that nothing stopped."""
    return fit()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "fit.checkpoint"


def n_noted(path: Path) -> int:
    """Passes in a checkpoint, whose first line is not one."""
    return path.read_bytes().count(b"\n") - 1


def after_passes(number: float) -> int:
    """Chunks that are read when so many passes have been made, the survey and the first chunk
    (which tells the columns) not counted."""
    return int((number + 1) * N_CHUNKS) + 2


def test_a_killed_fit_loses_the_pass_under_way_only(path: Path) -> None:
    code = (
        "from tests.estimators.test_resume import DRAWN, fit, kill; "
        f"fit({str(path)!r}, after={after_passes(5.5)}, happens=kill, **DRAWN)"
    )
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment)
    assert done.returncode == -signal.SIGKILL and n_noted(path) == 5
    resumed, whole = fit(path, **DRAWN), fit(**DRAWN)
    assert identical(resumed, whole)
    assert resumed.passes_["noted"].sum() == 5
    assert len(resumed.passes_) == len(whole.passes_)
    assert resumed.certificate_.summary() == whole.certificate_.summary()


def test_interrupted_again_and_again(whole: GaussianMoE, path: Path) -> None:
    for n_stops in count():
        stopped = None
        try:
            moe = fit(path, after=after_passes(3.5))
        except KeyboardInterrupt as stop:
            stopped = stop
        if stopped is None:
            break
        assert str(path) in "".join(stopped.__notes__)
        # Each time three passes more.
        assert n_noted(path) == 3 * (n_stops + 1)
    assert n_stops > 3 and identical(moe, whole)


def test_stopped_in_the_survey_it_begins_anew(whole: GaussianMoE, path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        fit(path, after=3)
    assert path.read_bytes() == b""
    assert identical(fit(path), whole)


def test_a_finished_fit_reads_the_rows_once_more(whole: GaussianMoE, path: Path) -> None:
    fit(path)
    before = path.read_bytes()
    again = fit(path)
    assert identical(again, whole) and path.read_bytes() == before
    assert again.passes_["noted"].tolist() == [False] + [True] * (len(again.passes_) - 1)


def test_a_checkpoint_changes_nothing(whole: GaussianMoE, path: Path) -> None:
    assert identical(fit(path), whole)


def test_a_line_cut_off_does_not_count(whole: GaussianMoE, path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        fit(path, after=after_passes(4.5))
    text = path.read_bytes()
    for cut in (1, 100, len(text) - text.rfind(b"\n", 0, -1) - 2):
        path.write_bytes(text[:-cut])
        resumed = fit(path)
        assert resumed.passes_["noted"].sum() == 3 and identical(resumed, whole)
        # What followed the cut is whole.
        assert fit(path).passes_["noted"].sum() == len(resumed.passes_) - 1


def test_the_file_tells_the_parameters_and_what_they_reach(path: Path) -> None:
    moe = fit(path)
    header, *passes = map(json.loads, path.read_text("ascii").splitlines())
    assert header["settings"]["n_experts"] == 3 and header["data"]["n_rows"] == N
    assert [line["pass"] for line in passes] == list(range(1, len(passes) + 1))
    best = max((p for p in passes if p["loglik"] is not None), key=lambda p: p["loglik"])
    assert best["loglik"] * N == pytest.approx(moe.loglik_, abs=1e-6)
    gate = np.array(best["coefficients"][0])
    assert gate.shape == (3, 3)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"n_experts": 2, "init": None}, "n_experts was 3 and is 2"),
        ({"n_init": 4}, "n_init was 1 and is 4"),
        ({"init": None}, "starts was"),
        ({"gate": TopK(n_active=1)}, "gate was None and is 'TopK"),
        ({"random_state": 1}, "seed was"),
        ({"bounds": {"scale": (0.1, 10.0)}}, "bounds was"),
        ({"seed": 7}, "belongs to a fit of other data: content was"),
    ],
)
def test_other_settings_and_data_are_refused(path: Path, settings: dict, words: str) -> None:
    with pytest.raises(KeyboardInterrupt):
        fit(path, after=after_passes(2.5))
    before = path.read_bytes()
    with pytest.raises(ValueError, match=words) as refusal:
        fit(path, **settings)
    assert str(path) in str(refusal.value) and "delete the file" in str(refusal.value)
    assert path.read_bytes() == before


def test_the_same_gate_is_the_same_setting(path: Path) -> None:
    def settings():
        return {"gate": Temperature(Softmax(degree=1)), "n_experts": 2, "init": None}

    with pytest.raises(KeyboardInterrupt):
        fit(path, after=after_passes(2.5), **settings())
    again = fit(path, **settings())
    assert again.passes_["noted"].sum() == 2


def test_threads_and_progress_may_change(whole: GaussianMoE, path: Path, capsys) -> None:
    with pytest.raises(KeyboardInterrupt):
        fit(path, after=after_passes(2.5))
    resumed = fit(path, n_jobs=2, verbose=1)
    assert identical(resumed, whole) and resumed.passes_["noted"].sum() == 2
    assert "2 from the checkpoint" in capsys.readouterr().err


def test_a_random_state_that_is_no_number_is_remembered(path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        fit(path, after=after_passes(4.5), random_state=None)
    for other in (None, np.random.RandomState(3)):
        assert fit(path, random_state=other).passes_["noted"].sum() >= 4


def test_another_version_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(KeyboardInterrupt):
        fit(path, after=after_passes(1.5))
    monkeypatch.setattr("mixexp.__version__", "99.0")
    with pytest.raises(ValueError, match=r"written by mixexp .* and this is 99\.0"):
        fit(path)


def test_rows_in_memory_need_no_checkpoint(path: Path) -> None:
    with pytest.raises(ValueError, match="given with rows in memory"):
        GaussianMoE().fit(*two_lines(50), checkpoint=path)
    assert not path.exists()


def test_sources_of_few_rows_are_fitted_in_memory(path: Path) -> None:
    moe = GaussianMoE(2, n_init=1, random_state=0)
    moe.fit(Stopping(10**9, interrupt), checkpoint=path)
    assert n_noted(path) == 0 and moe.passes_["kind"].tolist() == ["survey"]
