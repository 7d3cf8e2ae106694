from __future__ import annotations

import builtins
import io
import os
from dataclasses import replace

import joblib
import pandas as pd
import pytest
from toy_study import certified_fit, dies_once, kills_its_worker, toy

from experiments.claims import p0_exact
from mixexp.simulation import ResultStore, Study, run
from mixexp.simulation.backends import cluster, serial
from mixexp.simulation.claims.arms import NearTruth, Search

distributed = pytest.importorskip("distributed")


def quiet(study, store=":memory:", **options):
    return run(study, store, **({"n_jobs": 1, "progress": False} | options))


@pytest.fixture(scope="module")
def scheduler():
    """Address of a cluster of two processes that this test did not make for one study."""
    with cluster._local_cluster(2) as made:
        yield made.scheduler_address


@pytest.fixture(params=["loky", "dask"])
def two_workers(request):
    """Options of `run` for two worker processes that other tests use too."""
    if request.param == "loky":
        return {"n_jobs": 2}
    return {"backend": "dask", "scheduler": request.getfixturevalue("scheduler")}


def assert_same_numbers(one, other, *, but):
    pd.testing.assert_frame_equal(one.drop(columns=but), other.drop(columns=but), check_exact=True)


def test_fits_are_the_same_bits_on_every_backend(two_workers):
    study = Study("fits", (200, 400), 3, certified_fit)
    here, there = quiet(study), quiet(study, **two_workers)
    assert here["error"].isna().all() and set(here["pid"]) == {os.getpid()}
    assert os.getpid() not in set(there["pid"])
    assert_same_numbers(there, here, but=["wall_seconds", "pid"])


@pytest.mark.parametrize("backend", ["loky", "dask"])
def test_cells_of_a_claim_are_the_same_bits_on_every_backend(backend):
    small = replace(
        p0_exact.CLAIMS[0], sizes=(60, 120), arms=(Search(n_starts=2), NearTruth()), seconds=1.0
    )
    study = replace(small.study(), sizes=(60, 120), replicates=2)
    here, there = quiet(study), quiet(study, n_jobs=2, backend=backend)
    assert here["error"].isna().all() and len(here) == 2 * 2 * 2
    assert_same_numbers(there, here, but=["wall_seconds", "seconds"])


def test_a_task_that_kills_its_worker_is_a_failed_row(two_workers):
    frame = quiet(Study("s", (10,), 3, kills_its_worker), **two_workers)
    failed = frame["replicate"] == 1
    assert len(frame) == 3
    assert frame["error"].notna().tolist() == failed.tolist()
    assert frame.loc[failed, "error"].str.contains("worker process of this task died").all()


def test_a_worker_that_dies_once_costs_nothing(two_workers, tmp_path):
    study = Study("s", (10,), 3, dies_once, params={"flag": str(tmp_path / "flag")})
    frame = quiet(study, **two_workers)
    assert (tmp_path / "flag").exists()
    assert len(frame) == 3 and frame["error"].isna().all()


def test_an_executor_that_is_broken_when_a_task_is_handed_in_is_replaced(monkeypatch):
    from joblib.externals.loky import process_executor, reusable_executor

    submit, refused = reusable_executor._ReusablePoolExecutor.submit, []

    def refuse_once(self, *arguments):
        if not refused:
            refused.append(arguments)
            raise process_executor.TerminatedWorkerError("a worker died just now")
        return submit(self, *arguments)

    monkeypatch.setattr(reusable_executor._ReusablePoolExecutor, "submit", refuse_once)
    frame = quiet(toy(replicates=1), n_jobs=2)
    assert refused and len(frame) == 6 and frame["error"].isna().all()


def test_a_cluster_without_workers_is_an_error_in_words(monkeypatch):
    monkeypatch.setattr(cluster, "WAIT_SECONDS", 0.0)
    with cluster._local_cluster(0) as made, pytest.raises(RuntimeError, match="start workers"):
        quiet(toy(), backend="dask", scheduler=made.scheduler_address)


def test_few_tasks_are_handed_out_before_results_are_taken(two_workers):
    study, store = toy(replicates=3), ResultStore(":memory:")
    in_flight = []

    def claim(task, **options):
        outcome = ResultStore.claim(store, task, **options)
        in_flight.append(store.status(study).leased)
        return outcome

    store.claim = claim
    with store:
        quiet(study, store, **two_workers)
    # Two a worker; of a cluster one worker may just be coming back.
    assert len(in_flight) == 9 and max(in_flight) in (2, 4)


def test_progress_of_a_cluster_tells_the_time_left(scheduler, monkeypatch):
    log = io.StringIO()
    monkeypatch.setattr("sys.stderr", log)
    run(toy(replicates=1), ":memory:", backend="dask", scheduler=scheduler)
    assert "toy: 3/3 tasks, 100 % of the work" in log.getvalue()
    assert "0:00 left" in log.getvalue()


def test_a_missing_extra_is_named(monkeypatch):
    def refuse(name, *arguments, **options):
        if name == "distributed":
            raise ModuleNotFoundError(name)
        return imported(name, *arguments, **options)

    imported = builtins.__import__
    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(ImportError, match=r"pip install mixexp\[dask\]"):
        quiet(toy(), backend="dask")


@pytest.mark.parametrize(
    ("options", "words"),
    [({"backend": "threads"}, "backend must be"), ({"scheduler": "tcp://x:1"}, 'backend="dask"')],
)
def test_backends_that_do_not_exist_are_refused(options, words):
    with pytest.raises(ValueError, match=words):
        quiet(toy(), **options)


def test_a_task_has_one_blas_thread_and_its_process_for_itself():
    from threadpoolctl import threadpool_info, threadpool_limits

    def look(task):
        threads = {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}
        return {"threads": max(threads), "locked": serial._ONE_AT_A_TIME.locked()}

    with threadpool_limits(limits=2):
        frame = quiet(Study("s", (10,), 1, look))
    assert frame[["threads", "locked"]].values.tolist() == [[1, True]]


def test_joblib_works_in_the_same_process_after_a_study():
    quiet(toy(replicates=1), n_jobs=2)
    assert joblib.Parallel(n_jobs=2)(joblib.delayed(abs)(i) for i in (-1, -2)) == [1, 2]
    with joblib.parallel_config(backend="loky", inner_max_num_threads=1):
        assert joblib.Parallel(n_jobs=2)(joblib.delayed(abs)(i) for i in (-1, -2)) == [1, 2]
    quiet(toy(replicates=1), n_jobs=2)
