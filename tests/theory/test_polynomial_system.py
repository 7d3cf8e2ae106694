"""Polynomial systems: against the printed definitions, a generating function and differences."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import FrozenInstanceError
from fractions import Fraction
from math import comb, factorial, prod

import mpmath
import numpy as np
import pytest
import sympy

from mixexp.theory.systems.system import (
    PolynomialSystem,
    gaussian_gate_system,
    location_scale_system,
    require,
    softmax_gaussian_system,
)

SYSTEMS = [
    location_scale_system(3, 6),
    softmax_gaussian_system(2, 4),
    softmax_gaussian_system(2, 3, d=2),
    gaussian_gate_system(2, 4),
    gaussian_gate_system(2, 3, d=2),
]


def random_values(system: PolynomialSystem, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-1.5, 1.5, (system.n_atoms, len(system.names)))


def printed_sum(
    values: np.ndarray, bounds: list[int], belongs: Callable[[tuple[int, ...]], bool]
) -> float:
    """Sum over atoms and all alpha below the bounds that belong to the printed index set."""
    total = 0.0
    for alpha in itertools.product(*(range(b + 1) for b in bounds)):
        if belongs(alpha):
            factor = prod(map(factorial, alpha))
            total += sum(x[-1] * prod(x[:-1] ** np.array(alpha)) / factor for x in values)
    return total


@pytest.mark.parametrize("r", range(1, 8))
def test_number_of_equations(r: int) -> None:
    assert location_scale_system(2, r).n_equations == r
    assert softmax_gaussian_system(2, r).n_equations == (r**2 + 3 * r) // 2
    assert softmax_gaussian_system(3, r, d=2).n_equations == comb(r + 3, 3) - 1
    assert softmax_gaussian_system(3, r, d=2).n_variables == 3 * 7


def test_the_five_printed_equations() -> None:
    system = softmax_gaussian_system(3, 2)
    p1, p2, p3, p4, w = system.symbols().T
    printed = [w @ p1, w @ p1**2, w @ (p1 * p3 + p2), w @ p3, w @ (p3**2 / 2 + p4)]
    ours = dict(zip([e.label for e in system.equations], system.to_sympy(), strict=True))
    labels = [(1, 0), (2, 0), (1, 1), (0, 1), (0, 2)]
    assert set(labels) == set(ours)
    scale = [1, sympy.Rational(1, 2), 1, 1, 1]
    for label, equation, factor in zip(labels, printed, scale, strict=True):
        assert sympy.expand(ours[label] - factor * equation) == 0


def test_location_scale_is_the_printed_sum() -> None:
    system = location_scale_system(3, 7)
    x = random_values(system)
    expected = [
        printed_sum(x, [order, order], lambda a, n=order: a[0] + 2 * a[1] == n)
        for order in range(1, 8)
    ]
    np.testing.assert_allclose(system.residual(x), expected, rtol=1e-12)


@pytest.mark.parametrize(("d", "r"), [(1, 5), (2, 3)])
def test_softmax_is_the_printed_sum(d: int, r: int) -> None:
    system = softmax_gaussian_system(2, r, d)
    x = random_values(system)

    def belongs(alpha: tuple[int, ...], label: tuple[int, ...]) -> bool:
        a1, a2, (a3, a4) = alpha[:d], alpha[d : 2 * d], alpha[2 * d :]
        gate = tuple(u + v for u, v in zip(a1, a2, strict=True))
        return gate == label[:-1] and sum(a2) + a3 + 2 * a4 == label[-1]

    labels = [
        label for label in itertools.product(range(r + 1), repeat=d + 1) if 1 <= sum(label) <= r
    ]
    ours = dict(zip([e.label for e in system.equations], system.residual(x), strict=True))
    assert set(labels) == set(ours)
    for label in labels:
        expected = printed_sum(x, [r] * (2 * d + 2), lambda a, at=label: belongs(a, at))
        assert ours[label] == pytest.approx(expected, rel=1e-11, abs=1e-12)


def test_gaussian_gate_is_the_printed_sum() -> None:
    system = gaussian_gate_system(2, 4)
    x = random_values(system)
    for equation, value in zip(system.equations, system.residual(x), strict=True):
        expected = printed_sum(
            x,
            [4] * 5,
            lambda a, at=equation.label: (a[0] + 2 * a[1] + a[2], a[2] + a[3] + 2 * a[4]) == at,
        )
        assert value == pytest.approx(expected, rel=1e-11, abs=1e-12)


def test_gaussian_gate_in_two_covariates_is_a_taylor_expansion() -> None:
    system = gaussian_gate_system(1, 3, d=2)
    c1, c2, g11, g12, g22, a1, a2, b, v, w = (
        sympy.Rational(n, 7) for n in (1, -2, 3, 5, -4, 6, 8, -9, 2, 7)
    )
    t1, t2, u = sympy.symbols("t1 t2 u")
    exponent = c1 * t1 + c2 * t2 + b * u
    exponent += g11 * t1**2 + g12 * t1 * t2 + g22 * t2**2 + (a1 * t1 + a2 * t2) * u + v * u**2
    series = sympy.Poly(sympy.expand(sum(exponent**k / factorial(k) for k in range(4))), t1, t2, u)
    values = np.array([[c1, c2, g11, g12, g22, a1, a2, b, v, w]], dtype=object)
    for equation, value in zip(system.equations, system.residual(values), strict=True):
        t = equation.label
        assert value == w * series.coeff_monomial(t1 ** t[0] * t2 ** t[1] * u ** t[2])


@pytest.mark.parametrize("system", SYSTEMS, ids=lambda s: f"{s.names}-{s.order}")
def test_jacobian_against_differences(system: PolynomialSystem) -> None:
    x = random_values(system, seed=1)
    jacobian = system.jacobian(x)
    assert jacobian.shape == (system.n_equations, *x.shape)
    for j, v in np.ndindex(*x.shape):
        step = np.zeros_like(x)
        step[j, v] = 1e-5
        difference = (system.residual(x + step) - system.residual(x - step)) / 2e-5
        np.testing.assert_allclose(jacobian[:, j, v], difference, rtol=1e-7, atol=1e-7)


def test_every_arithmetic_gives_the_same_values() -> None:
    system = softmax_gaussian_system(2, 4)
    exact = np.array([[Fraction(int(8 * v), 8) for v in row] for row in random_values(system)])
    in_floats = system.residual(exact.astype(float))
    residual = system.residual(exact)
    assert all(isinstance(v, Fraction) for v in residual)
    np.testing.assert_allclose(residual.astype(float), in_floats, rtol=1e-13, atol=1e-15)
    # Integers are exact too: 1 / 2 must not become a float.
    integers = np.ones(exact.shape, dtype=int).astype(object)
    assert all(isinstance(v, Fraction) for v in system.residual(integers))
    high = np.frompyfunc(mpmath.mpf, 1, 1)(exact.astype(float))
    with mpmath.workdps(40):
        for ours, fraction in zip(system.residual(high), system.residual(exact), strict=True):
            assert abs(ours - mpmath.mpf(fraction.numerator) / fraction.denominator) < 1e-38
    jacobian = system.jacobian(exact)
    expected = system.jacobian(exact.astype(float))
    np.testing.assert_allclose(jacobian.astype(float), expected, rtol=1e-13, atol=1e-15)


def test_intervals_contain_the_exact_value() -> None:
    system = location_scale_system(2, 5)
    exact = np.array([[Fraction(1), Fraction(-1, 2), Fraction(1, 3)]] * 2)
    intervals = np.frompyfunc(lambda v: mpmath.iv.mpf(v.numerator) / v.denominator, 1, 1)(exact)
    for found, value in zip(system.residual(intervals), system.residual(exact), strict=True):
        assert value.numerator in found * value.denominator
        assert found.delta < 1e-14


@pytest.mark.parametrize(("m", "r"), [(2, 4), (3, 6)])
def test_softmax_without_gate_and_slope_is_location_scale(m: int, r: int) -> None:
    full, small = softmax_gaussian_system(m, r), location_scale_system(m, r)
    x = random_values(small)
    embedded = np.column_stack((np.zeros((m, 2)), x))
    residual = dict(zip([e.label for e in full.equations], full.residual(embedded), strict=True))
    kept = [residual.pop((0, order)) for order in range(1, r + 1)]
    np.testing.assert_allclose(kept, small.residual(x), rtol=1e-12)
    assert set(residual.values()) == {0.0}
    reduced = full.without("p1", "p2")
    assert reduced.names == ("p3", "p4", "w")
    np.testing.assert_allclose(reduced.residual(x), small.residual(x), rtol=1e-12)


def test_a_system_is_a_value() -> None:
    system = location_scale_system(2, 3)
    assert system == location_scale_system(2, 3) != location_scale_system(2, 4)
    assert hash(system) == hash(location_scale_system(2, 3))
    with pytest.raises(FrozenInstanceError):
        system.order = 4  # type: ignore[misc]


def test_wrong_arguments_are_named() -> None:
    with pytest.raises(ValueError, match=r"m is 0; give a positive integer"):
        location_scale_system(0, 3)
    with pytest.raises(ValueError, match="r is 0"):
        softmax_gaussian_system(2, 0)
    with pytest.raises(ValueError, match="d is 0"):
        gaussian_gate_system(2, 3, d=0)
    with pytest.raises(ValueError, match=r"shape \(3,\), expected \(2, 3\)"):
        location_scale_system(2, 3).residual([1.0, 2.0, 3.0])
    with pytest.raises(ValueError, match=r"no variables \['w'\]"):
        location_scale_system(2, 3).without("w")
    with pytest.raises(ImportError, match=r"pip install 'mixexp\[theory\]'"):
        require("no_such_package_at_all")
