"""Rows of two experts that overlap, as sources of Dask and of this process, and deadly tasks."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import dask.array as da
import numpy as np

from mixexp.estimation.cluster import scan_dask
from mixexp.estimation.streams import Reader, scan_arrays
from mixexp.models import (
    Gaussian,
    MixtureOfExperts,
    Multinomial,
    MultivariateGaussian,
    Softmax,
    TopK,
)

ROWS = 700
"""Rows of a partition; the last one has fewer."""


def rows(n: int = 4000, d: int = 2, seed: int = 0):
    """x (n, d), y (n,) and the generator that made them."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, d))
    side = np.where(rng.random(n) < 1.0 / (1.0 + np.exp(-2.0 * x[:, 0])), 1.0, -1.0)
    return x, side * (1.5 + x[:, -1]) + 0.5 * rng.normal(size=n), rng


def both(client, x, y, weight=None):
    """The same partitions as a source of Dask's and as one of this process."""
    names = {"y": y} | ({} if weight is None else {"sample_weight": weight})
    lazy = {name: da.from_array(v, chunks=(ROWS, *v.shape[1:])) for name, v in names.items()}
    there = scan_dask(da.from_array(x, chunks=(ROWS, 1)), **lazy, client=client)
    return there, scan_arrays(x, y, weight, chunk_rows=ROWS)


def gaussian():
    x, y, _ = rows()
    return MixtureOfExperts(Softmax(), Gaussian(), 2, 2), x, y, None


def weighted():
    x, y, rng = rows()
    weight = rng.integers(0, 3, size=len(x)).astype(float)
    return MixtureOfExperts(Softmax(), Gaussian(), 2, 2), x, y, weight


def several_responses():
    x, y, rng = rows()
    two = np.column_stack([y, y**2 + rng.normal(size=len(x))])
    return MixtureOfExperts(Softmax(), MultivariateGaussian(2), 2, 2), x, two, None


def multinomial():
    x, y, rng = rows()
    classes = (y > -1.0).astype(float) + (y + rng.normal(size=len(x)) > 1.0)
    return MixtureOfExperts(Softmax(), Multinomial(3), 2, 2), x, classes, None


def top_1():
    x, y, _ = rows(d=1)
    return MixtureOfExperts(TopK(1), Gaussian(), 2, 1), x, y, None


def read(source, model):
    """The survey and the rows of a source."""
    reader = Reader(model.expert.encode, [f"x{j}" for j in range(model.n_columns)])
    survey = source.survey(reader, 1000, 0)
    affine = survey.affine(standardize=True, standardize_y=model.expert.standardizes)
    return survey, source.rows(reader, survey, affine)


def kill_once(flag) -> None:
    """Kill this process, unless somebody has done so before."""
    try:
        Path(flag).touch(exist_ok=False)
    except FileExistsError:
        return
    os.kill(os.getpid(), signal.SIGKILL)


def deadly(data, flag, task):
    """``task(data)``, in whose last partition a worker dies once."""
    if data.n_rows < ROWS:
        kill_once(flag)
    return task(data)


def slowly(number: int) -> tuple[int, int]:
    """The number and the process, after a while."""
    time.sleep(0.5)
    return number, os.getpid()
