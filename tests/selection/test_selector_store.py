"""Finished fits survive a kill, and are used again for the same data and arguments only."""

from __future__ import annotations

import contextlib
import os
import signal
import struct
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mixexp.selection.fits_store import FitsStore
from mixexp.selection.selector import ModelSelector
from tests.selection.selecting import Stub, fits, quick, slow_selection, two_lines

ROOT = Path(__file__).resolve().parents[2]


def test_a_killed_selection_goes_on_where_it_was(tmp_path):
    folder, log = tmp_path / "fits", tmp_path / "log"
    # Not as a script: its classes would be others, of the module __main__.
    code = f"from tests.selection.selecting import main; main({str(folder)!r}, {str(log)!r})"
    child = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, start_new_session=True)
    try:
        stop = time.monotonic() + 60
        while len(list(folder.glob("*.fit"))) < 3:
            assert child.poll() is None and time.monotonic() < stop, "the child did not get going"
            time.sleep(0.005)
        os.kill(child.pid, signal.SIGKILL)
        child.wait()
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
    stored, begun = len(FitsStore(folder)), len(fits(log))
    assert 3 <= stored < 8 and begun - stored <= 1
    resumed = slow_selection(folder, log, pause=0.05).fit(*two_lines())
    assert len(fits(log)) - begun == 8 - stored
    fresh = slow_selection(tmp_path / "other", log, pause=0.05).fit(*two_lines())
    columns = ["n_experts", "loglik", "bic", "rank", "selected"]
    pd.testing.assert_frame_equal(resumed.table_[columns], fresh.table_[columns])


def made_by(selector, log, X, y, **fit):
    before = len(fits(log))
    selector.fit(X, y, **fit)
    return len(fits(log)) - before


def test_only_the_same_data_and_arguments_are_taken_from_the_store(tmp_path):
    X, y = two_lines()
    folder, log = tmp_path / "fits", tmp_path / "log"
    stub = Stub(log=str(log))

    def selector(estimator=stub, experts=(1, 2), **settings):
        settings = {"store": folder, "random_state": 0, **settings}
        return ModelSelector(estimator, {"n_experts": list(experts)}, **settings)

    assert made_by(selector(), log, X, y) == 2
    assert made_by(selector(), log, X, y) == 0
    # Other containers of the same numbers, other criteria and more candidates change no fit.
    assert made_by(selector(), log, X.tolist(), y.tolist()) == 0
    assert made_by(selector(criterion="aic", n_jobs=2), log, X, y) == 0
    assert made_by(selector(experts=(1, 2, 3)), log, X, y) == 1
    assert made_by(selector(random_state=1), log, X, y) == 2
    assert made_by(selector(restarts=1), log, X, y) == 2
    assert made_by(selector(Stub(log=str(log), n_init=3)), log, X, y) == 2
    assert made_by(selector(), log, X, y + 1e-9) == 2
    assert made_by(selector(), log, X, y, sample_weight=np.full(len(y), 2.0)) == 2
    assert made_by(selector(), log, pd.DataFrame(X, columns=["speed"]), y) == 2
    # What comes before a fit in its chain is what it is started from.
    assert made_by(selector(experts=(2, 3)), log, X, y) == 2


def test_folds_are_stored_too(tmp_path):
    X, y = two_lines()
    log = tmp_path / "log"
    settings = {"cv": 3, "store": tmp_path / "fits"}
    selector = ModelSelector(quick(), {"n_experts": [1, 2]}, "cv", **settings).fit(X, y)
    assert len(FitsStore(tmp_path / "fits")) == 8
    again = ModelSelector(quick(), {"n_experts": [1, 2]}, "cv", **settings).fit(X, y)
    pd.testing.assert_frame_equal(selector.table_, again.table_)
    assert fits(log) == []


def test_damaged_files_are_made_again_with_a_warning(tmp_path):
    X, y = two_lines()
    folder, log = tmp_path / "fits", tmp_path / "log"
    selector = ModelSelector(Stub(log=str(log)), {"n_experts": [1]}, store=folder, random_state=0)
    selector.fit(X, y)
    (file,) = folder.glob("*.fit")
    whole = file.read_bytes()
    # The last one is a fit still, but of another log-likelihood.
    changed = whole.replace(struct.pack(">d", -100.0), struct.pack(">d", -99.0))
    assert changed != whole
    for damaged in (whole[:-1], b"", b"something else", changed):
        file.write_bytes(damaged)
        with pytest.warns(UserWarning, match="cannot be read"):
            assert made_by(selector, log, X, y) == 1
    assert made_by(selector, log, X, y) == 0


def test_failed_fits_are_not_kept(tmp_path):
    X, y = two_lines()
    log, folder = tmp_path / "log", tmp_path / "fits"
    stub = Stub(fails=(2,), log=str(log))
    selector = ModelSelector(stub, {"n_experts": [1, 2]}, store=folder, random_state=0)
    assert made_by(selector, log, X, y) == 2
    assert made_by(selector, log, X, y) == 1


def test_what_cannot_be_pickled_is_told_and_selected_among(tmp_path):
    class Local(Stub):
        pass

    selector = ModelSelector(Local(), {"n_experts": [1]}, store=tmp_path / "fits", random_state=0)
    selector.fit(*two_lines())
    assert "could not be stored" in selector.table_["findings"][0]
    assert list((tmp_path / "fits").iterdir()) == []


def test_a_store_is_a_folder(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match="is a file; give a folder"):
        ModelSelector(Stub(), {"n_experts": [1]}, store=tmp_path / "file").fit(*two_lines())


def test_without_any_seed_the_data_give_one(tmp_path):
    X, y = two_lines()
    log = tmp_path / "log"
    selector = ModelSelector(Stub(log=str(log)), {"n_experts": [1, 2]}, store=tmp_path / "fits")
    assert made_by(selector, log, X, y) == 2
    assert made_by(selector, log, X, y) == 0
