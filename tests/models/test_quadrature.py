"""Quadrature on panels: known integrals, kinks, jumps, and error bounds that hold."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import erf

from mixexp.models.adaptive import integrate_adaptively, relative
from mixexp.models.quadrature import (
    Panels,
    integrate,
    integrate_absolute,
    panels_between,
)

SMOOTH = {
    "polynomial": (lambda y: 3 * y**2, lambda a, b: b**3 - a**3),
    "exponential": (np.exp, lambda a, b: np.exp(b) - np.exp(a)),
    "peak": (lambda y: 1 / (1e-4 + y**2), lambda a, b: 100 * (np.arctan(100 * b) - np.arctan(100 * a))),  # noqa: E501
    "narrow normal": (
        lambda y: np.exp(-0.5 * (y / 0.1) ** 2),
        lambda a, b: 0.1 * np.sqrt(np.pi / 2) * (erf(7.071067811865476 * b) - erf(7.071067811865476 * a)),  # noqa: E501
    ),
    "root": (lambda y: np.sqrt(np.abs(y)), lambda a, b: 2 / 3 * (abs(a) ** 1.5 + abs(b) ** 1.5)),
}  # fmt: skip


@pytest.mark.parametrize("name", SMOOTH)
def test_known_integrals_within_their_bounds(name: str) -> None:
    f, exact = SMOOTH[name]
    ends = np.array([[-1.0, 1.0], [-0.3, 2.0]])
    found = integrate_adaptively(lambda row, y: f(y)[None], panels_between(ends), 2)
    expected = np.array([exact(a, b) for a, b in ends])
    actual = np.abs(found.value[0] - expected)
    assert np.all(actual <= found.error[0] + 1e-14 * expected)
    assert np.all(found.error[0] <= 1e-9 * expected)


def test_every_row_has_its_own_integrand_and_its_own_panels() -> None:
    panels = panels_between([[0.0, 1.0, 2.0], [0.0, 3.0, 3.0]])
    found = integrate_adaptively(lambda row, y: np.stack([y**row, y ** (row + 1)]), panels, 2)
    np.testing.assert_allclose(found.value, [[2.0, 4.5], [2.0, 9.0]], rtol=1e-14)
    one = integrate(lambda row, y: y**row, panels, 2)
    np.testing.assert_allclose(found.value[0], one, rtol=1e-14)


def test_absolute_integral_finds_every_change_of_sign() -> None:
    found = integrate_absolute(lambda row, y: np.sin(y + row), panels_between([[0, 20]] * 2), 2)
    expected = [quad(lambda y: abs(np.sin(y + r)), 0, 20, limit=200)[0] for r in (0, 1)]  # noqa: B023
    np.testing.assert_allclose(found, expected, atol=1e-6)


@pytest.mark.parametrize("n_panels", [1, 3, 40])
def test_kinks_of_the_absolute_integrand(n_panels: int) -> None:
    panels = panels_between([np.linspace(0, 20, n_panels + 1)] * 2)

    def f(row: np.ndarray, y: np.ndarray) -> np.ndarray:
        return np.stack([np.sin(y + row) ** 2, np.sin(y + row)])

    found = integrate_adaptively(f, panels, 2, absolute=1)
    edge = np.concatenate([[0.0], np.pi * np.arange(1, 7), [20.0]])
    expected = np.abs(np.diff(np.cos(edge))).sum()
    assert abs(found.value[1, 0] - expected) <= found.error[1, 0] + 1e-14 * expected
    assert found.error[1, 0] < 1e-9 * expected
    np.testing.assert_allclose(found.value[0], [10 - np.sin(2 * (20 + r)) / 4 + np.sin(2 * r) / 4 for r in (0, 1)])  # noqa: E501  # fmt: skip


def test_known_kinks_cost_no_refinement() -> None:
    calls = []

    def f(row: np.ndarray, y: np.ndarray) -> np.ndarray:
        calls.append(y.size)
        return np.exp(y)[None] - 1.7

    found = integrate_adaptively(f, panels_between(np.linspace(0.0, 1.0, 3)), 1, absolute=0)
    root = np.log(1.7)
    expected = (1.7 * root - 0.7) + (np.e - 1.7 - 1.7 * (1 - root))
    assert abs(found.value[0, 0] - expected) < 1e-13
    # Two panels with their ends, a root that needs no search, two pieces of a panel, six halves.
    assert calls == [24, 1, 20, 60]


def test_two_roots_between_two_nodes_are_left_to_the_refinement() -> None:
    found = integrate_adaptively(
        lambda row, y: ((y - 0.5) ** 2 - 1e-4)[None], panels_between([0.0, 1.0]), 1, absolute=0
    )
    expected = quad(lambda y: abs((y - 0.5) ** 2 - 1e-4), 0, 1, points=[0.49, 0.51], epsabs=1e-13)[
        0
    ]
    assert abs(found.value[0, 0] - expected) <= found.error[0, 0] + 1e-15
    assert found.error[0, 0] < 1e-9


def test_what_is_in_doubt_at_the_depth_limit_is_reported() -> None:
    def jump(row: np.ndarray, y: np.ndarray) -> np.ndarray:
        return np.where(y < 1 / 3, 1.0, 0.0)[None]

    coarse, fine = (
        integrate_adaptively(jump, panels_between([0.0, 1.0]), 1, max_depth=depth)
        for depth in (3, 25)
    )
    for found, size in ((coarse, 0.1), (fine, 1e-7)):
        assert 0 < abs(found.value[0, 0] - 1 / 3) <= found.error[0, 0] < size
    assert coarse.error[0, 0] > 1e-3


def test_a_looser_tolerance_is_used() -> None:
    calls = {1e-3: 0, 1e-10: 0}
    for rtol in calls:

        def f(row: np.ndarray, y: np.ndarray, rtol: float = rtol) -> np.ndarray:
            calls[rtol] += y.size
            return np.sqrt(y)[None]

        found = integrate_adaptively(f, panels_between([0.0, 1.0]), 1, relative(rtol))
        assert abs(found.value[0, 0] - 2 / 3) <= found.error[0, 0] <= rtol
    assert calls[1e-3] < calls[1e-10]


def test_infinite_integrands() -> None:
    def f(row: np.ndarray, y: np.ndarray) -> np.ndarray:
        return np.stack([np.where((row == 0) & (y > 0.4), np.inf, 1.0), y])

    found = integrate_adaptively(f, panels_between([[0.0, 1.0]] * 2), 2)
    np.testing.assert_allclose(found.value, [[np.inf, 1.0], [0.5, 0.5]], rtol=1e-14)
    assert np.all(np.isfinite(found.error))


def test_nothing_to_integrate() -> None:
    empty = panels_between([1.0, 1.0])
    for absolute in (None, 0):
        found = integrate_adaptively(lambda row, y: y[None], empty, 2, absolute=absolute)
        np.testing.assert_array_equal(found.value, np.zeros((1, 2)))
    zero = integrate_adaptively(lambda row, y: 0.0 * y[None], panels_between([0.0, 1.0]), 1)
    assert zero.value == zero.error == 0.0


def test_joined_panels_cover_the_same_and_no_more_than_they_may() -> None:
    rng = np.random.default_rng(0)
    panels = panels_between(np.cumsum(rng.exponential(size=(5, 60)), axis=1))
    width = np.array([0.3, 1.0, 3.0, 10.0, 1e-6])
    joined = panels.joined(width)
    np.testing.assert_allclose(
        integrate(lambda row, y: y**3, joined, 5), integrate(lambda row, y: y**3, panels, 5)
    )
    # An end of a joined panel is an end of one of the others.
    assert np.isin(joined.lower, panels.lower).all()
    last = np.searchsorted(panels.upper + 1e3 * panels.row, joined.upper + 1e3 * joined.row)
    np.testing.assert_array_equal(panels.upper[last], joined.upper)
    grown = (joined.upper - joined.lower) - (panels.upper - panels.lower)[last]
    assert np.all(grown < width[joined.row])
    assert len(joined.row[joined.row == 3]) < 15
    assert len(joined.row[joined.row == 4]) == 59


def test_halves() -> None:
    panels = Panels(np.array([0, 1]), np.array([0.0, 2.0]), np.array([1.0, 6.0]))
    lower, upper = panels.halves().lower, panels.halves().upper
    np.testing.assert_array_equal(lower, [0.0, 2.0, 0.5, 4.0])
    np.testing.assert_array_equal(upper, [0.5, 4.0, 1.0, 6.0])
    np.testing.assert_array_equal(panels.halves(np.array([False, True])).row, [1, 1])
