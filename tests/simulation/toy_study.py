"""Toy studies for the tests; as a script it runs one of them: ``toy_study.py store n_jobs``."""

from __future__ import annotations

import os
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


def toy(pause=0.0, replicates=12, task=two_rows):
    return Study(
        "toy", sizes=(50, 200, 800), replicates=replicates, run=task, params={"pause": pause}
    )


if __name__ == "__main__":
    run(toy(pause=0.02), sys.argv[1], n_jobs=int(sys.argv[2]), progress=False)
