from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pandas as pd
import pytest
from toy_study import shared, toy

from mixexp.simulation import ResultStore, run
from mixexp.simulation import _store_leases as leases

SCRIPT = Path(__file__).with_name("toy_study.py")


@pytest.fixture
def ended():
    """Number of a process that has ended."""
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    return child.pid


def held_by(store, task, **changes):
    """Let a task be leased by someone else."""
    store.claim(task)
    for column, value in changes.items():
        store._db.execute(f"UPDATE lease SET {column} = ?", (value,))


def test_two_runners_share_the_work(tmp_path):
    path, log = tmp_path / "s.sqlite", tmp_path / "log"
    command = [sys.executable, str(SCRIPT), str(path), "1", str(log)]
    runners = [subprocess.Popen(command) for _ in range(2)]
    assert [runner.wait(timeout=120) for runner in runners] == [0, 0]
    computed = [line.split() for line in log.read_text().splitlines()]
    assert Counter(key for key, _ in computed) == Counter(t.seed_key for t in shared(log).tasks())
    assert len({pid for _, pid in computed}) == 2
    with ResultStore(path) as store:
        assert store.status(shared(log))[:5] == (40, 0, 0, 0, 40)
        together = store.to_frame(shared(log))
    alone = run(shared(log), ":memory:", n_jobs=1, progress=False)
    drop = ["wall_seconds"]
    pd.testing.assert_frame_equal(
        together.drop(columns=drop), alone.drop(columns=drop), check_exact=True
    )


def test_a_task_of_a_living_process_is_left_to_it():
    with ResultStore(":memory:") as store:
        task = toy().tasks()[0]
        # Our parent lives, however long it takes; on another host nobody can tell.
        held_by(store, task, pid=os.getppid(), born=leases._born(os.getppid()), taken=0.0)
        assert store.claim(task) == "leased"
        held_by(store, toy().tasks()[1], host="elsewhere", taken=time.time())
        assert store.claim(task) == "leased"
        assert store.status(toy()).leased == 2


@pytest.mark.parametrize("what", ["ended", "another process now", "too old elsewhere"])
def test_a_stale_lease_is_taken_over(what, ended):
    changes = {
        "ended": {"pid": ended},
        "another process now": {"pid": os.getppid(), "born": "1"},
        "too old elsewhere": {"host": "elsewhere", "taken": 0.0},
    }[what]
    if what == "another process now" and not sys.platform.startswith("linux"):
        pytest.skip("start times of processes are read from /proc")
    with ResultStore(":memory:") as store:
        task = toy().tasks()[0]
        held_by(store, task, **changes)
        assert store.status(toy()).leased == 0
        assert store.claim(task) == "taken"
        assert store._db.execute("SELECT host, pid FROM lease").fetchall() == [
            (socket.gethostname(), os.getpid())
        ]


def test_leases_end_with_the_result_the_run_and_the_interrupt():
    def interrupted(task):
        raise KeyboardInterrupt

    with ResultStore(":memory:") as store:
        run(toy(), store, n_jobs=1, progress=False, time_limit=0.0)
        assert store.status(toy()).leased == 0
        with pytest.raises(KeyboardInterrupt):
            run(toy(task=interrupted), store, n_jobs=1, progress=False)
        assert store.status(toy()).leased == 0
        run(toy(), store, n_jobs=1, progress=False)
        assert store._db.execute("SELECT count(*) FROM lease").fetchone() == (0,)


def test_what_another_runner_finished_is_not_computed_again():
    with ResultStore(":memory:") as store:
        run(toy(), store, n_jobs=1, progress=False)
        task = toy().tasks()[0]
        assert store.claim(task) == store.claim(task, retry_failed=True) == "done"
        store._db.execute("UPDATE result SET content = '[]'")
        assert store.claim(task) == "taken"
