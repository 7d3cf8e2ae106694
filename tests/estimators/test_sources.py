"""Estimators fitted to rows that are not in memory: the same optimum, and the same answers."""

from __future__ import annotations

import io
import pickle
from contextlib import redirect_stderr
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

import mixexp
from mixexp import BinomialMoE, GaussianMoE, MultinomialMoE, PoissonMoE
from mixexp.estimation.streams import Chunk, LocalSource, scan_arrays
from mixexp.estimators import _sources
from mixexp.estimators._base import MoEBase
from tests.estimators.problems import three_classes, two_lines, two_proportions, two_rates

N = 2400
CHUNK = 700


@pytest.fixture(autouse=True)
def _small_samples(monkeypatch: pytest.MonkeyPatch) -> None:
    """Samples of 1024 rows, so that few rows are enough to be read in passes."""
    options = MoEBase._options
    monkeypatch.setattr(MoEBase, "_options", lambda self: replace(options(self), sample_rows=1024))


class Named(LocalSource):
    """Chunks of a data frame whose columns have names."""

    def __init__(self, frame: pd.DataFrame, y: np.ndarray):
        self._frame, self._y = frame, y
        self.columns = tuple(frame.columns)

    def chunks(self):
        for first in range(0, len(self._y), CHUNK):
            rows = slice(first, first + CHUNK)
            yield Chunk(self._frame.iloc[rows].to_numpy(float), self._y[rows])


def several() -> tuple:
    x, y = two_lines(N, seed=2)
    other = np.where(y > 0.0, 1.0, -1.0) * x[:, 0]
    return x, np.column_stack([y, other + 0.3 * np.random.default_rng(0).normal(size=N)])


def weighted() -> tuple:
    weight = np.random.default_rng(3).choice([0.0, 0.5, 1.0, 2.0], size=N)
    return (*two_lines(N, seed=1), weight)


def words() -> tuple:
    x, y = three_classes(N)
    return x, np.array(["ash", "birch", "cedar"])[np.unique(y, return_inverse=True)[1]]


def case(name: str) -> tuple:
    """An estimator, the arguments of its fit in memory, and the same as a source."""
    if name == "gaussian":
        data = two_lines(N)
        return GaussianMoE, data, scan_arrays(*data, chunk_rows=CHUNK)
    if name == "weighted":
        data = weighted()
        return GaussianMoE, data, scan_arrays(*data, chunk_rows=CHUNK)
    if name == "several responses":
        data = several()
        return GaussianMoE, data, scan_arrays(*data, chunk_rows=CHUNK)
    if name == "multinomial":
        data = words()
        return MultinomialMoE, data, scan_arrays(*data, chunk_rows=CHUNK)
    if name == "poisson":
        x, y, exposure = two_rates(N)
        both = scan_arrays(x, np.column_stack([y, exposure]), chunk_rows=CHUNK)
        return PoissonMoE, (x, y, None, exposure), both
    x, y, trials = two_proportions(N)
    both = scan_arrays(x, np.column_stack([y, trials]), chunk_rows=CHUNK)
    return BinomialMoE, (x, y, None, trials), both


CASES = ["gaussian", "weighted", "several responses", "multinomial", "poisson", "binomial"]


def settings(kind: type) -> dict:
    # Classes that separate have no optimum without a ridge.
    return {"n_experts": 2, "n_init": 2, "random_state": 0}


@pytest.fixture(scope="module")
def fits() -> dict:
    """The fits of every case, made once: in memory and from the source."""
    return {}


@pytest.fixture
def pair(fits: dict, request: pytest.FixtureRequest) -> tuple:
    name = request.param
    if name not in fits:
        kind, data, source = case(name)
        held = kind(**settings(kind)).fit(*data)
        fits[name] = held, kind(**settings(kind)).fit(source), data, source
    return fits[name]


every_case = pytest.mark.parametrize("pair", CASES, indirect=True)
GAUSSIAN = pytest.mark.parametrize("pair", ["gaussian"], indirect=True)


@every_case
def test_the_optimum_is_that_of_rows_in_memory(pair: tuple) -> None:
    held, streamed, data, _ = pair
    assert streamed.converged_ and held.converged_
    assert streamed.loglik_ == pytest.approx(held.loglik_, abs=1e-9 * N)
    assert len(streamed.passes_) > 2 and len(held.passes_) == 0
    assert streamed.n_features_in_ == data[0].shape[1]
    assert not hasattr(streamed, "feature_names_in_")
    np.testing.assert_allclose(
        np.sort(streamed.predict_expert(data[0]).ravel()),
        np.sort(held.predict_expert(data[0]).ravel()),
        rtol=1e-5, atol=1e-5,
    )  # fmt: skip


@every_case
def test_criteria_of_a_source_are_those_of_its_rows(pair: tuple) -> None:
    _, streamed, data, source = pair
    assert streamed.bic(source) == pytest.approx(streamed.bic(*data), rel=1e-12)
    assert streamed.aic(source) == pytest.approx(streamed.aic(*data), rel=1e-12)
    assert streamed.aic(source) == pytest.approx(2 * (streamed.n_free_ - streamed.loglik_))


@every_case
@pytest.mark.parametrize("cov_type", ["observed", "opg", "sandwich"])
def test_standard_errors_are_those_of_rows_in_memory(pair: tuple, cov_type: str) -> None:
    _, streamed, data, source = pair
    names = dict(zip(("X", "y", "sample_weight", "exposure"), data, strict=False))
    if isinstance(streamed, BinomialMoE):
        names["trials"] = names.pop("exposure")
    held = streamed.results(**names, cov_type=cov_type)
    read = streamed.results(source, cov_type=cov_type)
    assert read.nobs == held.nobs and read.llf == pytest.approx(held.llf, rel=1e-12)
    np.testing.assert_allclose(read.bse, held.bse, rtol=1e-7)
    assert list(read.withheld) == list(held.withheld)
    assert read.overspecification.pair == held.overspecification.pair
    assert cov_type in str(read) and read.caveats == held.caveats


@GAUSSIAN
def test_results_of_a_source_test_and_profile(pair: tuple) -> None:
    _, streamed, data, source = pair
    read, held = streamed.results(source), streamed.results(*data)
    name = read.params.index[-1]
    assert read.profile(name).interval == pytest.approx(held.profile(name).interval, rel=1e-6)
    smaller = GaussianMoE(2, n_init=2, random_state=0, variance="shared").fit(source)
    test = read.lr_test(smaller.results(source))
    assert test.statistic == pytest.approx(2 * (streamed.loglik_ - smaller.loglik_), rel=1e-6)
    other = scan_arrays(*two_lines(N, seed=9), chunk_rows=CHUNK)
    moved = GaussianMoE(2, n_init=2, random_state=0, variance="shared").fit(other)
    with pytest.raises(ValueError, match="another source"):
        read.lr_test(moved.results(other))


@GAUSSIAN
def test_what_needs_the_rows_says_so(pair: tuple) -> None:
    _, streamed, _, source = pair
    read = streamed.results(source)
    for action in (read.bootstrap, read.test_n_experts, lambda: read.marginal_effects()):
        with pytest.raises(ValueError, match="needs the rows in memory"):
            action()
    with pytest.raises(ValueError, match="groups= needs the rows"):
        streamed.results(source, cov_type="cluster", groups=np.zeros(N))
    for method in ("predict", "gate_proba", "score_samples", "responsibilities", "predict_dist"):
        with pytest.raises(TypeError, match="X is a source"):
            getattr(streamed, method)(source)
    with pytest.raises(TypeError, match="X is a source"):
        streamed.score(source)


@GAUSSIAN
def test_results_want_the_source_of_the_fit(pair: tuple) -> None:
    _, streamed, (x, y), _ = pair
    with pytest.raises(ValueError, match="not the data of the fit"):
        streamed.results(scan_arrays(x[1:], y[1:]))


def test_columns_have_their_names() -> None:
    x, y = two_lines(N)
    frame = pd.DataFrame({"dose": x[:, 0], "age": np.random.default_rng(0).normal(size=N)})
    moe = GaussianMoE(2, n_init=1, random_state=0, gate_features=["dose"])
    moe.fit(Named(frame, y))
    assert moe.feature_names_in_.tolist() == ["dose", "age"] and moe.n_features_in_ == 2
    assert moe.predict(frame).shape == (N,)
    assert "mean[0] age" in moe.results(Named(frame, y)).params
    assert "gate[0] age" not in moe.results(Named(frame, y)).params
    turned = Named(frame[["age", "dose"]], y)
    for method in (moe.bic, moe.results):
        with pytest.raises(ValueError, match="name these in this order"):
            method(turned)
    moe.set_params(gate_features=[0]).fit(scan_arrays(frame.to_numpy(), y))
    assert not hasattr(moe, "feature_names_in_")


def test_labels_of_the_last_chunk_are_classes_too() -> None:
    x, y = words()
    order = np.argsort(y, kind="stable")
    source = scan_arrays(x[order], y[order], chunk_rows=CHUNK)
    moe = MultinomialMoE(2, n_init=1, random_state=0).fit(source)
    assert moe.classes_.tolist() == ["ash", "birch", "cedar"]
    assert moe.score(x, y) > 0.5 and moe.passes_["kind"].iloc[0] == "labels"
    one = scan_arrays(x, np.full(N, "ash"))
    with pytest.raises(ValueError, match="one class only"):
        MultinomialMoE(2).fit(one)


@pytest.mark.parametrize(
    ("beside", "words"),
    [({"y": [0.0]}, "y was given"), ({"sample_weight": [1.0]}, "sample_weight was given")],
)
def test_a_source_has_its_own_responses(beside: dict, words: str) -> None:
    source = scan_arrays(*two_lines(N))
    with pytest.raises(ValueError, match=f"{words} beside a source"):
        GaussianMoE().fit(source, **beside)
    with pytest.raises(ValueError, match="exposure or trials was given beside"):
        PoissonMoE().fit(source, exposure=np.ones(N))


def test_sources_with_too_many_columns_of_responses_are_refused() -> None:
    x, y = two_lines(N)
    three = scan_arrays(x, np.column_stack([y, y, y]))
    for kind, words in ((MultinomialMoE, "one response"), (PoissonMoE, "a second one of")):
        with pytest.raises(ValueError, match=words):
            kind().fit(three)


def test_formulas_and_responsibilities_need_rows_in_memory() -> None:
    x, y = two_lines(N)
    source = scan_arrays(x, y)
    frame = pd.DataFrame({"x": x[:, 0], "y": y})
    with pytest.raises(ValueError, match="a formula learns"):
        GaussianMoE.from_formula("y ~ x", frame).fit(source)
    with pytest.raises(ValueError, match="init has responsibilities"):
        GaussianMoE(init=np.full((N, 2), 0.5)).fit(source)
    with pytest.raises(ValueError, match="has no rows"):
        GaussianMoE().fit(Named(frame[["x"]].iloc[:0], y[:0]))
    with pytest.raises(ValueError, match="n_experts=5 is larger than n_samples=4"):
        GaussianMoE(5).fit(scan_arrays(x[:4], y[:4]))


@GAUSSIAN
def test_starts_of_the_users_and_warm_starts(pair: tuple) -> None:
    held, streamed, _, source = pair
    given = GaussianMoE(2, n_init=1, init=held.measure_).fit(source)
    assert given.loglik_ == pytest.approx(streamed.loglik_, abs=1e-9 * N)
    assert given.starts_["kind"].tolist() == ["given"]
    again = clone(streamed).set_params(warm_start=True, n_init=1).fit(source).fit(source)
    assert again.starts_["kind"].tolist() == ["given"]
    assert len(again.passes_) < len(given.passes_) + 2


@every_case
def test_fits_of_sources_are_saved_and_pickled(pair: tuple, tmp_path) -> None:
    _, streamed, data, _ = pair
    mixexp.save(streamed, tmp_path / "fit.json")
    for other in (mixexp.load(tmp_path / "fit.json"), pickle.loads(pickle.dumps(streamed))):
        np.testing.assert_array_equal(other.predict(data[0]), streamed.predict(data[0]))
        assert other.loglik_ == streamed.loglik_
    assert mixexp.load(tmp_path / "fit.json").passes_.empty


def test_large_memory_maps_are_read_in_slices(tmp_path, monkeypatch) -> None:
    x, y, exposure = two_rates(N)
    mapped = np.memmap(tmp_path / "x", np.float64, "w+", shape=x.shape)
    mapped[:] = x
    small = PoissonMoE(2, n_init=1, random_state=0).fit(mapped, y, exposure=exposure)
    monkeypatch.setattr(_sources, "MEMORY_MAP_LIMIT", x.nbytes)
    large = PoissonMoE(2, n_init=1, random_state=0).fit(mapped, list(y), exposure=exposure)
    assert small.passes_.empty and not large.passes_.empty
    assert large.loglik_ == pytest.approx(small.loglik_, abs=1e-9 * N)
    assert large.bic(mapped, y, exposure=exposure) == pytest.approx(
        small.bic(mapped, y, exposure=exposure)
    )
    # Predictions have a row for each row anyway.
    assert large.predict(mapped).shape == (N,)


def test_progress_tells_pass_rows_and_likelihood() -> None:
    source = scan_arrays(*two_lines(N), chunk_rows=CHUNK)
    with redirect_stderr(io.StringIO()) as told:
        moe = GaussianMoE(2, n_init=1, random_state=0, verbose=2).fit(source)
    text = told.getvalue()
    assert "pass 1 (survey)" in text and "pass 2 (information)" in text
    assert "rows/s" in text and "log-likelihood" in text
    assert f"{N / 1000:.2f}k/{N / 1000:.2f}k" in text
    lines = [line for line in text.replace("\r", "\n").split("\n") if " a row" in line]
    assert f"{moe.loglik_ / N:.8f} a row" in "".join(lines)
    with redirect_stderr(io.StringIO()) as told:
        GaussianMoE(2, n_init=1, random_state=0).fit(source)
    assert not told.getvalue()


def test_checkpoints_are_no_metadata() -> None:
    assert "checkpoint" not in str(GaussianMoE().get_metadata_routing())
    assert "exposure" in str(PoissonMoE().get_metadata_routing())
    assert "checkpoint" not in str(PoissonMoE().get_metadata_routing())


class Heard:
    """A callback that keeps the estimators it gets, and may end the search."""

    def __init__(self, ends: bool = False):
        self.ends, self.fits = ends, []

    def setup(self, estimator, context):
        pass

    def teardown(self, estimator, context):
        pass

    def on_fit_task_begin(self, estimator, context):
        pass

    def on_fit_task_end(self, estimator, context, *, X, y, metadata, fitted_estimator):
        if context.task_name.startswith("start ("):
            self.fits.append(fitted_estimator)
            return self.ends
        return False


def test_callbacks_hear_of_fits_to_sources() -> None:
    pytest.importorskip("sklearn.callback", reason="scikit-learn has callbacks since 1.9")
    x, y = two_lines(N)
    source = scan_arrays(x, y, chunk_rows=CHUNK)
    heard = Heard()
    moe = GaussianMoE(2, n_init=1, random_state=0).set_callbacks(heard).fit(source)
    first = heard.fits[0]
    assert first.loglik_ == pytest.approx(first.score_samples(x, y).sum(), rel=1e-9)
    assert heard.fits[-1].loglik_ == pytest.approx(moe.loglik_, abs=1e-4)
    ended = GaussianMoE(2, n_init=1, random_state=0).set_callbacks(Heard(ends=True)).fit(source)
    assert ended.converged_
    assert any("ended the search after 1 starts" in f for f in ended.certificate_.findings)


def test_experts_that_may_be_one_are_found_over_all_chunks() -> None:
    x, y = two_lines(N)
    order = np.argsort(x[:, 0])
    x, y = x[order], y[order]
    held = GaussianMoE(3, n_init=2, random_state=0).fit(x, y)
    source = scan_arrays(x, y, chunk_rows=CHUNK)
    streamed = GaussianMoE(3, n_init=1, init=held.measure_).fit(source)
    ours, theirs = (r.overspecification for r in (streamed.results(source), streamed.results(x, y)))
    assert ours.found and ours.pair == theirs.pair
    assert ours.difference == pytest.approx(theirs.difference, abs=1e-6)


@GAUSSIAN
def test_a_later_fit_in_memory_has_no_passes(pair: tuple) -> None:
    _, streamed, data, source = pair
    moe = clone(streamed).set_params(n_init=1).fit(source)
    assert not moe.passes_.empty
    assert moe.fit(*data).passes_.empty
