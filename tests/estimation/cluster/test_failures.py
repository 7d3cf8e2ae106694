"""Workers that die, data that are lost with them, and clusters that are gone."""

from __future__ import annotations

import os
import signal
import threading
import time
from functools import partial

import distributed
import numpy as np
import pytest
from many_rows import both, deadly, gaussian, read, slowly

from mixexp.estimation.cluster import watch
from mixexp.estimation.cluster.tasks import on_cluster
from mixexp.estimation.objective import Objective


@pytest.fixture
def frail():
    """A client of a cluster that a test may end: one worker in this process."""
    with (
        distributed.LocalCluster(n_workers=1, processes=False, dashboard_address=":0") as cluster,
        distributed.Client(cluster, set_as_default=False, timeout=2) as made,
    ):
        yield made


def a_pass(source, model, flag):
    """Sums over the rows of a source, and of a pass in which the worker of one partition dies."""
    rows = read(source, model)[1]
    objective = Objective(model, rows)
    theta = np.random.default_rng(2).normal(size=objective.layout.n_free)
    task = partial(
        objective._passes.sums, coefficients=objective.layout.coefficients(theta), part="hessian",
        responsibilities=None,
    )  # fmt: skip
    return rows.sum(task), rows.sum(partial(deadly, flag=str(flag), task=task))


def test_a_worker_killed_during_a_pass_changes_no_bit_of_it(client, tmp_path):
    model, *data = gaussian()
    there, here = both(client, *data)
    (tmp_path / "nobody").touch()
    expected = a_pass(here, model, tmp_path / "nobody")
    found = a_pass(there, model, tmp_path / "died")
    assert (tmp_path / "died").exists()
    for sums in (*found, expected[1]):
        assert all(np.array_equal(a, b) for a, b in zip(sums, expected[0], strict=True))


def test_tasks_and_the_data_they_share_survive_the_death_of_all_workers(client):
    client.wait_for_workers(2)
    pids = list(client.run(os.getpid).values())
    tasks = list(range(8))
    pairs = on_cluster(client, slowly, tasks)
    first = next(pairs)
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    found = [first, *pairs]
    assert sorted((i, number) for i, (number, _) in found) == [(i, i) for i in tasks]
    assert not {pid for _, (_, pid) in found[-2:]} & set(pids)


def test_a_cluster_that_ends_during_a_pass_is_an_error_in_words(frail):
    ending = threading.Timer(0.7, frail.cluster.close)
    ending.start()
    with pytest.raises(RuntimeError, match=r"scheduler of the Dask cluster .* is gone"):
        list(on_cluster(frail, slowly, list(range(100))))
    ending.join()


def test_a_cluster_without_workers_is_an_error_in_words(frail, monkeypatch):
    monkeypatch.setattr(watch, "WAIT_SECONDS", 0.5)
    leaving = threading.Timer(0.7, frail.cluster.scale, [0])
    leaving.start()
    with pytest.raises(RuntimeError, match=r"no worker for 0\.5 seconds; start workers"):
        list(on_cluster(frail, slowly, list(range(100))))
    leaving.join()


def test_an_error_of_a_task_is_that_of_the_task(client):
    with pytest.raises(ZeroDivisionError):
        list(on_cluster(client, partial(divmod, 1), [1, 0, 2]))


def test_tasks_that_are_given_up_are_cancelled(client):
    pairs = on_cluster(client, slowly, list(range(200)))
    next(pairs)
    pairs.close()
    begun = time.monotonic()
    assert client.submit(int, 3, pure=False).result(timeout=60) == 3
    assert time.monotonic() - begun < 20.0


def test_results_in_order_wait_for_nothing_but_their_turn():
    came = []

    def pairs():
        for pair in [(2, "c"), (0, "a"), (1, "b"), (3, "d")]:
            came.append(pair[0])
            yield pair

    ordered = watch.in_order(pairs())
    assert next(ordered) == "a" and came == [2, 0]
    assert list(ordered) == ["b", "c", "d"]
