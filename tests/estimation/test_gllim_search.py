"""Starts of joint fits, and what becomes of experts that die or coincide."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mixexp import BLoME, GaussianMoE, GLoME
from mixexp.datasets import load_faithful, load_mcycle, load_tonedata
from mixexp.estimation.gllim import fit as joint_fit
from mixexp.estimation.gllim.climb import Climb, Climber
from mixexp.estimation.gllim.data import JointData
from mixexp.estimation.gllim.em import JointEM
from mixexp.estimation.gllim.fit import JointOptions, fit_joint
from mixexp.estimation.gllim.lines import by_local_lines
from mixexp.estimation.gllim.repair import moved_apart, revived
from mixexp.models import GaussianGate
from mixexp.models.covariances import BlockDiagonal, Isotropic
from mixexp.models.gllim import GLLiM


def faithful():
    table = load_faithful()
    return table[["eruptions"]].to_numpy(), table["waiting"].to_numpy()


@pytest.mark.parametrize(
    ("load", "x", "y", "n_experts"),
    [(load_mcycle, "times", "accel", 2), (load_tonedata, "stretchratio", "tuned", 3)],
)
def test_both_directions_of_one_law_end_at_one_optimum(load, x, y, n_experts):
    table = load()
    inverse, direct = (
        GLoME(n_experts, direction=d, random_state=0).fit(table[[x]], table[y])
        for d in ("inverse", "direct")
    )
    assert inverse.joint_loglik_ == pytest.approx(direct.joint_loglik_, abs=1e-6)


def test_conditional_fits_start_from_more_than_the_best_joint_optimum():
    table = load_mcycle()
    X, y = table[["times"]], table["accel"]
    fit = GLoME(2, likelihood="conditional", random_state=0).fit(X, y)
    own = GaussianMoE(2, GaussianGate(), random_state=0).fit(X, y)
    assert fit.loglik_ >= own.loglik_ - 1e-3
    starts = fit.optima_["start"].str.startswith("joint optimum")
    assert starts.sum() > 1
    assert fit.loglik_ == pytest.approx(fit.optima_["loglik"][starts].max(), abs=1e-9)


def test_a_dead_expert_is_brought_back():
    x, y = faithful()
    all_in_one = np.tile([1.0, 0.0], (len(x), 1))
    dead = GLoME(2, init=all_in_one, n_init=1).fit(x, y)
    assert dead.converged_
    assert dead.joint_loglik_ == pytest.approx(-1130.264, abs=1e-3)
    model, data = JointData.from_rows(GLLiM(2, 1, 1), y[:, None], x)
    em = JointEM(model, data)
    params = em.from_responsibilities(all_in_one)
    mass = em.statistics(params).mass
    assert em.statistics(revived(em, params, mass)).mass.min() > 10.0


def test_experts_that_coincide_are_no_certified_optimum_of_em_alone():
    rng = np.random.default_rng(0)
    z = rng.integers(2, size=300)
    y = rng.normal(size=300) + 5.0 * z
    X = np.where(z[:, None], y[:, None], -y[:, None]) + rng.normal(size=(300, 3))
    same = GLoME(2, covariance=Isotropic(), n_latent=1, init=np.full((300, 2), 0.5), n_init=1).fit(
        X, y
    )
    one = GLoME(1, covariance=Isotropic(), n_latent=1).fit(X, y)
    assert same.joint_loglik_ > one.joint_loglik_ + 50.0
    assert moved_apart(same._standard) is None
    assert moved_apart(one._standard.take([0, 0])) is not None


def test_local_lines_find_groups_that_cross():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(1, 400))
    z = rng.integers(2, size=400)
    y = np.where(z, x, -x) + 0.05 * rng.normal(size=(1, 400))
    features = np.concatenate([np.ones((1, 400)), x])
    hits = []
    for seed in range(12):
        labels = by_local_lines(x, features, y, 2, np.random.default_rng(seed))
        away = np.abs(x[0]) > 0.2
        agree = np.mean(labels[away] == z[away])
        hits.append(max(agree, 1.0 - agree))
    assert max(hits) > 0.98


def test_a_larger_fit_is_no_worse_than_the_smaller_one_it_was_given(monkeypatch):
    x, y = faithful()
    options = JointOptions(n_init=1)
    small = fit_joint(GLLiM(3, 1, 1), y[:, None], x, options=options)
    previous = small.model.rescale(small.optima[0].standard, small.data.scaling)
    # As if no start had led anywhere but to one expert's law.
    monkeypatch.setattr(
        joint_fit,
        "_promising",
        lambda climber, *rest: [Climb(climber.em.initial(), -np.inf, np.inf, np.empty(0))],
    )
    monkeypatch.setattr(
        Climber, "run", lambda self, start, *rest: self.em_steps(start.params, 3, 0.0, start.kind)
    )
    wider = fit_joint(GLLiM(4, 1, 1), y[:, None], x, options=options, previous=previous)
    copied = [o.value for o in wider.optima if o.kind.startswith("copies of expert")]
    assert max(copied) >= small.optima[0].value - 1e-9


def test_partitions_of_single_experts_do_not_stop_the_growth():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(120, 3)), rng.normal(size=120)
    structure = BlockDiagonal([[[0, 1], [2]], [[0], [1, 2]], [[0, 1, 2]]])
    fit = GLoME(3, covariance=structure, n_init=2, random_state=0).fit(X, y)
    assert fit.n_parameters_ == replace(fit.model_).n_parameters


@pytest.mark.parametrize("n_experts", [2, 6])
@pytest.mark.filterwarnings("ignore::mixexp.selection.UnreliableSelectionWarning")
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_blocks_of_binary_columns_and_of_as_many_experts_as_rows(n_experts):
    rng = np.random.default_rng(0)
    n = 60 if n_experts == 2 else 6
    X = np.column_stack([rng.integers(2, size=n), rng.normal(size=(n, 2))])
    model = BLoME(n_experts, n_init=2, random_state=0).fit(X, rng.normal(size=n))
    assert np.isfinite(model.predict(X)).all()
