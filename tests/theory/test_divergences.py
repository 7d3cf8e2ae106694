"""Distances on panels, and of mixing measures: closed forms, other quadrature, invariances."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import norm

from mixexp.models.measure import MixingMeasure
from mixexp.models.quadrature import panels_between
from mixexp.theory import (
    Design,
    gaussian_hellinger,
    hellinger,
    moe_densities,
    moe_divergence,
    squared_hellinger,
    total_variation,
    uniform_design,
)
from tests.theory.strategies import equivalent, fits, truths

TRUTH = MixingMeasure(
    [0.5, 0.5],
    {
        "gate_coef": [[2.0], [0.0]],
        "coef": [[2.0], [-1.5]],
        "intercept": [2.0, -2.0],
        "variance": [0.25, 0.25],
    },
)


def single(mean: float, variance: float) -> MixingMeasure:
    atoms = {"gate_coef": [[0.0]], "coef": [[0.0]], "intercept": [mean], "variance": [variance]}
    return MixingMeasure([1.0], atoms)


def mixture_density(measure: MixingMeasure, x: float, y: float) -> float:
    gate = measure.weight * np.exp(measure["gate_coef"][:, 0] * x)
    mean = measure["intercept"] + measure["coef"][:, 0] * x
    return float(gate / gate.sum() @ norm.pdf(y, mean, np.sqrt(measure["variance"])))


@pytest.mark.parametrize("mean", [0.0, 1e-6, 0.5, 3.0, 12.0])
@pytest.mark.parametrize("variance", [1.0, 1.0 + 1e-6, 0.3, 1e-6, 50.0])
def test_two_normal_laws(mean: float, variance: float) -> None:
    if (mean, variance) == (0.0, 1.0):
        return
    found = hellinger(*moe_densities(single(0.0, 1.0), single(mean, variance), [[0.0]]))
    assert found[0] == pytest.approx(gaussian_hellinger(0.0, 1.0, mean, variance), rel=1e-8)


def test_closed_form_against_the_textbook_formula() -> None:
    s1, s2, gap = 0.7, 1.9, 1.3
    affinity = np.sqrt(2 * s1 * s2 / (s1**2 + s2**2)) * np.exp(-(gap**2) / (4 * (s1**2 + s2**2)))
    found = gaussian_hellinger(0.2, s1**2, 0.2 + gap, s2**2)
    assert found == pytest.approx(np.sqrt(1 - affinity), rel=1e-14)


@pytest.mark.parametrize("scale", [0.5, 1e-2, 1e-3])
def test_narrow_component_inside_a_wide_one(scale: float) -> None:
    blocks = {**TRUTH.atoms, "variance": [0.25, scale**2], "intercept": [0.0, 0.3]}
    g1, g2 = MixingMeasure([0.7, 0.3], blocks), MixingMeasure([0.5, 0.5], blocks)
    x = 0.2
    centre = 0.3 - 1.5 * x
    edges = [-12.0, *(centre + scale * np.linspace(-12, 12, 25)), 12.0]
    edges = sorted([*edges, *np.linspace(-3, 4, 8)])

    def reference(f: object) -> float:
        return sum(quad(f, a, b, epsabs=1e-13, epsrel=1e-12)[0] for a, b in pairwise(edges))

    def density(g: MixingMeasure, y: float) -> float:
        return mixture_density(g, x, y)

    arguments = moe_densities(g1, g2, [[x]])
    h2 = reference(lambda y: 0.5 * (density(g1, y) ** 0.5 - density(g2, y) ** 0.5) ** 2)
    assert hellinger(*arguments)[0] == pytest.approx(np.sqrt(h2), abs=1e-10)
    v = reference(lambda y: 0.5 * abs(density(g1, y) - density(g2, y)))
    assert total_variation(*arguments)[0] == pytest.approx(v, abs=1e-9)


@pytest.mark.parametrize("step", [1e-3, 1e-6, 1e-9])
def test_small_distances_keep_their_digits(step: float) -> None:
    # h is asymptotically linear along a direction, so h / step must not drift into rounding.
    def distance(step: float) -> float:
        blocks = {**TRUTH.atoms, "intercept": [2.0 + step, -2.0]}
        return moe_divergence(TRUTH, MixingMeasure([0.5, 0.5], blocks), DESIGN).hellinger

    assert distance(step) / step == pytest.approx(distance(1e-4) / 1e-4, rel=1e-3)


DESIGN = uniform_design(-1.0, 1.0, 12)


@pytest.mark.parametrize("gap", [0.1, 1.0, 4.0])
def test_total_variation_of_two_normal_laws(gap: float) -> None:
    found = total_variation(*moe_densities(single(0.0, 4.0), single(gap, 4.0), [[0.0]]))
    assert found[0] == pytest.approx(2 * norm.cdf(gap / 4) - 1, abs=1e-10)


def test_densities_that_vanish() -> None:
    def uniform(a: float, b: float) -> object:
        return lambda row, y: np.where((y > a) & (y < b), -np.log(b - a), -np.inf)

    panels = panels_between([0.0, 0.5, 1.0, 1.5, 2.0])
    arguments = uniform(0.0, 1.0), uniform(0.5, 1.5), panels
    assert squared_hellinger(*arguments) == pytest.approx([0.5], abs=1e-12)
    assert total_variation(*arguments) == pytest.approx([0.5], abs=1e-12)


@settings(max_examples=25)
@given(data=st.data())
def test_bounds_symmetry_and_invariance(data: st.DataObject) -> None:
    truth = data.draw(truths())
    fitted = data.draw(fits(truth))
    if np.any(fitted["variance"] <= 0):
        fitted = MixingMeasure(fitted.weight, {**fitted.atoms, "variance": np.ones(fitted.n_atoms)})
    x = np.linspace(-1, 1, 3 * truth["coef"].shape[1]).reshape(3, -1)
    arguments = moe_densities(fitted, truth, x)
    h, v = hellinger(*arguments), total_variation(*arguments)
    assert np.all(h**2 <= v + 1e-9)
    assert np.all(v <= np.sqrt(2) * h + 1e-9)
    swapped = moe_densities(truth, data.draw(equivalent(fitted)), x)
    np.testing.assert_allclose(hellinger(*swapped), h, atol=1e-9)
    np.testing.assert_allclose(total_variation(*swapped), v, atol=1e-9)


def test_the_same_law_is_at_distance_zero() -> None:
    same = TRUTH.split(0, [0.3, 0.7]).translate(1.0, [0.7])
    found = moe_divergence(TRUTH, same, DESIGN)
    assert max(found[:5]) < 1e-14
    assert max(found.error) < 1e-12


def test_averages_over_a_design() -> None:
    other = MixingMeasure([0.3, 0.7], {**TRUTH.atoms, "coef": [[1.8], [-1.5]]})
    x, weight = np.array([[-0.5], [0.0], [0.9]]), np.array([0.2, 0.5, 0.3])
    arguments = moe_densities(TRUTH, other, x)
    h, v = hellinger(*arguments), total_variation(*arguments)
    found = moe_divergence(TRUTH, other, Design(x, weight))
    expected = weight @ h, np.sqrt(weight @ h**2), weight @ v
    assert found[:3] == pytest.approx(expected, rel=1e-9)
    np.testing.assert_allclose(found.at.hellinger, h, rtol=1e-9)
    np.testing.assert_allclose(found.at.total_variation, v, rtol=1e-9)
    assert found.kl == pytest.approx(weight @ found.at.kl)


def test_uniform_design_has_converged_at_40_points() -> None:
    other = MixingMeasure([0.3, 0.7], {**TRUTH.atoms, "gate_coef": [[6.0], [0.0]]})
    values = [moe_divergence(TRUTH, other, uniform_design(-1, 1, n))[1] for n in (40, 80)]
    assert values[0] == pytest.approx(values[1], rel=1e-9)


def test_bad_input() -> None:
    with pytest.raises(ValueError, match="one point per row"):
        moe_densities(TRUTH, TRUTH, [0.0, 1.0])
    with pytest.raises(ValueError, match="variance must be positive"):
        moe_densities(single(0.0, -1.0), TRUTH, [[0.0]])
