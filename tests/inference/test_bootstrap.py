"""The bootstrap: what is drawn, how labels are matched, what is counted, and what is computed."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest

from mixexp import BinomialMoE, GaussianMoE, MultinomialMoE, PoissonMoE
from mixexp.datasets import load_faithful
from mixexp.inference import bootstrap as module
from mixexp.inference.alignment import has_pinned_reference, matching_order, permuted
from mixexp.inference.bootstrap import Replicate, bootstrap
from mixexp.inference.bootstrap_table import Bootstrap
from mixexp.inference.fitted import Fitted
from mixexp.inference.resampling import CaseSampler, LawSampler, seed_sequences
from mixexp.models import TopK
from tests.instances import PAIRS, problem


@pytest.fixture(scope="module")
def faithful():
    frame = load_faithful()
    return frame[["eruptions"]].to_numpy(), frame["waiting"].to_numpy(dtype=float)


@pytest.fixture(scope="module")
def lines():
    """Two crossing lines under a constant gate: nothing separates."""
    rng = np.random.default_rng(5)
    x = rng.uniform(-1.0, 1.0, size=(200, 1))
    up = rng.random(200) < 0.4
    y = np.where(up, 2.0 + x[:, 0], -2.0 - x[:, 0]) + 0.4 * rng.normal(size=200)
    moe = GaussianMoE(2, gate_features=[], n_init=3, random_state=0).fit(x, y)
    return moe.results(x, y)


def fake(fitted: Fitted, psi, regular: bool = True, flags: tuple[str, ...] = ()) -> Replicate:
    return Replicate(np.asarray(psi, dtype=float), -1.0, regular, flags, 0.01)


# What is drawn


def test_cases_are_multinomial_counts_of_the_rows(lines):
    fitted = lines.fitted
    totals = np.zeros(200)
    for seed in seed_sequences(0, 400):
        sample = CaseSampler(fitted).draw(np.random.default_rng(seed))
        assert sample.weight.sum() == 200.0 and sample.weight.min() >= 1.0
        totals[np.searchsorted(np.sort(fitted.x[:, 0]), sample.x[:, 0])] += sample.weight
    # 400 draws of mean 1 and variance 1 - 1/n for each of 200 rows.
    assert abs(totals / 400 - 1.0).max() < 5.0 / 20.0
    assert np.var(totals / 20.0) == pytest.approx(1.0, abs=0.35)


def test_groups_are_drawn_whole(lines):
    groups = np.arange(200) // 4
    sampler = CaseSampler(lines.fitted, groups)
    sample = sampler.draw(np.random.default_rng(0))
    place = {value: i for i, value in enumerate(lines.fitted.x[:, 0])}
    of = groups[[place[value] for value in sample.x[:, 0]]]
    for group in np.unique(of):
        assert len(set(sample.weight[of == group])) == 1 and np.sum(of == group) == 4
    drawn = [sample.weight[of == group][0] for group in np.unique(of)]
    assert sum(drawn) == 50.0


def test_whole_weights_are_observations_and_others_stay_with_their_row():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(80, 1))
    weight = rng.integers(0, 4, size=80).astype(float)
    moe = GaussianMoE(1).fit(x, x[:, 0] + rng.normal(size=80), weight)
    y = moe.predict(x) + rng.normal(size=80)
    fitted = Fitted.of(moe.fit(x, y, weight), x, y, weight)
    of = dict(zip(x[:, 0], weight, strict=True))
    draws = [CaseSampler(fitted).draw(np.random.default_rng(s)) for s in seed_sequences(1, 300)]
    assert all(draw.weight.sum() == weight.sum() for draw in draws)
    heavy = float(x[np.argmax(weight), 0])
    mean = np.mean([draw.weight[draw.x[:, 0] == heavy].sum() for draw in draws])
    assert mean == pytest.approx(weight.max(), abs=4.0 * np.sqrt(weight.max() / 300))
    units = CaseSampler(fitted, frequency=False).draw(np.random.default_rng(1))
    counts = units.weight / np.array([of[value] for value in units.x[:, 0]])
    np.testing.assert_array_equal(counts, np.round(counts))
    assert counts.sum() == np.sum(weight > 0.0)
    law = LawSampler(fitted).draw(np.random.default_rng(1))
    assert len(law.x) == weight.sum() and law.weight is None
    kept = LawSampler(fitted, frequency=False).draw(np.random.default_rng(1))
    np.testing.assert_array_equal(kept.weight, fitted.weight)


def test_the_law_is_drawn_from_at_the_rows_with_their_exposures():
    rng = np.random.default_rng(0)
    x = 50.0 + rng.normal(size=(300, 1))
    exposure = rng.uniform(0.5, 9.0, size=300)
    y = rng.poisson(exposure * np.exp(0.5 + 0.4 * (x[:, 0] - 50.0)))
    moe = PoissonMoE(2, gate_features=[], n_init=2, random_state=0).fit(x, y, exposure=exposure)
    fitted = moe.results(x, y, exposure=exposure).fitted
    sampler = LawSampler(fitted)
    draws = [sampler.draw(np.random.default_rng(s)) for s in seed_sequences(3, 400)]
    np.testing.assert_array_equal(draws[0].x, x)
    np.testing.assert_allclose(fitted.model.expert.known(draws[0].response), exposure)
    means = np.mean([draw.response[0] for draw in draws], axis=0)
    law = moe.predict_dist(x, exposure)
    error = law.standard_deviation() / 20.0
    assert np.sqrt(np.mean(((means - law.mean()) / error) ** 2)) == pytest.approx(1.0, abs=0.15)


# Labels


def test_the_order_is_the_best_of_all_permutations():
    rng = np.random.default_rng(0)
    for _ in range(20):
        r, other = rng.dirichlet(np.ones(4), 30), rng.dirichlet(np.ones(4), 30)
        weight = rng.uniform(size=30)
        order = matching_order(r, other, weight)

        def affinity(p, r=r, other=other, weight=weight):
            return weight @ np.sqrt(r * other[:, list(p)]).sum(axis=1)

        assert affinity(order) == pytest.approx(max(map(affinity, permutations(range(4)))))
        held = matching_order(r, other, weight, last_stays=True)
        best = max(affinity((*p, 3)) for p in permutations(range(3)))
        assert held[-1] == 3 and affinity(held) == pytest.approx(best)


@PAIRS
def test_experts_in_another_order_are_the_same_law(gate, expert):
    case = problem(gate, expert, n_experts=3, n_columns=2)
    layout = case.objective.layout
    order = np.array([1, 0, 2] if has_pinned_reference(layout) else [2, 0, 1])
    theta = permuted(layout, case.theta, order)
    before, after = case.objective.evaluate(case.theta), case.objective.evaluate(theta)
    assert after.value == pytest.approx(before.value, rel=1e-9)
    r = case.objective.responsibilities(case.theta)
    np.testing.assert_allclose(case.objective.responsibilities(theta), r[:, order], atol=1e-9)
    if has_pinned_reference(layout):
        with pytest.raises(ValueError, match="keep it last"):
            permuted(layout, case.theta, np.array([2, 0, 1]))


def test_a_replicate_gets_the_labels_of_the_fit(lines):
    fitted = lines.fitted
    swapped = permuted(fitted.model.layout, fitted.psi, np.array([1, 0]))
    assert abs(swapped - fitted.psi).max() > 1.0
    aligned = module._aligned(fitted, fake(fitted, swapped))
    np.testing.assert_allclose(aligned.psi, fitted.psi, atol=1e-9)


# What is computed


def test_with_one_expert_every_replicate_is_least_squares(faithful):
    x, y = faithful
    fitted = Fitted.of(moe := GaussianMoE(1).fit(x, y), x, y, None)
    found = bootstrap(fitted, moe, 20, random_state=3)
    sampler = CaseSampler(fitted)
    for row, seed in zip(found.replicates.to_numpy(), seed_sequences(3, 20), strict=True):
        sample = sampler.draw(np.random.default_rng(seed.spawn(2)[0]))
        design = np.column_stack([np.ones(len(sample.x)), sample.x]) * np.sqrt(
            sample.weight[:, None]
        )
        response = sample.response[0] * np.sqrt(sample.weight)
        beta = np.linalg.lstsq(design, response, rcond=None)[0]
        variance = np.sum((response - design @ beta) ** 2) / sample.weight.sum()
        np.testing.assert_allclose(row, [*beta, np.log(variance)], rtol=1e-8)
    assert found.n_failed == 0 and (found.fits["seconds"] > 0.0).all()


def test_standard_errors_are_near_those_of_normal_theory(lines):
    parametric = lines.bootstrap(150, kind="parametric", random_state=0, n_starts=0)
    ratio = parametric.bse / lines.bse
    # 150 replicates know a standard deviation to 6 percent.
    assert ratio.between(0.8, 1.25).all(), ratio
    assert (parametric.bias.abs() < 4.0 * parametric.bse / np.sqrt(150) + 0.1 * lines.bse).all()


def test_intervals_are_quantiles_and_their_reflections(lines):
    fitted = lines.fitted
    rng = np.random.default_rng(0)
    draws = fitted.psi + rng.normal(size=(99, fitted.n_free))
    found = Bootstrap.of(fitted, [fake(fitted, row) for row in draws], kind="case", n_boot=99)
    ends = found.conf_int(0.1)
    np.testing.assert_allclose(ends["lower"], np.quantile(draws, 0.05, axis=0))
    np.testing.assert_allclose(ends["upper"], np.quantile(draws, 0.95, axis=0))
    basic = found.conf_int(0.1, "basic")
    np.testing.assert_allclose(basic["lower"], 2.0 * fitted.psi - ends["upper"])
    np.testing.assert_allclose(basic["upper"], 2.0 * fitted.psi - ends["lower"])
    np.testing.assert_allclose(found.bse, draws.std(axis=0, ddof=1))
    assert list(found.table.columns) == ["estimate", "bias", "bse", "lower", "upper"]
    with pytest.raises(ValueError, match="use n_boot=400 or more"):
        found.conf_int(0.01)
    with pytest.raises(ValueError, match=r"alpha=2 is not in \(0, 1\)"):
        found.conf_int(2)
    with pytest.raises(ValueError, match="method='bca' is neither"):
        found.conf_int(method="bca")


def test_what_failed_is_counted_and_kept(lines):
    fitted = lines.fitted
    nothing = np.full(fitted.n_free, np.nan)
    replicates = [
        *(fake(fitted, fitted.psi + 0.1 * i) for i in range(90)),
        fake(fitted, fitted.psi + 99.0, False, ("thin expert",)),
        fake(fitted, nothing, False, ("ValueError: one class",)),
    ]
    found = Bootstrap.of(fitted, replicates, kind="case", n_boot=92)
    assert (found.n_done, found.n_used, found.n_failed) == (92, 91, 2)
    assert found.conf_int(0.05)["upper"].notna().all()
    assert found.bse.min() > found.replicates.iloc[:90].std().max()
    assert "thin expert: 1" in found.message and "one class: 1" in found.message
    assert found.fits["flags"].iloc[-2] == "thin expert"


def test_a_data_set_that_cannot_be_fitted_does_not_end_the_run(lines, monkeypatch):
    calls = iter(range(10))
    honest = CaseSampler.draw

    def draw(self, rng):
        if next(calls) == 2:
            raise ValueError("no rows")
        return honest(self, rng)

    monkeypatch.setattr(CaseSampler, "draw", draw)
    found = lines.bootstrap(4, random_state=0, n_starts=0)
    assert found.n_failed == 1 and found.replicates.iloc[2].isna().all()
    assert "ValueError: no rows: 1" in repr(found)


def test_an_interrupt_keeps_what_is_there(lines, monkeypatch):
    calls = iter(range(10))
    honest = CaseSampler.draw

    def draw(self, rng):
        if next(calls) == 3:
            raise KeyboardInterrupt
        return honest(self, rng)

    monkeypatch.setattr(CaseSampler, "draw", draw)
    found = lines.bootstrap(6, random_state=0, n_starts=0)
    assert found.interrupted and found.n_done == 3 and "interrupted" in found.message
    calls = iter([3])
    with pytest.raises(KeyboardInterrupt):
        lines.bootstrap(6, random_state=0, n_starts=0)


def test_parameters_that_are_not_identified_have_no_standard_errors(lines):
    fitted = lines.fitted
    unknown = np.zeros(fitted.n_free, dtype=bool)
    unknown[1] = True
    moe = lines.estimator
    found = bootstrap(fitted, moe, 80, random_state=0, n_starts=0, unidentified=unknown)
    assert np.isnan(found.bse.iloc[1]) and found.bse.drop(found.bse.index[1]).notna().all()
    assert found.conf_int().iloc[1].isna().all() and found.replicates.iloc[:, 1].notna().all()
    assert f"not identified, so neither standard errors nor intervals: {fitted.names[1]}" in repr(
        found
    )


# How it is run


def test_workers_and_progress_change_nothing(lines, capsys):
    one = lines.bootstrap(6, random_state=7)
    two = lines.bootstrap(6, random_state=7, n_jobs=2, progress=True)
    np.testing.assert_array_equal(one.replicates, two.replicates)
    assert "case bootstrap: 100%" in capsys.readouterr().err
    more = lines.bootstrap(8, random_state=7)
    np.testing.assert_array_equal(one.replicates, more.replicates.iloc[:6])
    assert not np.array_equal(one.replicates, lines.bootstrap(6, random_state=8).replicates)


@pytest.mark.parametrize("kind", ["case", "parametric"])
@pytest.mark.parametrize("family", ["counts", "trials", "classes", "responses", "sparse"])
def test_every_estimator_has_one(family, kind):
    rng = np.random.default_rng(0)
    x = rng.uniform(-1.0, 1.0, size=(150, 2))
    up = rng.random(150) < 0.5
    known = {}
    if family == "counts":
        known["exposure"] = rng.uniform(1.0, 3.0, size=150)
        moe = PoissonMoE(2, gate_features=[], n_init=2, random_state=0)
        y = rng.poisson(known["exposure"] * np.where(up, 6.0, 1.0))
    elif family == "trials":
        known["trials"] = rng.integers(5, 20, size=150)
        moe = BinomialMoE(2, gate_features=[], n_init=2, random_state=0)
        y = rng.binomial(known["trials"], np.where(up, 0.8, 0.2))
    elif family == "classes":
        moe = MultinomialMoE(2, n_init=2, random_state=0)
        y = np.where(x[:, 0] + 0.5 * rng.normal(size=150) > 0.0, "red", "blue")
    elif family == "responses":
        moe = GaussianMoE(2, gate_features=[], n_init=2, random_state=0)
        y = np.where(up, 2.0, -2.0)[:, None] + rng.normal(size=(150, 2))
    else:
        moe = GaussianMoE(2, TopK(1, select="logit"), n_init=2, random_state=0)
        y = np.where(x[:, 0] > 0.0, 2.0, -2.0) + 0.3 * rng.normal(size=150)
    results = moe.fit(x, y, **known).results(x, y, **known)
    found = results.bootstrap(3, kind, random_state=0, n_starts=1)
    assert found.n_used == 3 and list(found.replicates.columns) == results.fitted.names
    assert np.isfinite(found.fits["loglik"]).all()


def test_groups_of_the_results_are_the_groups_of_the_bootstrap(lines):
    fitted, moe = lines.fitted, lines.estimator
    groups = np.arange(200) // 4
    grouped = moe.results(fitted.x, fitted.y, cov_type="cluster", groups=groups)
    ours = grouped.bootstrap(3, random_state=0, n_starts=0)
    given = lines.bootstrap(3, random_state=0, n_starts=0, groups=groups)
    np.testing.assert_array_equal(ours.replicates, given.replicates)


def test_errors_name_the_argument(lines):
    with pytest.raises(ValueError, match="n_boot=1 replicates have no spread"):
        lines.bootstrap(1)
    with pytest.raises(ValueError, match="kind='block' is neither 'case'"):
        lines.bootstrap(9, kind="block")
    with pytest.raises(ValueError, match="use kind='case', which draws whole groups"):
        lines.bootstrap(9, kind="parametric", groups=np.arange(200))
    with pytest.raises(ValueError, match="n_starts=-1 must not be negative"):
        lines.bootstrap(9, n_starts=-1)
    with pytest.raises(ValueError, match="n_jobs=0 runs nothing"):
        lines.bootstrap(9, n_jobs=0)


@pytest.mark.parametrize("n_boot", [2.5, "9", None])
def test_a_number_of_data_sets_is_an_integer(n_boot) -> None:
    frame = load_faithful()
    X, y = frame[["eruptions"]], frame["waiting"]
    results = GaussianMoE(n_experts=1).fit(X, y).results(X, y)
    for run in (results.bootstrap, results.test_n_experts):
        with pytest.raises(TypeError, match="is not an integer"):
            run(n_boot)
