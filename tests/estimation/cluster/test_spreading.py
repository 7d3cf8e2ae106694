"""Starts and replicates on the workers that joblib's context names: those of one process."""

from __future__ import annotations

import os

import joblib
import numpy as np
from many_rows import rows, slowly

from mixexp import GaussianMoE
from mixexp.estimation import executors
from mixexp.estimation.executors import active_client, in_order, number_of_workers, run_tasks


def fitted(moe=None, **options):
    """A fit whose starts are more than its sketch, and the data."""
    x, y, _ = rows(n=1500)
    return (moe or GaussianMoE(n_experts=2, n_init=3, random_state=0)).fit(x, y, **options), x, y


def assert_same(one, other):
    """The same climbs, to the bit on one machine, and the same optima."""
    np.testing.assert_array_equal(one._theta, other._theta)
    for a, b in zip(one._runs, other._runs, strict=True):
        assert (a.phase, a.kind, a.n_starts, a.stopped) == (b.phase, b.kind, b.n_starts, b.stopped)
        assert a.optimum == b.optimum and a.n_iter == b.n_iter
        assert a.trace == b.trace
    assert one.optima_["flags"].tolist() == other.optima_["flags"].tolist()
    assert one.certificate_.n_starts == other.certificate_.n_starts


def context(client):
    return joblib.parallel_config(backend="dask", client=client)


def test_starts_of_a_fit_are_climbed_on_a_cluster(client, monkeypatch):
    here = fitted()[0]
    spread = []
    run = executors.run_tasks
    monkeypatch.setattr(
        executors,
        "run_tasks",
        lambda function, tasks: spread.append(len(tasks)) or run(function, tasks),
    )
    with context(client):
        there = fitted()[0]
    assert_same(there, here)
    # On the sketch; none of the user's; on the data; and the certificates.
    assert len(spread) == 4 and spread[0] > 3 and spread[1:3] == [0, 3] and spread[3] > 0


def test_starts_of_a_fit_are_climbed_in_processes():
    here = fitted()[0]
    with joblib.parallel_config(backend="loky", n_jobs=2):
        assert_same(fitted()[0], here)


def test_replicates_are_made_on_a_cluster(client):
    moe, x, y = fitted()
    results = moe.results(x, y)
    here = results.bootstrap(4, random_state=5)
    test = results.test_n_experts(n_boot=2, random_state=6)
    with context(client):
        there = results.bootstrap(4, random_state=5)
        again = results.test_n_experts(n_boot=2, random_state=6)
    np.testing.assert_allclose(there.replicates, here.replicates, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(again.null, test.null, rtol=1e-6, atol=1e-6)


def test_the_context_says_how_many_workers_there_are(client):
    assert number_of_workers(None) == 1 and active_client() is None
    with context(client):
        assert active_client() is client
        assert number_of_workers(None) == number_of_workers(-1) == 2
        assert number_of_workers(1) == 1 and number_of_workers(7) == 7
    with joblib.parallel_config(backend="loky", n_jobs=3):
        assert number_of_workers(None) == 3 and active_client() is None
    for other in ("threading", "sequential"):
        with joblib.parallel_config(backend=other, n_jobs=3):
            assert number_of_workers(None) == 1


def test_tasks_go_to_the_workers_and_one_job_stays_here(client):
    with context(client):
        found = dict(run_tasks(slowly, [3, 4, 5]))
        assert {i: number for i, (number, _) in found.items()} == {0: 3, 1: 4, 2: 5}
        assert os.getpid() not in {pid for _, pid in found.values()}
        assert {pid for _, (_, pid) in run_tasks(slowly, [3], 1)} == {os.getpid()}
        assert [number for number, _ in in_order(slowly, iter([5, 4]))] == [5, 4]


def workers_seen_inside(_: int) -> tuple[bool, int]:
    with joblib.parallel_config(backend="dask"):
        return active_client() is None, number_of_workers(-1)


def test_a_task_of_a_cluster_hands_nothing_on(client):
    with context(client):
        assert dict(run_tasks(workers_seen_inside, [0, 1])) == {0: (True, 1), 1: (True, 1)}
