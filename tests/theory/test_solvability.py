"""Exponents r-bar(m): the proofs, the verified solutions, and what a search leaves over."""

from __future__ import annotations

import itertools
import math

import mpmath
import numpy as np
import pytest
import sympy

from mixexp.theory.systems import proof as solvability_proof
from mixexp.theory.systems.interval import choose_free, polish, solution_box
from mixexp.theory.systems.proof import (
    prove_two_atoms,
    quadrature_solution,
    reduces_to_location_scale,
    sign_change_bound,
    two_atom_eliminant,
)
from mixexp.theory.systems.search import residual_lower_bound, verified_solution, verify
from mixexp.theory.systems.system import (
    gaussian_gate_system,
    location_scale_system,
    softmax_gaussian_system,
)
from mixexp.theory.systems.table import r_bar_evidence, r_bar_table, stated

TWO = np.array([[1.0, -0.5, 0.5], [-1.0, -0.5, 0.5]])


def formal_moments(values: np.ndarray, order: int) -> np.ndarray:
    """Moments of the formal normal mixture, by quadrature with complex standard deviations."""
    x, weight = np.polynomial.hermite_e.hermegauss(order + 1)
    s1, s2, w = values.T[:, :, None]
    draws = s1 + np.sqrt((2 * s2).astype(complex)) * x
    powers = range(1, order + 1)
    return np.array([np.sum(w * draws**k * weight) for k in powers]) / weight.sum() / w.sum()


def test_two_atoms() -> None:
    solution, absence = prove_two_atoms()
    assert (solution.m, solution.r, solution.solvable, solution.status) == (2, 3, True, "proved")
    assert (absence.m, absence.r, absence.solvable, absence.status) == (2, 4, False, "proved")
    values = np.array(solution.witness)
    assert np.all(values[:, -1] > 0) and np.all(values[:, 0] != 0)
    assert location_scale_system(2, 3).residual(values).tolist() == [0.0, 0.0, 0.0]
    assert location_scale_system(2, 4).residual(values)[3] != 0


def test_the_eliminant_of_two_atoms() -> None:
    s = sympy.Symbol("s")
    assert two_atom_eliminant(4) == sympy.Poly((s + 1) * (s**2 + s + 1), s)
    assert two_atom_eliminant(3) is None
    # An independent elimination: equations 2 and 3 are linear in (s21, s22).
    a, b = sympy.symbols("a b")
    values = np.array([[-s, a, sympy.Integer(1)], [sympy.Integer(1), b, s]], dtype=object)
    residual = location_scale_system(2, 4).residual(values)
    (solved,) = sympy.solve([residual[1], residual[2]], [a, b], dict=True)
    last, _ = sympy.fraction(sympy.together(residual[3].subs(solved)))
    assert sympy.rem(last, (s + 1) * (s**2 + s + 1), s) == 0
    assert all(r <= 0 for r in sympy.Poly(last, s).real_roots())


@pytest.mark.parametrize("wrong", ["s - 2", "s * (s + 1)"])
def test_a_step_that_fails_stops_the_proof(monkeypatch: pytest.MonkeyPatch, wrong: str) -> None:
    eliminant = sympy.Poly(sympy.sympify(wrong), sympy.Symbol("s"))
    monkeypatch.setattr(solvability_proof, "two_atom_eliminant", lambda r: eliminant)
    with pytest.raises(ArithmeticError, match="Sturm"):
        prove_two_atoms()
    monkeypatch.setattr(solvability_proof, "_heat_polynomial", lambda degree, x: x**degree)
    with pytest.raises(ArithmeticError, match="equation 2 as a polynomial"):
        quadrature_solution(2)
    with pytest.raises(ArithmeticError, match="roots of He_q"):
        sign_change_bound(2)


@pytest.mark.parametrize("d", [1, 2])
def test_the_softmax_system_has_the_solution_at_three(d: int) -> None:
    values = np.column_stack((np.zeros((2, 2 * d)), TWO))
    assert np.all(softmax_gaussian_system(2, 3, d).residual(values) == 0)
    assert np.any(softmax_gaussian_system(2, 4, d).residual(values) != 0)


@pytest.mark.parametrize("d", [1, 2])
def test_softmax_reduces_to_location_scale_from_four_on(d: int) -> None:
    found = [reduces_to_location_scale(3, r, d) for r in range(1, 7)]
    assert found == [False, False, False, True, True, True]


def test_gate_and_slope_errors_leave_a_residual() -> None:
    system = softmax_gaussian_system(2, 4)
    index = {equation.label: i for i, equation in enumerate(system.equations)}
    rng = np.random.default_rng(0)
    values = np.column_stack((rng.normal(size=(2, 4)), rng.uniform(0.1, 1, 2)))
    square = values[:, -1] @ values[:, :2] ** 2 / 2
    assert system.residual(values)[index[2, 0]] == pytest.approx(square[0])
    values[:, 0] = 0.0
    assert system.residual(values)[index[2, 2]] == pytest.approx(square[1])
    # At order 3 the slope may differ: equation (2, 2) is not there yet.
    assert (2, 2) not in [equation.label for equation in softmax_gaussian_system(2, 3).equations]


@pytest.mark.parametrize("m", [2, 3, 4, 5, 6])
def test_quadrature_solves_up_to_twice_m_minus_one_and_no_further(m: int) -> None:
    found = quadrature_solution(m)
    assert (found.r, found.solvable, found.status) == (2 * m - 1, True, "proved")
    values = np.array(found.witness)
    assert np.all(values[:, -1] > 0) and np.any(values[:, 0] != 0)
    residual = location_scale_system(m, 2 * m).residual(values)
    # The error of Gauss-Hermite quadrature at the monic polynomial of degree 2m is m!.
    expected = -math.factorial(m) / math.factorial(2 * m)
    np.testing.assert_allclose(residual, [0.0] * (2 * m - 1) + [expected], atol=1e-13)


def test_quadrature_solution_in_radicals() -> None:
    root, sixth = sympy.sqrt(3), sympy.Rational(1, 6)
    half = -sympy.Rational(1, 2)
    rows = [[-root, half, sixth], [0, half, 4 * sixth], [root, half, sixth]]
    residual = location_scale_system(3, 5).residual(np.array(rows, dtype=object))
    assert [sympy.expand(v) for v in residual] == [0] * 5
    np.testing.assert_allclose(np.array(rows, float), quadrature_solution(3).witness, atol=1e-14)


@pytest.mark.parametrize("m", [2, 3, 4])
def test_the_other_systems_have_the_quadrature_solution(m: int) -> None:
    inner = np.array(quadrature_solution(m).witness)
    softmax = np.column_stack((np.zeros((m, 2)), inner))
    gate = np.column_stack((np.zeros((m, 3)), inner))
    for system, values in (
        (softmax_gaussian_system(m, 2 * m - 1), softmax),
        (gaussian_gate_system(m, 2 * m - 1), gate),
    ):
        np.testing.assert_allclose(system.residual(values), 0.0, atol=1e-13)


def test_sign_changes_of_combinations_of_gaussians() -> None:
    # Step 2 of the argument, on random combinations; some of them have the largest number.
    rng = np.random.default_rng(0)
    t = np.linspace(-8, 8, 4001)
    most = 0
    for _ in range(2000):
        mean, variance = rng.normal(0, 1, (3, 1)), rng.choice([0.1, 0.3, 1.0, 1.5], (3, 1))
        f = rng.normal(size=3) @ (np.exp(-((t - mean) ** 2) / (2 * variance)) / variance)
        most = max(most, int(np.sum(np.diff(np.sign(f)) != 0)))
    assert most == 4


@pytest.mark.parametrize("m", [2, 3, 5])
def test_bound_by_sign_changes(m: int) -> None:
    found = sign_change_bound(m)
    assert found.statement == f"r-bar({m}) <= {2 * m}"
    assert found.status == "derived here"


@pytest.mark.parametrize(("m", "r"), [(2, 3), (3, 5), (4, 6), (4, 7), (5, 9)])
def test_verified_solutions(m: int, r: int) -> None:
    found = verified_solution(m, r)
    assert (found.m, found.r, found.solvable, found.status) == (m, r, True, "verified")
    values = np.array(found.witness)
    assert np.max(np.abs(values[:, 0])) == 1.0 and np.all(values[:, -1] > 0)
    np.testing.assert_allclose(formal_moments(values, r), 0.0, atol=1e-10)
    # Independent of the interval test: least-norm Newton steps reach 1e-40 and hardly move.
    system = location_scale_system(m, r)
    with mpmath.workdps(50):
        x = np.frompyfunc(mpmath.mpf, 1, 1)(values)
        for _ in range(6):
            jacobian = mpmath.matrix(system.jacobian(x).reshape(r, -1).tolist())
            residual = mpmath.matrix(system.residual(x).tolist())
            step = jacobian.T * mpmath.lu_solve(jacobian * jacobian.T, residual)
            x = x - np.array(list(step), dtype=object).reshape(x.shape)
        assert max(abs(v) for v in system.residual(x)) < 1e-40
        assert np.max(np.abs(x - values)) < 1e-9


def test_more_seeds_find_other_solutions() -> None:
    first, second = (verified_solution(3, 5, seed=seed) for seed in (1, 2))
    assert first.witness != second.witness
    assert first.status == second.status == "verified"


def test_no_verified_solution_where_there_is_none() -> None:
    found = verified_solution(2, 4, n_starts=3)
    assert (found.solvable, found.status, found.witness) == (None, "evidence", None)
    assert found.residual is not None and found.residual > 1e-3
    assert found.statement == "nothing decided about r-bar(2) at r = 4"


def test_the_interval_test_accepts_a_solution_and_nothing_else() -> None:
    system = location_scale_system(3, 5)
    values = np.array(verified_solution(3, 5).witness)
    free = choose_free(system, values)
    assert np.sum(free) == 5 and not free[np.argmax(np.abs(values[:, 0])), 0]
    centre = polish(system, values, free)
    box = solution_box(system, centre, free)
    assert box is not None
    assert [v.delta > 0 for v in box.ravel()] == free.ravel().tolist()
    for entry in np.flatnonzero(free):
        for error in ("1e-6", "-1e-6"):
            wrong = centre.copy()
            wrong.ravel()[entry] += mpmath.mpf(error)
            assert solution_box(system, wrong, free) is None
    # A box that does contain the solution is accepted although it is not centred there.
    wrong = centre.copy()
    wrong.ravel()[np.flatnonzero(free)[0]] += mpmath.mpf("1e-13")
    assert solution_box(system, wrong, free) is not None
    with pytest.raises(ValueError, match="4 variables for 5 equations"):
        solution_box(system, centre, free & (np.cumsum(free).reshape(free.shape) < 5))


def test_the_interval_test_leaves_the_precision_alone() -> None:
    before = mpmath.iv.prec
    try:
        mpmath.iv.prec = 61
        assert verify(location_scale_system(2, 3), TWO) is not None
        assert mpmath.iv.prec == 61
    finally:
        mpmath.iv.prec = before


def test_the_normalising_variable_is_not_free() -> None:
    # Its column has the largest norm by far.
    values = np.array([[1.0, 0.0, 5.0], [0.1, 0.1, 0.05]])
    assert not choose_free(location_scale_system(2, 2), values)[0, 0]


def test_trivial_solutions_and_negative_weights_are_not_verified() -> None:
    assert verify(location_scale_system(2, 3), TWO) is not None
    # Equal atoms with cancelling weights solve every order.
    cancelling = np.array([[1.0, -0.5, 0.5], [1.0, -0.5, -0.5]])
    assert np.all(location_scale_system(2, 3).residual(cancelling) == 0)
    assert verify(location_scale_system(2, 3), cancelling) is None
    # Quadrature for the negative of a moment functional: all weights change sign.
    assert verify(location_scale_system(2, 3), TWO * [1.0, 1.0, -1.0]) is None
    # All s1 zero: a regular solution at r = 3, but a trivial one.
    trivial = np.array([[0.0, 1.0, 0.5], [0.0, -1.0, 0.5], [0.0, 0.0, 0.5]])
    assert np.all(location_scale_system(3, 3).residual(trivial) == 0)
    assert verify(location_scale_system(3, 3), trivial) is None
    shifted = np.array([[1.0, -0.5, 0.5], [-1.0, -0.5, 0.5], [0.0, 0.0, 0.5]])
    assert verify(location_scale_system(3, 3), shifted) is not None


def test_a_small_residual_means_a_solution() -> None:
    at_five = residual_lower_bound(3, 5, n_starts=3)
    at_six = residual_lower_bound(3, 6, n_starts=5)
    assert at_five.residual is not None and at_five.residual < 1e-7
    assert at_six.residual == pytest.approx(1.74e-3, rel=0.1)
    assert at_six.status == at_five.status == "evidence"
    assert at_six.solvable is at_five.solvable is None
    # The witness attains the residual, in the moments of the formal mixture.
    moments = formal_moments(np.array(at_six.witness), 6)
    assert np.linalg.norm(moments) == pytest.approx(at_six.residual, rel=1e-6)


def test_a_smaller_set_leaves_a_larger_residual() -> None:
    wide, narrow = (residual_lower_bound(2, 4, n_starts=4, min_weight=w) for w in (0.02, 0.2))
    assert narrow.residual is not None and wide.residual is not None
    assert narrow.residual > 2 * wide.residual > 1e-2
    assert np.min(np.array(narrow.witness)[:, -1]) >= 0.2


def test_the_table() -> None:
    rows = r_bar_table((2, 4), n_starts=2)
    assert rows[0].m == 2 and rows[-1].m == 4
    firm = [row for row in rows if row.solvable is not None]
    for m in (2, 4):
        above = max(row.r for row in firm if row.m == m and row.solvable)
        below = min(row.r for row in firm if row.m == m and not row.solvable)
        assert (above, below) == (2 * m - 1, 2 * m)
    assert {row.status for row in rows if row.solvable is None} == {"evidence"}
    assert "smallest residual" in str(rows[-1]) and "evidence" in str(rows[-1])
    assert [(row.m, row.r) for row in rows if row.status == "evidence"] == [(2, 4), (4, 8)]
    assert sum("Groebner" in row.method for row in rows) == 1
    assert [row.statement for row in stated(7)] == ["r-bar(7) > 6"]


def test_a_zero_becomes_a_hermite_polynomial_under_the_backward_heat_flow() -> None:
    # Step 3 of the argument, on the quadrature solution, whose zero has the multiplicity 2m.
    m, shrink = 3, mpmath.mpf("1e-8")
    with mpmath.workdps(60):
        s1 = [-mpmath.sqrt(3), mpmath.mpf(0), mpmath.sqrt(3), mpmath.mpf(0)]
        s2 = [mpmath.mpf(-1) / 2] * m + [mpmath.mpf(0)]
        w = [mpmath.mpf(c) / 6 for c in (1, 4, 1, -6)]

        def flowed(t: mpmath.mpf) -> mpmath.mpf:
            # exp(-t^2 + s1 t + s2 t^2) is a Gaussian of variance v; the flow makes it v - eps.
            total = mpmath.mpf(0)
            for a, b, c in zip(s1, s2, w, strict=True):
                v = 1 / (2 * (1 - b))
                mean, height = a * v, mpmath.exp(a**2 * v / 2)
                new = v - shrink
                scale = mpmath.sqrt(v / new)
                total += c * height * scale * mpmath.exp(-((t - mean) ** 2) / (2 * new))
            return total

        root = mpmath.sqrt(shrink)
        # The coefficient c of t^6: quadrature errs by -m! at He_6, see the test above.
        c = -mpmath.mpf(6) / 720
        for tau in (-3, -1.7, -0.4, 0, 0.9, 2.2, 3.5):
            ratio = float(flowed(root * tau) / (c * shrink**m))
            hermite = np.polynomial.hermite_e.hermeval(tau, [0, 0, 0, 0, 0, 0, 1])
            assert ratio == pytest.approx(hermite, abs=0.05)
        signs = [mpmath.sign(flowed(root * mpmath.mpf(n) / 7)) for n in range(-30, 31)]
        assert sum(a * b < 0 for a, b in itertools.pairwise(signs)) == 2 * m


def test_every_status_says_what_its_method_says() -> None:
    for row in r_bar_table((2, 3, 4), n_starts=1):
        assert row.status == "proved" or "exact arithmetic" not in row.method
        assert row.status == "derived here" or "derived here" not in row.method
    assert "proved (exact arithmetic)" in (quadrature_solution.__doc__ or "")
    assert "exact arithmetic" in quadrature_solution(2).method


@pytest.mark.parametrize("m", [2.5, "2", None, 2.0])
def test_sizes_that_are_no_integers_are_refused(m: object) -> None:
    for function in (quadrature_solution, sign_change_bound, r_bar_evidence, stated):
        with pytest.raises(ValueError, match=f"m is {m!r}; give at least 2 atoms, an integer"):
            function(m)
    for function in (verified_solution, residual_lower_bound, location_scale_system):
        with pytest.raises(ValueError, match=f"m is {m!r}; give a positive integer"):
            function(m, 3)
        with pytest.raises(ValueError, match=f"r is {m!r}; give a positive integer"):
            function(2, m)
    with pytest.raises(ValueError, match=f"d is {m!r}; give a positive integer"):
        softmax_gaussian_system(2, 3, m)
    with pytest.raises(ValueError, match=f"n_starts is {m!r}; give a positive integer"):
        residual_lower_bound(2, 3, n_starts=m)


def test_wrong_arguments_are_named() -> None:
    for function in (quadrature_solution, sign_change_bound, r_bar_evidence, stated):
        with pytest.raises(ValueError, match="m is 1; give at least 2 atoms"):
            function(1)
    with pytest.raises(ValueError, match="n_starts is 0"):
        residual_lower_bound(2, 3, n_starts=0)
    with pytest.raises(ValueError, match="min_weight is 0"):
        residual_lower_bound(2, 3, min_weight=0.0)
