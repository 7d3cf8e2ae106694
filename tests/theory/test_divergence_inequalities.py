"""Inequalities between divergences, over random pairs of laws of every gate and every family."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mixexp.theory import Design, Law, divergence
from tests.instances import EXPERTS, GATES, known_at, problem

PAIR = {
    "expert": st.sampled_from(EXPERTS),
    "gates": st.tuples(st.sampled_from(GATES), st.sampled_from(GATES)),
    "sizes": st.tuples(st.integers(1, 3), st.integers(1, 3)),
    "seed": st.integers(0, 30),
    "rho": st.floats(0.01, 0.99),
    "share": st.sampled_from([1e-6, 1e-3, 0.1, 1.0]),
}


def pair(expert, gates, sizes, seed, share):  # type: ignore[no-untyped-def]
    """Two laws of a family, a design and exposures; with a small ``share``, of one model."""
    cases = [
        problem(gate, expert, n_experts=k, n_rows=5, seed=seed + i)
        for i, (gate, k) in enumerate(zip(gates, sizes, strict=True))
    ]
    first = cases[0]
    p, q = (Law(case.model, case.params) for case in cases)
    if share < 1.0:
        moved = first.theta + share * np.random.default_rng(seed).normal(size=len(first.theta))
        q = Law(first.model, first.params_of(moved))
    weight = np.arange(1.0, 6.0) / 15.0
    return p, q, Design(first.x, weight), known_at(first, slice(None))


def lower_constant(rho: float) -> float:
    """C_ρ of Cohen & Le Pennec (2011), which stands before the unnormalised d² = 2 h²."""
    return min((1 - rho) / rho, 1.0) * (np.log1p(rho / (1 - rho)) - rho) / rho


@settings(max_examples=60)
@given(**PAIR)
def test_inequalities_at_every_point(expert, gates, sizes, seed, rho, share) -> None:  # type: ignore[no-untyped-def]
    p, q, design, known = pair(expert, gates, sizes, seed, share)
    found = divergence(p, q, design, rho=rho, known=known)
    h, v, kl, jensen = found.at
    assert np.all(np.isfinite(found.at)) and np.all(np.array(found.at) >= 0)

    # Near-equal laws have near-equalities only up to rounding of the log-densities.
    def below(small: object, large: object) -> bool:
        return bool(np.all(small <= large * (1 + 1e-6) + 1e-22))

    assert below(h**2, v)
    assert below(v, h * np.sqrt(2 - h**2)), "V <= h (2 - h²)^(1/2) <= √2 h"
    assert below(2 * v**2, kl)
    assert below(2 * h**2, kl)
    assert below(-2 * np.log1p(-np.minimum(h**2, 1 - 1e-16)), kl)
    assert below(jensen, kl)
    assert below(jensen, -np.log1p(-rho) / rho)
    assert below(2 * lower_constant(rho) * h**2, jensen)
    assert (
        found.hellinger <= found.root_mean_square_hellinger <= np.sqrt(design.weight @ h**2) + 1e-15
    )
    assert below(
        jensen, divergence(p, q, design, rho=rho + 0.5 * (1 - rho), known=known).at.jensen_kl
    )


@settings(max_examples=25)
@given(**PAIR)
def test_symmetry(expert, gates, sizes, seed, rho, share) -> None:  # type: ignore[no-untyped-def]
    p, q, design, known = pair(expert, gates, sizes, seed, share)
    there = divergence(p, q, design, rho=rho, known=known)
    back = divergence(q, p, design, rho=rho, known=known)
    np.testing.assert_allclose(there.at[:2], back.at[:2], rtol=1e-9, atol=1e-14)
    # m = (1 - ρ) p + ρ q is the same law from the other end, at 1 - ρ: Jensen and Shannon.
    half = [
        divergence(*laws, design, rho=0.5, known=known).at.jensen_kl for laws in ((p, q), (q, p))
    ]
    kl = [one.at.kl for one in (there, back)]
    assert np.all(np.add(*half) <= np.add(*kl) / 2 * (1 + 1e-6) + 1e-20)


@settings(max_examples=25)
@given(**PAIR)
def test_a_law_is_at_distance_zero_from_itself(expert, gates, sizes, seed, rho, share) -> None:  # type: ignore[no-untyped-def]
    p, _, design, known = pair(expert, gates, sizes, seed, 1.0)
    same = divergence(p, Law(replace(p.model), p.params), design, rho=rho, known=known)
    assert max(same[:5]) == 0.0
    assert max(same.error) < 1e-11


def test_the_sharp_bounds_are_attained() -> None:
    # The slack of the inequalities above is not hiding a wrong constant of the normalisation.
    p, q, design, known = pair(EXPERTS[3], (GATES[0], GATES[0]), (1, 1), 3, 1e-6)
    close = divergence(p, q, design, known=known).at
    np.testing.assert_allclose(close.kl / close.hellinger**2, 4.0, rtol=1e-4)
    np.testing.assert_allclose(close.jensen_kl / close.hellinger**2, 2.0, rtol=1e-4)


@pytest.mark.parametrize("expert", [EXPERTS[0], EXPERTS[3], EXPERTS[4]], ids=repr)
def test_limits_in_rho(expert) -> None:  # type: ignore[no-untyped-def]
    p, q, design, known = pair(expert, (GATES[0], GATES[2]), (2, 3), 1, 0.1)
    rho = np.array([1e-4, 1e-3, 0.01, 0.1, 0.5, 0.9, 0.999, 1 - 1e-6])
    found = [divergence(p, q, design, rho=r, known=known) for r in rho]
    jensen = np.array([one.jensen_kl for one in found])
    assert np.all(np.diff(jensen) > 0)
    assert jensen[-1] == pytest.approx(found[0].kl, rel=1e-2)
    # ρ χ²(q, p) / 2 at the other end.
    assert jensen[0] / jensen[1] == pytest.approx(0.1, rel=0.02)


@pytest.mark.parametrize("rho", [0.05, 0.3, 0.5, 0.7, 0.95])
def test_the_lower_constant(rho: float) -> None:
    # Laws on two points are enough: a grid of all of them.
    share = np.concatenate([10.0 ** np.arange(-12, -2, 0.1), np.linspace(0.01, 0.99, 200)])
    a, b = np.meshgrid(share, share, indexing="ij")
    total, h2 = np.zeros_like(a), np.zeros_like(a)
    for p, q in ((a, b), (1 - a, 1 - b)):
        total += p * np.log(p / ((1 - rho) * p + rho * q)) / rho
        h2 += 0.5 * (np.sqrt(p) - np.sqrt(q)) ** 2
    # The smallest ratio is where p hardly meets q.
    ratio = total[h2 > 1e-6] / (2 * h2[h2 > 1e-6])
    assert lower_constant(rho) <= ratio.min()
    # Up to ρ = 1/2 no larger constant would do: the factor of d² = 2 h² is right.
    if rho <= 0.5:
        assert ratio.min() < 1.002 * lower_constant(rho)
