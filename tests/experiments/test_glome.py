"""The GLoME study: laws against known constants, losses against finer grids, a toy run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from experiments.glome import __main__ as glome
from experiments.glome import paths, published, studies
from experiments.glome.decay import decays
from experiments.glome.divergences import draws_of, grid_of, losses
from experiments.glome.paths import Theta, doubled, fit_path
from experiments.glome.processes import PROCESSES, density_of_x, gates
from experiments.glome.selecting import CONTRASTS, counts, select, selections
from mixexp.estimation.gllim.fit import JointOptions
from mixexp.models.gllim import GLLiM
from mixexp.models.gllim.density import log_densities

# Entropy of y given x, and KL of the best straight line with one variance, nats.
ENTROPY = {"WS": 0.503874, "MS": 0.546448}
LINE = {"WS": (-1.76977, 1.42488, 0.87895, 0.85055), "MS": (-1.70419, 0.66409, 1.09429, 0.91754)}

TINY = glome.Plan(
    cells=1, decay=1, imposed=1, paths=1, seeds=1, seconds=100.0, sizes=(2000,), max_experts=3,
    n_init=2,
)  # fmt: skip


@pytest.mark.parametrize("name", PROCESSES)
def test_entropy_of_the_response_is_the_known_one(name):
    grid = grid_of(PROCESSES[name])
    assert grid.probability.sum() == pytest.approx(1.0, abs=1e-6)
    assert -grid.probability @ grid.truth == pytest.approx(ENTROPY[name], abs=2e-6)


@pytest.mark.parametrize("name", PROCESSES)
def test_kl_of_the_best_line_is_the_known_one(name):
    slope, intercept, variance, kl = LINE[name]

    def log_line(x, y):
        return -0.5 * (y - intercept - slope * x) ** 2 / variance - 0.5 * np.log(
            2 * np.pi * variance
        )

    assert losses(grid_of(PROCESSES[name]), log_line).kl == pytest.approx(kl, abs=2e-5)


@pytest.mark.parametrize("name", PROCESSES)
def test_losses_vanish_at_the_truth_alone(name):
    process = PROCESSES[name]
    grid = grid_of(process)
    assert losses(grid, process.log_density) == (0.0, 0.0)

    def shifted(x, y):
        return process.log_density(x, y - 0.03)

    # A shift by a tenth of the standard deviation of separate experts costs half its square.
    found = losses(grid, shifted)
    assert 0.003 < found.kl < 0.005
    assert 0.0 < found.jkl < found.kl


def test_sample_has_the_law_of_its_density():
    process = PROCESSES["MS"]
    x, y = process.sample(200_000, np.random.default_rng(3))
    log_density = process.log_density(x, y)
    error = 5.0 * log_density.std() / np.sqrt(x.size)
    assert -log_density.mean() == pytest.approx(ENTROPY["MS"], abs=error)
    heights, edges = np.histogram(x, bins=40, range=(-1, 2), density=False)
    expected = density_of_x((edges[1:] + edges[:-1]) / 2) * np.diff(edges) * x.size
    assert np.abs(heights - expected).max() < 5.0 * np.sqrt(expected.max())
    assert gates(x).sum(axis=0) == pytest.approx(np.ones(x.size))


@pytest.fixture(scope="module")
def overfitted():
    """A law with narrow experts: ten of them, fitted to 300 rows."""
    process = PROCESSES["WS"]
    x, y = process.sample(300, np.random.default_rng(8))
    laws = []

    def keep(law):
        laws.append(law)
        return {}

    rows = fit_path(x, y, studies.THETA, 8, n_init=2, seed=0, measure=keep)
    return process, x, y, laws[-1], pd.DataFrame(rows)


def test_quadrature_is_fine_enough_for_the_narrowest_fits(overfitted):
    process, _, _, law, rows = overfitted
    assert rows["on_floor"].iloc[-1] > 0

    def log_density(x, y):
        return law.log_prob(x.reshape(-1, 1), y)

    coarse = losses(grid_of(process), log_density)
    fine = losses(grid_of(process, 960, 420), log_density)
    assert coarse.kl == pytest.approx(fine.kl, rel=1e-3)
    assert coarse.jkl == pytest.approx(fine.jkl, rel=1e-3)


def test_simulated_losses_agree_with_quadrature_at_many_draws(overfitted):
    process, *_, law, _ = overfitted
    x, _ = process.sample(20_000, np.random.default_rng(9))
    draws = draws_of(process, x, np.random.default_rng(10))

    def log_density(x, y):
        return law.log_prob(x.reshape(-1, 1), y)

    exact, simulated = losses(grid_of(process), log_density), losses(draws, log_density)
    assert simulated.kl == pytest.approx(exact.kl, rel=0.05)


def test_contrasts_are_joint_and_conditional_likelihoods_of_the_same_law(overfitted):
    _, x, y, law, rows = overfitted
    last = rows.iloc[-1]
    assert last["conditional_nll"] == pytest.approx(-law.log_prob(x[:, None], y).sum())
    params = law.user_params
    logs = log_densities(params, x[None], law.model.features(x[None]), y[None])
    joint = np.logaddexp.reduce(logs.gate + logs.expert, axis=0).sum()
    assert last["joint_nll"] == pytest.approx(-joint)
    assert rows["dim"].tolist() == [6 * k - 1 for k in range(1, 9)]
    assert rows["conditional_dim"].tolist() == [6 * k - 3 for k in range(1, 9)]


def test_fits_stay_in_theta_and_never_rise(overfitted):
    *_, law, rows = overfitted
    params = GLLiM(8, 1, 1).rescale(law.params, law.scaling)
    forward = np.sqrt(law.noise.diagonal()[:, 0])
    assert np.isfinite(params.table).all() and (forward > 0).all()
    assert rows["certified"].all() and not rows["rises"].any()
    assert (np.diff(rows["joint_nll"]) < 0.01).all()


def test_copies_are_as_likely_as_the_fit_they_come_from():
    x, y = PROCESSES["WS"].sample(500, np.random.default_rng(2))
    laws = []

    def keep(law):
        laws.append(law)
        return {}

    fit_path(x, y, studies.THETA, 2, n_init=2, seed=0, measure=keep)
    params = laws[-1].user_params
    phi = laws[-1].model.features(x[None])

    def loglik(params):
        logs = log_densities(params, x[None], phi, y[None])
        return np.logaddexp.reduce(logs.gate + logs.expert, axis=0).sum()

    for double in doubled(params):
        assert double.weight.sum() == pytest.approx(1.0)
        assert loglik(double) == pytest.approx(loglik(params), abs=0.02 * x.size)
        assert len(np.unique(double.table, axis=0)) == 3


def optimum(value, *, thin=(), holds=True):
    certificate = SimpleNamespace(holds=holds)
    return SimpleNamespace(value=value, thin=thin, certificate=certificate, standard=value)


def test_shares_come_before_certificates_and_these_before_the_likelihood():
    high, unsure = optimum(9.0, thin=(1,)), optimum(5.0, holds=False)
    good, best = optimum(2.0), optimum(3.0)
    assert max([high, unsure, good, best], key=paths.rank) is best
    assert max([high, unsure], key=paths.rank) is unsure


@pytest.mark.parametrize(("second", "rises"), [(5.0, False), (3.0, True)])
def test_a_fit_worse_than_a_smaller_one_is_tried_once_more(monkeypatch, second, rises):
    values, asked = iter([2.0, second]), []

    def fake(*_, options, given, previous):
        asked.append((options.n_init, options.seed, given))
        return SimpleNamespace(optima=[optimum(next(values))])

    monkeypatch.setattr(paths, "fit_joint", fake)
    monkeypatch.setattr(paths, "doubled", lambda params: ["copy", "other copy"])
    before = paths.PathFit(None, optimum(4.0), 1, False, 0.0, 0.0)._replace(params="smaller fit")
    fitted = paths.next_fit(None, None, None, JointOptions(n_init=4, seed=7), before, ["mine"])
    assert asked == [(4, 7, ["copy", "mine"]), (12, 8, ["copy", "other copy", "mine"])]
    assert fitted.retried and fitted.optimum.value == second and fitted.n_optima == 2
    assert (fitted.rise > paths.TOLERATED_RISE) is rises


def test_floors_hold_on_the_scale_of_the_data():
    x, y = PROCESSES["WS"].sample(300, np.random.default_rng(4))
    wide = Theta(response=0.8, covariate=0.3, share=0.0)
    laws = []

    def keep(law):
        laws.append(law)
        return {}

    rows = fit_path(x, y, wide, 2, n_init=3, seed=0, measure=keep)
    # The inverse of an inverse: the gate's y and the expert's x given y.
    forward = laws[-1].user_params
    slope, gate = forward.coef[:, 0, 0], forward.gate_covariance.diagonal()[:, 0]
    noise = forward.covariance.diagonal()[:, 0]
    y_variance = noise + slope**2 * gate
    x_given_y = gate - (slope * gate) ** 2 / y_variance
    assert np.sqrt(y_variance).min() >= 0.8 - 1e-9
    assert np.sqrt(x_given_y).min() == pytest.approx(0.3)
    assert rows[-1]["on_floor"] > 0


def test_random_streams_do_not_depend_on_the_other_process():
    both = studies.processes_study({300: 1}, max_experts=2, n_init=2)
    alone = studies.processes_study({300: 1}, max_experts=2, n_init=2, processes=("WS",))
    first, second = (studies.one_data_set(study.tasks()[0]) for study in (both, alone))
    assert [row["kl"] for row in first if row["process"] == "WS"] == [row["kl"] for row in second]


def test_criteria_take_their_own_contrast_and_dimension():
    k = np.arange(1, 13)
    falling = 1000.0 / k**4
    path = pd.DataFrame(
        {
            "experts": k, "dim": 6 * k - 1, "conditional_dim": 6 * k - 3, "entropy": 0.0,
            "joint_nll": falling - 3.0 * k + 0.1 * np.sin(k**2), "conditional_nll": -50.0 * k,
        }
    )  # fmt: skip
    joint, conditional = (select(path, 1000, contrast) for contrast in CONTRASTS)
    assert joint["BIC"] < 5 and conditional["BIC"] == 12
    assert joint["jump"] == 4
    path["entropy"] = 1e4 * (k > 2)
    assert select(path, 1000, CONTRASTS[0])["ICL"] <= 2


def test_fewer_models_than_the_rules_need_select_nothing():
    path = pd.DataFrame(
        {"experts": [1, 2], "dim": [5, 11], "joint_nll": [9.0, 1.0], "entropy": 0.0}
    )
    chosen = select(path, 100, CONTRASTS[0])
    assert chosen["jump"] is None and chosen["slope"] is None and not chosen["trustworthy"]


def test_published_counts_are_of_a_hundred():
    for numbers in (*published.selection_counts().values(), *published.ethanol_counts().values()):
        assert sum(numbers) == 100
    assert len(published.decay("MS")) == 11
    assert counts(pd.DataFrame({"selected": [1, 3, None]}), 4) == [1, 1, 0]


def test_slopes_of_exact_rates_are_found():
    rng = np.random.default_rng(0)
    rows = [
        {"process": name, "n": n, "replicate": r, "contrast": "conditional", "criterion": "jump",
         "selected": 2, "experts": 2, "trustworthy": True,
         "kl": rng.chisquare(9) / (2 * n) if name == "WS" else n**-0.6}
        for name in ("WS", "MS") for n in (1000, 2000, 4000, 10_000) for r in range(30)
    ]  # fmt: skip
    frame = pd.DataFrame(rows)
    selected, imposed, misspecified = decays(frame, frame)
    assert selected.verdict == imposed.verdict == "agrees"
    assert selected.slope.low < -1.0 < selected.slope.high
    assert misspecified.slope.estimate == pytest.approx(-0.6)


@pytest.fixture(scope="module")
def toy_run(tmp_path_factory):
    """A run of the command line with one data set and K up to 3, begun, resumed and repeated."""
    folder = tmp_path_factory.mktemp("glome")
    arguments = ["--quick", "--jobs", "1", "--results", str(folder)]
    plans = {"quick": TINY}
    glome.main([*arguments, "--time-limit", "0"], plans)
    begun = sorted(path.name for path in folder.iterdir())
    glome.main(arguments, plans)
    return folder, arguments, begun


def test_a_run_without_time_leaves_a_store_to_resume(toy_run):
    _, _, begun = toy_run
    assert "glome.sqlite" in begun and "glome.md" not in begun


def test_the_command_writes_tables_and_figures(toy_run):
    folder, *_ = toy_run
    text = (folder / "glome.md").read_text()
    assert "not the 100 of the published study" in text and "2000: 1 of 1" in text
    assert "published, jump | 99" in text
    for name in ("selection", "kl", "decay", "ethanol"):
        assert (folder / f"glome_{name}.png").stat().st_size > 10_000
    frame = pd.read_parquet(folder / "glome_processes.parquet")
    assert frame.groupby("process")["experts"].apply(list).to_dict() == {
        "MS": [1, 2, 3], "WS": [1, 2, 3],
    }  # fmt: skip
    assert frame["error"].isna().all() and frame["certified"].all()
    two = frame[frame["experts"] == 2].set_index("process")["kl"]
    assert two["WS"] < 0.01 and two["MS"] == pytest.approx(0.067, abs=0.01)


def test_a_second_run_fits_nothing_and_says_the_same(toy_run, monkeypatch):
    folder, arguments, _ = toy_run
    before = (folder / "glome.md").read_text()

    def must_not_run(*_, **__):
        raise AssertionError("a finished task ran again")

    monkeypatch.setattr(studies, "fit_path", must_not_run)
    glome.main(arguments, {"quick": TINY})
    assert (folder / "glome.md").read_text() == before


def test_more_data_sets_are_added_to_those_there_are(toy_run):
    folder, *_ = toy_run
    more = replace(TINY, cells=2)
    with glome.ResultStore(Path(folder) / "glome.sqlite") as store:
        study = more.studies()["processes"]
        assert store.finished(study) == {(2000, 0)}


def test_quick_default_and_full_keep_their_promises():
    quick, default, full = (glome.PLANS[name] for name in ("quick", "default", "full"))
    assert (quick.seconds, default.cells, full.cells) == (100.0, 10, 100)
    assert default.seconds <= 40 * 60 and full.seconds <= 6 * 3600
    assert {n: r for n, r in full.replicates().items() if r == 100} == {2000: 100, 10_000: 100}
    configs = [plan.studies()["processes"].config for plan in (default, full)]
    assert configs[0] == configs[1]


def test_selected_losses_are_those_of_the_selected_fit():
    k = np.arange(1, 13)
    frame = pd.DataFrame(
        {
            "process": "WS", "n": 2000, "replicate": 0, "experts": k, "dim": 6 * k - 1,
            "conditional_dim": 6 * k - 3, "joint_nll": 1000.0 / k**4 - 3.0 * k + 0.1 * np.sin(k**2),
            "conditional_nll": 1000.0 / k**4 - 3.0 * k, "entropy": 0.0, "kl": 0.01 * k,
        }
    )  # fmt: skip
    found = selections(frame, "process")
    assert len(found) == 10
    assert (found["kl"] == 0.01 * found["selected"].astype(int)).all()
