"""A fit to rows read in parts is the fit to the same rows in memory."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pytest

from mixexp.estimation.boundary import crossings
from mixexp.estimation.data import Data
from mixexp.estimation.fit import Fit, Options, fit
from mixexp.estimation.known import affine_of, rows_of
from mixexp.estimation.objective import Objective
from mixexp.estimation.pieces import boundary_moves, neighbours, rigid_basis
from mixexp.estimation.rows import Rows
from mixexp.estimation.solvers.edges import first_crossing
from mixexp.estimation.streams import Source, Streamed, Survey, scan_arrays
from mixexp.models import (
    Expert,
    Gate,
    Gaussian,
    MixtureOfExperts,
    Multinomial,
    MultivariateGaussian,
    Poisson,
    Softmax,
    TopK,
)
from tests.instances import PAIRS, SMOOTH_PAIRS, Problem, problem

# As few as a sample may have, so that a small problem is streamed.
STREAMED = Options(sample_rows=1024, n_init=1)


class Counted:
    """Counts the passes over a source."""

    def __init__(self) -> None:
        self.n_passes = 0

    @contextmanager
    def passing(self, kind: str) -> Iterator[None]:
        self.n_passes += 1
        yield

    def surveyed(self, survey: Survey) -> None:
        """Nothing."""

    def part(self, n_rows: int) -> None:
        """Nothing."""

    def rows(self, rows: Rows) -> Rows:
        inner = rows.sum

        def counted(task):  # type: ignore[no-untyped-def]
            self.n_passes += 1
            return inner(task)

        rows.sum = counted  # type: ignore[method-assign]
        return rows


def source_of(case: Problem, chunk_rows: int = 400) -> Source:
    return scan_arrays(case.x, case.y, case.weight, chunk_rows=chunk_rows)


def bound(case: Problem, chunk_rows: int) -> tuple[Objective, Objective]:
    """The objective in memory and in parts, on one scale."""
    expert = case.model.expert
    data = Data.from_rows(
        case.x, expert.encode(case.y), case.weight,
        standardize_y=expert.standardizes, common_scale=expert.common_scale,
    )  # fmt: skip
    names = [f"x{j}" for j in range(case.model.n_columns)]
    rows = rows_of(case.model, source_of(case, chunk_rows), data.affine, columns=names)
    return Objective(case.model, data), Objective(case.model, rows)


@PAIRS
def test_every_sum_is_that_of_the_rows_in_memory(gate: Gate, expert: Expert) -> None:
    """Partitions of 50, of which 107 rows are no multiple."""
    case = problem(gate, expert, n_columns=2, n_rows=107)
    here, there = bound(case, 50)
    theta = np.random.default_rng(0).normal(size=here.layout.n_free)
    for order in range(3):
        for a, b in zip(here.evaluate(theta, order), there.evaluate(theta, order), strict=True):
            assert a is None or np.allclose(a, b, rtol=1e-11, atol=1e-11 * np.abs(a).max())
    mine, theirs = here.em_statistics(theta), there.em_statistics(theta)
    for a, b in zip(mine.expert, theirs.expert, strict=True):
        assert np.allclose(a, b, rtol=1e-11, atol=1e-9)
    assert np.allclose(mine.hessian, theirs.hessian, rtol=1e-11, atol=1e-9)
    assert np.allclose(here.shares(theta), there.shares(theta), rtol=1e-12)
    assert np.allclose(here.log_prob(theta), there.log_prob(theta), rtol=1e-12)
    assert np.allclose(here.scores(theta), there.scores(theta), rtol=1e-10, atol=1e-12)
    assert here.logit_range(theta) == pytest.approx(there.logit_range(theta), rel=1e-12)
    for basis in here.layout.bases:
        assert np.allclose(here.gram(basis), there.gram(basis), rtol=1e-12, atol=1e-9)


def both(case: Problem, options: Options = STREAMED, chunk_rows: int = 400) -> tuple[Fit, Fit]:
    """The fit in parts and the one in memory, from the parameters the rows were drawn with."""
    model, given = case.model, [case.params]
    streamed = fit(model, source_of(case, chunk_rows), options=options, given=given)
    return streamed, fit(model, case.x, case.y, case.weight, options=options, given=given)


def assert_same(streamed: Fit, whole: Fit) -> None:
    assert isinstance(streamed.objective.data, Streamed)
    n = whole.objective.data.n_rows
    gain = streamed.loglik(streamed.optima[0]) - whole.loglik(whole.optima[0])
    assert abs(gain) / n < 1e-9
    assert streamed.optima[0].certified == whole.optima[0].certified
    assert streamed.optima[0].flags == whole.optima[0].flags


@SMOOTH_PAIRS
def test_the_optimum_is_that_of_the_rows_in_memory(gate: Gate, expert: Expert) -> None:
    assert_same(*both(problem(gate, expert, n_columns=1, n_rows=1201)))


@pytest.mark.parametrize("gate", [TopK(1), TopK(2, select="logit")], ids=repr)
def test_rows_of_every_partition_cross_boundaries(gate: TopK) -> None:
    """Sorted by x, a partition knows some of the boundaries only."""
    case = problem(gate, Gaussian(), n_experts=4, n_rows=200, seed=2)
    order = np.argsort(case.x[:, 0])
    case = replace(case, x=case.x[order], y=case.y[order], weight=case.weight[order])  # type: ignore[index]
    here, there = bound(case, 30)
    rng = np.random.default_rng(0)
    for _ in range(5):
        theta = rng.normal(size=here.layout.n_free)
        assert neighbours(here, theta) == neighbours(there, theta)
        assert np.allclose(rigid_basis(here, theta), rigid_basis(there, theta))
        for expert, direction in boundary_moves(here, theta, np.random.default_rng(1))[:4]:
            mine, theirs = (crossings(o, theta, expert, direction) for o in (here, there))
            for a, b in zip(mine, theirs, strict=True):
                assert np.allclose(a, b, rtol=1e-12, atol=1e-12, equal_nan=True)
        step = rng.normal(size=len(theta))
        first, other = first_crossing(here, theta, step), first_crossing(there, theta, step)
        assert (first is None) == (other is None)
        if first is not None and other is not None:
            # Where the only boundary is at zero, all rows cross together.
            assert first.t == pytest.approx(other.t, rel=1e-12)
            assert np.array_equal(first.normal != 0.0, other.normal != 0.0)


@pytest.mark.parametrize("gate", [TopK(1), TopK(2, select="logit")], ids=repr)
def test_boundaries_are_searched_on_all_rows(gate: TopK) -> None:
    case = problem(gate, Gaussian(), n_experts=3, n_rows=1201, seed=1)
    streamed, whole = both(case, replace(STREAMED, max_iter=60))
    assert_same(streamed, whole)
    assert streamed.optima[0].solution.n_moves == whole.optima[0].solution.n_moves


@pytest.mark.parametrize(
    ("gate", "expert", "settings"),
    [
        (Softmax(), Gaussian(), {"n_experts": 3, "n_columns": 2}),
        (Softmax(), Multinomial(3), {}),
        (Softmax(), Poisson(), {"weighted": False}),
        (Softmax(), MultivariateGaussian(2), {"n_columns": 2}),
    ],
    ids=lambda part: repr(part),
)
def test_starts_on_a_sample_find_the_same_answer(gate, expert, settings) -> None:
    case = problem(gate, expert, n_rows=6001, max_logit=2.0, **settings)
    watch = Counted()
    options = Options(sample_rows=3000, n_init=6)
    streamed = fit(case.model, source_of(case, 1000), options=options, watch=watch)
    whole = fit(case.model, case.x, case.y, case.weight, options=options)
    assert_same(streamed, whole)
    assert watch.n_passes <= 40
    phases = [run.phase for run in streamed.runs]
    assert phases == sorted(phases, key=["sketch", "sample", "data"].index)
    assert {"sketch", "sample", "data"} == set(phases)


def test_runs_lead_to_the_optima_they_ended_in() -> None:
    case = problem(Softmax(), Gaussian(), n_rows=6001, max_logit=2.0)
    found = fit(case.model, source_of(case, 1000), options=Options(sample_rows=3000, n_init=4))
    on_sample = [run for run in found.runs if run.phase == "sample"]
    on_all = [run for run in found.runs if run.phase == "data"]
    for optimum in range(len(found.optima)):
        n_hits = sum(run.n_starts for run in on_sample if run.optimum == optimum)
        assert n_hits == sum(run.n_starts for run in on_all if run.optimum == optimum) > 0
    assert all(-1 <= run.optimum < len(found.optima) for run in found.runs)
    certificate = found.optima[0].certificate
    assert certificate is not None and certificate.n_starts == sum(r.n_starts for r in on_sample)
    assert any("climbed on a sample of 3000" in words for words in certificate.findings)


def test_few_distinct_rows_are_taken_into_memory_and_give_the_same_bits() -> None:
    case = problem(Softmax(), Gaussian(), n_rows=300, weighted=False)
    streamed = fit(case.model, source_of(case, 70), options=Options(n_init=3))
    whole = fit(case.model, case.x, case.y, options=Options(n_init=3))
    assert isinstance(streamed.objective.data, Data)
    assert streamed.optima[0].value == whole.optima[0].value
    assert np.array_equal(streamed.optima[0].theta, whole.optima[0].theta)


def test_copies_of_few_rows_are_still_many_rows() -> None:
    rng = np.random.default_rng(0)
    x, y = np.tile(rng.normal(size=(4, 1)), (20, 1)), np.tile(rng.normal(size=4), 20)
    model = MixtureOfExperts(Softmax(), Gaussian(), 2, 1)
    found = fit(model, scan_arrays(x, y, chunk_rows=30), options=Options(n_init=2)).optima[0]
    assert found.certificate is not None
    assert "only 4 distinct rows for 8 parameters" in found.certificate.findings


def test_the_number_of_threads_does_not_change_a_bit() -> None:
    case = problem(Softmax(), Gaussian(), n_rows=5001)
    one, two = (
        fit(
            case.model, source_of(case, 2300), given=[case.params],
            options=replace(STREAMED, n_threads=n),
        )
        for n in (1, 2)
    )  # fmt: skip
    assert one.optima[0].value == two.optima[0].value


def test_offsets_far_from_zero_do_not_matter() -> None:
    """Seconds since 1970 and a response around 2e9."""
    case = problem(Softmax(), Gaussian(), n_columns=2, n_rows=1500, weighted=False)
    x = case.x * [3600.0, 1.0] + [1.7e9, 0.0]
    moved = replace(case, x=np.round(x, 2), y=np.round(case.y, 3) + 2e9)
    streamed = fit(case.model, source_of(moved), options=replace(STREAMED, n_init=3))
    whole = fit(case.model, moved.x, moved.y, options=Options(n_init=3))
    assert_same(streamed, whole)


def test_findings_about_the_data_are_the_same() -> None:
    """A constant column, a column twice, and a constant weight."""
    case = problem(Softmax(), Gaussian(), n_columns=1, n_rows=1300, weighted=False)
    x = np.column_stack([case.x, np.full(1300, 0.1), case.x])
    model = MixtureOfExperts(Softmax(), Gaussian(), 2, 3)
    told = []
    for given in ((scan_arrays(x, case.y, chunk_rows=400),), (x, case.y)):
        found = fit(model, *given, options=replace(STREAMED, n_init=2)).optima[0]
        assert found.certificate is not None
        told.append([words for words in found.certificate.findings if "sample of" not in words])
    assert told[0] == told[1]
    assert any("constant columns" in words for words in told[0])
    assert any("collinear" in words for words in told[0])


def test_a_class_that_appears_in_the_last_chunk_only() -> None:
    case = problem(Softmax(), Multinomial(3), n_rows=1501, weighted=False)
    order = np.argsort(case.y == 2.0, kind="stable")
    late = replace(case, x=case.x[order], y=case.y[order])
    assert 2.0 not in late.y[:400]
    assert_same(*both(late))


@pytest.mark.parametrize("chunk_rows", [60, 1200, 1201, 5000])
def test_the_size_of_partitions_does_not_matter(chunk_rows: int) -> None:
    """Small ones, a last one of one row, and all rows in one."""
    assert_same(*both(problem(Softmax(), Gaussian(), n_rows=1201), chunk_rows=chunk_rows))


def test_rows_without_weight_do_not_count() -> None:
    case = problem(Softmax(), Gaussian(), n_rows=1501)
    weight = np.where(np.arange(1501) % 5 == 0, 0.0, case.weight)
    x, y = case.x.copy(), case.y.copy()
    x[::5], y[::5] = np.nan, np.inf
    streamed = fit(
        case.model, scan_arrays(x, y, weight, chunk_rows=400), given=[case.params], options=STREAMED
    )
    used = weight > 0.0
    whole = fit(case.model, x[used], y[used], weight[used], given=[case.params], options=STREAMED)
    assert streamed.objective.data.n_rows == used.sum()
    assert_same(streamed, whole)


def test_penalties_and_an_unstandardised_fit() -> None:
    case = problem(Softmax(), Gaussian(), n_rows=1501)
    options = replace(STREAMED, gate_penalty=2.0, expert_penalty=0.5, standardize=False)
    assert_same(*both(case, options))


def test_responsibilities_are_refused() -> None:
    case = problem(Softmax(), Gaussian(), n_rows=60)
    with pytest.raises(ValueError, match="responsibilities, one row for each row"):
        fit(case.model, source_of(case), given=[np.full((60, 2), 0.5)])


def test_more_experts_than_rows_are_refused() -> None:
    model = MixtureOfExperts(Softmax(), Gaussian(), 4, 1)
    with pytest.raises(ValueError, match="n_experts=4 is larger than n_samples=3"):
        fit(model, scan_arrays(np.zeros((3, 1)), np.arange(3.0)))


def test_what_needs_arrays_says_so() -> None:
    case = problem(Softmax(), Gaussian(), n_rows=60)
    _, there = bound(case, 25)
    with pytest.raises(TypeError, match="read in parts"):
        _ = there.in_memory


def test_a_column_that_varies_by_rounding_only_is_constant() -> None:
    case = problem(Softmax(), Gaussian(), n_columns=2, n_rows=100)
    x = case.x.copy()
    x[:, 1] = np.where(x[:, 0] > 0.0, 0.1, np.nextafter(0.1, 1.0))
    here, there = bound(replace(case, x=x), 30)
    assert all(np.all(part.z[1] == 0.0) for part in there.data.parts())
    assert here.data.spread[0][1] == there.data.spread[0][1] == 0.0


def test_the_scale_is_that_of_the_rows_in_memory() -> None:
    case = problem(Softmax(), MultivariateGaussian(2), n_columns=2, n_rows=333)
    here, there = bound(case, 100)
    survey = there.data.survey  # type: ignore[attr-defined]
    affine, expected = affine_of(case.model, survey), here.data.affine
    for name in ("x_center", "x_scale", "y_center", "y_scale"):
        assert np.allclose(getattr(affine, name), getattr(expected, name), rtol=1e-13, atol=1e-14)
