"""The file of a checkpoint, and the digests by which a pass is found again."""

from __future__ import annotations

import errno
import multiprocessing
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from mixexp.estimation.data import Data
from mixexp.estimation.objective import Objective
from mixexp.estimation.passes import Passes
from mixexp.estimation.streams.canonical import digest
from mixexp.estimation.streams.checkpoint import Checkpoint
from mixexp.estimation.streams.watch import Watch
from mixexp.models import Gaussian, MixtureOfExperts, Softmax

VALUES = np.array([0.1, -0.0, np.inf, -np.inf, np.nan, 5e-324, 1.7976931348623157e308])


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "fit.checkpoint"


def begun(path: Path, **settings) -> Checkpoint:
    checkpoint = Checkpoint(path).__enter__()
    checkpoint.begin(settings, {"n_rows": 3})
    return checkpoint


def test_sums_come_back_bit_for_bit(path: Path) -> None:
    table = VALUES[:6].reshape(2, 3)
    with Checkpoint(path) as checkpoint:
        checkpoint.begin({}, {})
        checkpoint.note("key", [np.array(1.5), VALUES, table.T])
    with Checkpoint(path) as checkpoint:
        checkpoint.begin({}, {})
        found = checkpoint.find("key")
    assert found is not None
    for value, expected in zip(found, (np.array(1.5), VALUES, table.T), strict=True):
        assert value.shape == expected.shape and value.flags.writeable
        assert value.tobytes() == np.ascontiguousarray(expected).tobytes()


@pytest.mark.parametrize("content", ["x,y\n1,2\n", '{"format": "mixexp estimator"}', "x"])
def test_a_file_of_the_users_is_left_alone(path: Path, content: str) -> None:
    path.write_text(content, "utf-8")
    with pytest.raises(ValueError, match="no checkpoint of mixexp"), Checkpoint(path):
        pass
    assert path.read_text("utf-8") == content


def test_a_damaged_file_is_refused(path: Path) -> None:
    with Checkpoint(path) as checkpoint:
        checkpoint.begin({}, {})
        checkpoint.note("a", [VALUES])
        checkpoint.note("b", [VALUES])
    text = path.read_text("ascii")
    begun, *_ = text.splitlines(keepends=True)
    for damaged in (
        text.replace('"key"', "key", 1), text.replace('"sums"', '"sum"', 1), begun + "5\n",
    ):  # fmt: skip
        path.write_text(damaged, "ascii")
        with pytest.raises(ValueError, match="is damaged"), Checkpoint(path):
            pass


def test_a_newer_format_is_refused(path: Path) -> None:
    with Checkpoint(path) as checkpoint:
        checkpoint.begin({}, {})
    text = path.read_text("ascii")
    path.write_text(text.replace('"format_version": 1', '"format_version": 2'), "ascii")
    with pytest.raises(ValueError, match="newer than 1"), Checkpoint(path):
        pass


def test_a_header_cut_off_is_no_fit_yet(path: Path) -> None:
    with Checkpoint(path) as checkpoint:
        checkpoint.begin({"n_experts": 2}, {})
    path.write_bytes(path.read_bytes()[:-5])
    with Checkpoint(path) as checkpoint:
        assert not checkpoint.settings
        checkpoint.begin({"n_experts": 3}, {})


def test_folders_are_named(tmp_path: Path) -> None:
    for wrong in (tmp_path, tmp_path / "missing" / "fit.checkpoint"):
        with pytest.raises(FileNotFoundError, match="no file in a folder that exists"):
            Checkpoint(wrong)


def test_two_fits_do_not_write_to_one_file(path: Path) -> None:
    pytest.importorskip("fcntl")
    first, second = Checkpoint(path), Checkpoint(path)
    with first, pytest.raises(ValueError, match="being written by another fit"):
        second.__enter__()
    with second:
        pass


def test_disks_without_locks_keep_checkpoints(path: Path, monkeypatch) -> None:
    fcntl = pytest.importorskip("fcntl")

    def refuse(*_) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with Checkpoint(path) as checkpoint:
        checkpoint.begin({}, {})
    assert path.stat().st_size


def _locked(path: Path, answers) -> None:
    try:
        with Checkpoint(path):
            answers.put("open")
    except ValueError:
        answers.put("locked")


def test_other_processes_see_the_lock(path: Path) -> None:
    pytest.importorskip("fcntl")
    context = multiprocessing.get_context("spawn")
    answers = context.Queue()
    with Checkpoint(path):
        other = context.Process(target=_locked, args=(path, answers))
        other.start()
        assert answers.get(timeout=60) == "locked"
        other.join()


def squared(x: float) -> float:
    return x * x


def scaled(factor: float):
    return lambda x: factor * x


def test_digests_tell_contents_apart() -> None:
    values = [
        None, True, 1, 1.0, "1", b"1", (1,), [1], {1}, {"a": 1}, np.ones(2), np.ones((1, 2)),
        np.ones(2, dtype=int), squared, scaled(1.0), scaled(2.0), partial(squared, 1.0),
        Softmax(), Softmax(degree=2), Gaussian(), Ellipsis, -0.0, 0.0, ["a", "b"], ["ab"],
    ]  # fmt: skip
    assert len({digest(value) for value in values}) == len(values)
    assert digest(np.ones((2, 3))) == digest(np.asfortranarray(np.ones((2, 3))))
    assert digest(np.float64(2.5)) == digest(2.5)


def test_what_an_object_remembers_does_not_matter() -> None:
    model = MixtureOfExperts(Softmax(), Gaussian(), 2, 1)
    before = digest(model)
    _ = model.layout
    assert digest(model) == before
    assert digest(Passes(model, n_threads=1)) == digest(Passes(model, n_threads=2))
    assert digest(Passes(model)) != digest(Passes(MixtureOfExperts(Softmax(), Gaussian(), 3, 1)))


def test_what_has_no_content_is_refused() -> None:
    for value in (object(), np.array([object()])):
        with pytest.raises(TypeError, match="content"):
            digest(value)


@pytest.fixture
def problem() -> tuple[MixtureOfExperts, Data, np.ndarray]:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(50, 1))
    data = Data.from_rows(x, x[:, 0] + rng.normal(size=50))
    model = MixtureOfExperts(Softmax(), Gaussian(), 2, 1)
    return model, data, rng.normal(size=model.layout.n_free)


class Counted(Data):
    """Rows that count how often they were summed over."""

    n_sums = 0

    def sum(self, task):
        Counted.n_sums += 1
        return super().sum(task)


def test_the_same_sum_is_made_once(problem) -> None:
    model, data, theta = problem
    counted = Counted(data.z, data.y, data.weight, data.affine)
    watch = Watch()
    objective, plain = Objective(model, watch.rows(counted)), Objective(model, data)
    Counted.n_sums = 0
    for _ in range(2):
        found, expected = objective.evaluate(theta, 2), plain.evaluate(theta, 2)
        assert found.value == expected.value
        np.testing.assert_array_equal(found.hessian, expected.hessian)
    assert Counted.n_sums == 1 and len(watch.passes) == 1
    objective.evaluate(theta + 1e-15, 2)
    objective.evaluate(theta, 1)
    assert Counted.n_sums == 3
    assert watch.passes[0].kind == "information"
    assert watch.passes[0].loglik == pytest.approx(
        (plain.evaluate(theta).value - data.log_scale) / 50
    )


def test_who_changes_sums_changes_his_own(problem) -> None:
    model, data, _ = problem
    rows, task = Watch().rows(data), partial(Passes(model).gram, basis=model.layout.bases[0])
    first = rows.sum(task)[0].copy()
    for _ in range(3):
        found = rows.sum(task)[0]
        np.testing.assert_array_equal(found, first)
        found[:] = 0.0


def test_what_cannot_be_told_apart_is_summed_every_time(problem) -> None:
    _, data, _ = problem
    counted = Counted(data.z, data.y, data.weight, data.affine)
    Counted.n_sums = 0
    rows, unknown = Watch().rows(counted), object()

    def task(part, of=unknown):
        return [np.array(float(part.n_rows))]

    for _ in range(2):
        assert rows.sum(task)[0] == 50.0
    assert Counted.n_sums == 2
