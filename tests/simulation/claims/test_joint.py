"""Joint laws as problems of claims: sampling, fitting by every arm, distances, exponents."""

from __future__ import annotations

import numpy as np
import pytest

from mixexp.estimation.box import Bounds
from mixexp.estimation.gllim.fit import fit_joint
from mixexp.models import MixingMeasure
from mixexp.simulation.claims.arms import LiteratureEM, NearTruth, Search, Unfitted
from mixexp.simulation.claims.problems.joint import Joint
from mixexp.simulation.claims.problems.near_joint import near_joint
from mixexp.theory.exponents.joint import JointDistance
from mixexp.theory.losses import gaussian_gate
from mixexp.theory.truths.joint import JOINT_TRUTHS

TRUTH = JOINT_TRUTHS["gaussian-gate-1"]
THETA = Bounds(gate=10.0, expert=20.0, scale=(0.0666, 5.0))
EXACT = Joint(TRUTH, k=3, bounds=THETA, name="gaussian-gate-1")
OVER = Joint(TRUTH, k=4, bounds=THETA, name="gaussian-gate-1")


def gaussian(mean, covariance):
    """Measure of one atom from the moments of (x, y)."""
    slope = covariance[0][1] / covariance[0][0]
    return MixingMeasure([1.0], {
        "gate_mean": [[mean[0]]], "gate_covariance": [[[covariance[0][0]]]], "coef": [[slope]],
        "intercept": [mean[1] - slope * mean[0]],
        "variance": [covariance[1][1] - slope * covariance[0][1]],
    })  # fmt: skip


@pytest.fixture(scope="module")
def sample():
    return OVER.sample(1500, np.random.default_rng(3))


@pytest.fixture(scope="module")
def outcomes(sample):
    arms = (Search(n_starts=6), NearTruth(n_starts=1), LiteratureEM(rtol=1e-5), Unfitted())
    return {arm.name: OVER.fit(arm, *sample, seed=1) for arm in arms}


def test_log_likelihood_of_the_truth_is_that_of_the_gaussian_mixture_of_x_and_y():
    from scipy.stats import multivariate_normal

    x, y = EXACT.sample(50, np.random.default_rng(0))
    density = np.zeros(50)
    for j in range(3):
        c, gamma = TRUTH["gate_mean"][j, 0], TRUTH["gate_covariance"][j, 0, 0]
        a, b, nu = TRUTH["coef"][j, 0], TRUTH["intercept"][j], TRUTH["variance"][j]
        covariance = [[gamma, a * gamma], [a * gamma, nu + a * a * gamma]]
        law = multivariate_normal([c, a * c + b], covariance)
        density += TRUTH.weight[j] * law.pdf(np.column_stack([x[:, 0], y]))
    assert EXACT.loglik_of_truth(x, y) == pytest.approx(np.log(density).sum(), rel=1e-10)


def test_search_and_near_starts_end_certified_above_truth_and_exact_fit(sample, outcomes):
    true = OVER.loglik_of_truth(*sample)
    exact = OVER.loglik_of_exact(*sample, seed=1)
    for name in ("search", "near"):
        about = outcomes[name].about
        assert about["certified"], name
        assert about["remaining_gain"] <= 1e-8
        assert outcomes[name].loglik >= exact - 1e-6 > true
    assert outcomes["search"].about["n_starts"] > 1
    assert outcomes["near"].about["n_starts"] == 1


def test_likelihood_of_an_outcome_is_that_of_its_measure(sample, outcomes):
    for name, outcome in outcomes.items():
        value = Joint(outcome.measure, 4, THETA).loglik_of_truth(*sample)
        assert outcome.loglik == pytest.approx(value, abs=1e-6), name
        assert outcome.measure.n_atoms == 4


def test_arms_are_ordered_by_how_far_they_climb(outcomes):
    start, stopped = outcomes["start"].loglik, outcomes["literature"].loglik
    assert start < stopped < outcomes["near"].loglik + 1e-6
    assert outcomes["start"].about == {}
    assert outcomes["literature"].about["n_starts"] == 4


def test_one_step_of_em_is_one_step(sample):
    one = OVER.fit(LiteratureEM(n_starts=1, max_iter=1), *sample, seed=1)
    many = OVER.fit(LiteratureEM(n_starts=1, rtol=1e-5), *sample, seed=1)
    unmoved = OVER.fit(Unfitted(), *sample, seed=1)
    assert one.about["n_iter"] == 1 < many.about["n_iter"]
    assert unmoved.loglik < one.loglik < many.loglik
    # By hand: the new weights of a step of EM are the mean responsibilities at the start.
    x, y = sample
    parts = [
        np.log(w) + OVER._log_density(unmoved.measure.take([j]), x, y)
        for j, w in enumerate(unmoved.measure.weight)
    ]
    responsibilities = np.exp(parts - np.logaddexp.reduce(parts, axis=0))
    np.testing.assert_allclose(one.measure.weight, responsibilities.mean(axis=1), rtol=1e-10)


def test_em_stops_by_the_relative_rule(sample):
    arm = LiteratureEM(n_starts=1, rtol=1e-5)
    found = OVER.fit(arm, *sample, seed=1)
    shorter, shortest = (
        OVER.fit(LiteratureEM(n_starts=1, rtol=0.0, max_iter=steps), *sample, seed=1).loglik
        for steps in (found.about["n_iter"] - 1, found.about["n_iter"] - 2)
    )
    assert found.loglik - shorter <= arm.rtol * abs(shorter)
    assert shorter - shortest > arm.rtol * abs(shortest)


def test_theta_is_in_the_units_of_the_data(sample):
    held = Joint(TRUTH, 4, Bounds(gate=10.0, expert=20.0, scale=(0.12, 5.0)))
    found = held.fit(Search(n_starts=6), *sample, seed=1)
    assert found.about["at_bound"]
    least = min(found.measure["variance"].min(), found.measure["gate_covariance"].min())
    assert least == pytest.approx(0.12**2, rel=1e-6)


def test_same_seed_same_outcome_and_searches_know_nothing_of_the_truth(sample):
    arm = Search(n_starts=4)
    moved = MixingMeasure(TRUTH.weight, {**TRUTH.atoms, "gate_mean": TRUTH["gate_mean"] + 3.0})
    first, again, blind = (
        problem.fit(arm, *sample, seed=5) for problem in (OVER, OVER, Joint(moved, 4, THETA))
    )
    for name, block in first.measure.atoms.items():
        np.testing.assert_array_equal(block, again.measure[name])
        np.testing.assert_array_equal(block, blind.measure[name])


def test_searches_split_the_fit_with_one_expert_less_and_near_starts_do_not(sample, monkeypatch):
    seen = []

    def spy(model, *args, **options):
        seen.append((model.n_experts, options))
        return fit_joint(model, *args, **options)

    monkeypatch.setattr("mixexp.simulation.claims.problems.joint.fit_joint", spy)
    OVER.fit(Search(n_starts=2), *sample, seed=1)
    OVER.fit(NearTruth(n_starts=2), *sample, seed=1)
    (narrow, _), (wide, search), (_, near) = seen
    assert (narrow, wide, search["previous"].n_experts) == (3, 4, 3)
    assert len(search["given"]) == 0
    assert near["previous"] is None
    assert len(near["given"]) == 2


def test_exact_specified_fits_have_no_narrower_fit_to_compare_with(sample):
    assert EXACT.loglik_of_exact(*sample, seed=0) is None


@pytest.mark.parametrize("model", [3, 4])
def test_two_covariates_are_fitted_with_full_covariances(model):
    truth = JOINT_TRUTHS[f"gaussian-gate-{model}"]
    problem = Joint(truth, 3, Bounds(gate=10.0, expert=20.0, scale=(0.02, 5.0)))
    x, y = problem.sample(800, np.random.default_rng(model))
    found = problem.fit(Search(n_starts=4), x, y, seed=0)
    assert found.about["certified"]
    assert found.loglik > problem.loglik_of_truth(x, y)
    off = found.measure["gate_covariance"][:, 0, 1]
    assert np.all(off != 0.0)
    loss = gaussian_gate.type1 if model == 3 else gaussian_gate.type2
    assert loss(found.measure, truth).value < 0.5


def test_hellinger_distance_of_two_gaussians_is_the_closed_form():
    first, second = [[0.3, 0.1], [0.1, 0.2]], [[0.31, 0.09], [0.09, 0.21]]
    mean, other = np.array([0.2, -0.1]), np.array([0.205, -0.102])
    middle = 0.5 * (np.array(first) + np.array(second))
    step = mean - other
    affinity = (np.linalg.det(first) * np.linalg.det(second)) ** 0.25
    affinity /= np.sqrt(np.linalg.det(middle))
    affinity *= np.exp(-step @ np.linalg.solve(middle, step) / 8)
    exact = np.sqrt(1 - affinity)
    assert 0.01 < exact < 0.04
    problem = Joint(gaussian(mean, first), 1, THETA)
    assert problem.hellinger(gaussian(other, second), 100_000) == pytest.approx(exact, rel=0.02)


def test_hellinger_distance_at_the_largest_sizes_is_within_five_per_cent():
    x, y = OVER.sample(100_000, np.random.default_rng(8))
    fitted = OVER.fit(LiteratureEM(n_starts=1, rtol=1e-5), x, y, seed=0).measure
    # Trapezoids on a grid finer than the narrowest atom: converged for mixtures of Gaussians.
    u, v = np.arange(-2.0, 2.2, 0.01), np.arange(-2.0, 2.2, 0.01)
    grid = [g.ravel() for g in np.meshgrid(u, v)]
    p, q = (OVER._log_density(g, grid[0][:, None], grid[1]) for g in (TRUTH, fitted))
    exact = np.sqrt(0.5 * np.sum((np.exp(p / 2) - np.exp(q / 2)) ** 2) * 1e-4)
    assert exact < 0.01
    assert OVER.hellinger(fitted, 100_000) == pytest.approx(exact, rel=0.05)


def test_hellinger_distance_of_the_truth_from_itself_vanishes():
    assert OVER.hellinger(TRUTH.split(1, [0.3, 0.7]), 1000) < 1e-7


def test_starts_near_the_truth_are_as_the_literature_draws_them():
    truth, n, draws = JOINT_TRUTHS["gaussian-gate-4"], 1000, 400
    starts = [near_joint(truth, 5, n, np.random.default_rng([1, i])) for i in range(draws)]
    size = 0.005 * n**-0.083
    for name in ("gate_mean", "coef", "intercept"):
        noise = np.array([s[name][:3] - truth[name] for s in starts])
        assert abs(noise.mean()) < 4 * size / np.sqrt(noise.size)
        assert noise.std() == pytest.approx(size, rel=0.1)
    size = 0.0005 * n**-0.25
    wider = np.array([s["gate_covariance"][:3] - truth["gate_covariance"] for s in starts])
    assert np.all(wider[:, :, 0, 1] == 0.0)
    for noise in (
        wider[:, :, [0, 1], [0, 1]],
        [s["variance"][:3] - truth["variance"] for s in starts],
    ):
        assert np.min(noise) >= 0.0
        assert np.mean(np.square(noise)) == pytest.approx(size**2, rel=0.15)


def test_copies_of_an_atom_share_its_weight():
    for i in range(30):
        start = near_joint(TRUTH, 5, 10**9, np.random.default_rng(i))
        nearest = np.argmin(np.abs(start["gate_mean"] - TRUTH["gate_mean"].T), axis=1)
        mass = np.bincount(nearest, weights=start.weight)
        np.testing.assert_allclose(mass, TRUTH.weight)
        assert len(set(start.weight[nearest == np.argmax(np.bincount(nearest))])) == 1


def test_starts_depend_on_the_seed_alone_and_the_first_is_what_unfitted_shows(sample):
    starts = [OVER.fit(Unfitted(), *sample, seed=seed).measure for seed in (1, 1, 2)]
    np.testing.assert_array_equal(starts[0]["coef"], starts[1]["coef"])
    assert not np.array_equal(starts[0]["coef"], starts[2]["coef"])


@pytest.mark.parametrize(("block", "exponent"), [("coef", 2.0), ("intercept", 4.0)])
def test_local_exponents_are_those_behind_the_claims(block, exponent):
    assert OVER.local_exponent(block, 0, 2).covers(exponent)


def test_local_exponents_are_about_the_cell_that_is_asked_for(monkeypatch):
    asked = []
    monkeypatch.setattr(
        "mixexp.simulation.claims.problems.joint.joint_exponents",
        lambda atom, block, copies: asked.append((JointDistance(atom, copies).atom, block)),
    )
    OVER.local_exponent("variance", 1, 3)
    # Atom 1 in units of x and y in which its covariance and its variance are 1.
    width, spread = np.sqrt([0.0175, 0.0264286])
    atom = [0.1 / width, 1.0, -0.714286 * width / spread, -0.328571 / spread, 1.0]
    np.testing.assert_allclose(asked[0][0], atom)
    assert asked[0][1] == "variance"


def test_local_exponents_need_one_covariate():
    with pytest.raises(ValueError, match=r"2 covariates.*d = 1"):
        Joint(JOINT_TRUTHS["gaussian-gate-3"], 4, THETA).local_exponent("coef", 0)


def test_repr_says_all_that_determines_the_numbers():
    assert repr(OVER) == repr(Joint(TRUTH, 4, THETA, name="gaussian-gate-1"))
    others = (
        EXACT,
        Joint(JOINT_TRUTHS["gaussian-gate-2"], 4, THETA, name="gaussian-gate-1"),
        Joint(TRUTH, 4, Bounds(gate=9.0), name="gaussian-gate-1"),
    )
    assert len({repr(OVER), *map(repr, others)}) == 4
