"""Toy studies for the tests; as a script it runs one: ``toy_study.py store n_jobs [task]``."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time

import numpy as np

from mixexp.simulation import Study, run


def two_rows(task):
    """Two parts a task, with BLAS, so that a half-written task and a second thread would show."""
    time.sleep(task.params["pause"])
    x = task.rng().normal(size=(task.n, 3))
    gram = x.T @ x / task.n
    return [
        {"which": "mean", "loss": np.abs(x.mean(axis=0)).sum()},
        {"which": "gram", "loss": np.linalg.norm(gram - np.eye(3)), "certified": True},
    ]


def half_broken(task):
    if task.replicate % 2:
        raise ArithmeticError(f"no luck with {task.seed_key}")
    return {"loss": 1.0 / task.n}


def thread_settings(task):
    names = ("OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")
    return {name: os.environ.get(name) for name in names} | {"pid": os.getpid()}


def certified_fit(task):
    """Optimum of a real model, so that threads of BLAS or another order of sums would show."""
    from mixexp import GaussianMoE

    rng = task.rng()
    x = rng.normal(size=(task.n, 2))
    y = np.where(x[:, 0] > 0, 1 + x[:, 1], -1 - x[:, 1]) + 0.3 * rng.normal(size=task.n)
    wide = rng.normal(size=(300, 300))
    fit = GaussianMoE(2, n_init=1, random_state=0).fit(x, y)
    return {"loglik": fit.loglik_, "trace": (wide @ wide.T @ wide).trace(), "pid": os.getpid()}


def kills_its_worker(task):
    if task.replicate == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(0.05)
    return {"loss": 1.0 / task.n}


def dies_once(task):
    """The first process that comes here dies; the file tells the others."""
    if task.replicate == 1:
        with contextlib.suppress(FileExistsError):
            open(task.params["flag"], "x").close()
            os.kill(os.getpid(), signal.SIGKILL)
    return {"loss": 1.0 / task.n}


def noted(task):
    """Leaves a line of its seed key for every time that it is computed."""
    with open(task.params["log"], "a") as log:
        log.write(f"{task.seed_key} {os.getpid()}\n")
    time.sleep(0.05)
    return two_rows(task)


def shared(log):
    return Study("shared", (50, 200), 20, noted, params={"pause": 0.0, "log": str(log)})


def toy(pause=0.0, replicates=12, task=two_rows):
    return Study(
        "toy", sizes=(50, 200, 800), replicates=replicates, run=task, params={"pause": pause}
    )


if __name__ == "__main__":
    study = shared(sys.argv[3]) if len(sys.argv) > 3 else toy(pause=0.02)
    run(study, sys.argv[1], n_jobs=int(sys.argv[2]), progress=False)
