r"""Proofs about the exponents :math:`\bar r(m)`: two atoms by elimination, any m by sign changes.

Two atoms and the lower bound 2m are proved (exact arithmetic); the upper bound 2m for any m is
argued (derived here, not refereed).

References
----------
.. [1] Ho, N. and Nguyen, X. (2016). Convergence rates of parameter estimation for some weakly
   identifiable finite mixtures. Annals of Statistics 44, Proposition 2.1.
.. [2] Nguyen, H., Nguyen, T. and Ho, N. (2023). Demystifying softmax gating function in Gaussian
   mixture of experts. arXiv:2305.03288, Lemma 1 (values for m = 2, 3; :math:`2m` a conjecture).
.. [3] Karlin, S. (1968). Total Positivity, volume I (variation diminishing property of the
   Gaussian kernel).
.. [4] Kalai, A., Moitra, A. and Valiant, G. (2010). Efficiently learning mixtures of two
   Gaussians. STOC, Proposition 7 (zeros of linear combinations of Gaussians).
.. [5] Szegő, G. (1975). Orthogonal Polynomials, 4th edition. American Mathematical Society,
   Theorem 3.3.1 (zeros of orthogonal polynomials are real and simple) and section 3.4 (quadrature).
"""

from __future__ import annotations

import time
from fractions import Fraction
from typing import Any

import numpy as np

from mixexp.theory.systems.solvability import Solvability, as_witness, check_size
from mixexp.theory.systems.system import (
    Equation,
    PolynomialSystem,
    location_scale_system,
    require,
    softmax_gaussian_system,
)


def prove_two_atoms() -> tuple[Solvability, Solvability]:
    r"""Proof that :math:`\bar r(2)=4`: a rational solution at r = 3, and none at r = 4.

    *Solution at r = 3.* :math:`(s_1,s_2,w)=(1,-\tfrac12,\tfrac12),(-1,-\tfrac12,\tfrac12)` solves
    the three equations; they are evaluated in fractions.

    *No solution at r = 4.* Suppose that :math:`w_1,w_2>0` and that some s1 is not zero.

    1. Equation 1 reads :math:`w_1s_{11}+w_2s_{12}=0`. So neither s1 is zero, and
       :math:`s_{11}=-s\,s_{12}` with :math:`s=w_2/w_1>0`.
    2. Equation :math:`\ell` is multiplied by :math:`c^\ell` under
       :math:`(s_1,s_2)\mapsto(cs_1,c^2s_2)`, and by c under :math:`w\mapsto cw`. So
       :math:`s_{12}=1,\ w_1=1` may be assumed, hence :math:`s_{11}=-s,\ w_2=s`.
    3. Equations 2, 3 and 4 are now polynomials in :math:`s_{21},s_{22},s`. A Groebner basis of
       them and of :math:`sz-1` (which says that s is not zero) contains a polynomial in s alone.
       Every solution has this polynomial vanish at its s.
    4. That polynomial has no positive root, counted exactly by Sturm's theorem. But s > 0.

    Every step is checked by the computation. By :func:`reduces_to_location_scale` the result
    holds for the system of softmax-gated Gaussian experts as well.

    Returns
    -------
    tuple of Solvability
        For r = 3 and for r = 4; status "proved".

    Raises
    ------
    ArithmeticError
        If a step fails.
    ImportError
        If sympy is not installed.

    Examples
    --------
    >>> [proof.statement for proof in prove_two_atoms()]
    ['r-bar(2) > 3', 'r-bar(2) <= 4']
    """
    start = time.perf_counter()
    half = Fraction(1, 2)
    values = np.array([[1, -half, half], [-1, -half, half]], dtype=object)
    _ensure(not any(location_scale_system(2, 3).residual(values)), "the solution at r = 3")
    solution = Solvability(
        2, 3, True, "proved", "rational solution, exact arithmetic",
        as_witness(values), seconds=time.perf_counter() - start,
    )  # fmt: skip
    start = time.perf_counter()
    eliminant = two_atom_eliminant(4)
    _ensure(eliminant is not None, "elimination")
    _ensure(eliminant.eval(0) != 0 and eliminant.count_roots(0, None) == 0, "Sturm's count")
    factors = require("sympy").factor(eliminant.as_expr())
    method = f"Groebner basis: {factors} = 0 for the ratio s of the weights has no root s > 0"
    seconds = time.perf_counter() - start
    return solution, Solvability(2, 4, False, "proved", method, seconds=seconds)


def two_atom_eliminant(r: int) -> Any:
    r"""Polynomial in :math:`s=w_2/w_1` that vanishes at every solution for two atoms, or None.

    Steps 1 to 3 of :func:`prove_two_atoms`.

    Examples
    --------
    >>> two_atom_eliminant(4).as_expr().factor()
    (s + 1)*(s**2 + s + 1)
    >>> two_atom_eliminant(3) is None
    True
    """
    sympy = require("sympy")
    system = location_scale_system(2, r)
    x = system.symbols()
    equations = system.to_sympy()
    (a1, b1, w1), (a2, b2, w2) = x
    _ensure(sympy.expand(equations[0] - (w1 * a1 + w2 * a2)) == 0, "step 1")
    c = sympy.Symbol("c")
    scaled = {a1: c * a1, a2: c * a2, b1: c**2 * b1, b2: c**2 * b2}
    for order, equation in enumerate(equations, start=1):
        changed = equation.subs(scaled, simultaneous=True) - c**order * equation
        _ensure(sympy.expand(changed) == 0, f"scaling in equation {order}")
        changed = equation.subs({w1: c * w1, w2: c * w2}, simultaneous=True) - c * equation
        _ensure(sympy.expand(changed) == 0, f"scaling of weights in equation {order}")
    s, z = sympy.symbols("s z")
    reduced = [sympy.expand(e.subs({a1: -s, a2: 1, w1: 1, w2: s})) for e in equations]
    _ensure(reduced[0] == 0, "equation 1 after step 2")
    basis = sympy.groebner([*reduced[1:], s * z - 1], z, b1, b2, s, order="lex", domain="QQ")
    alone = [p for p in basis.exprs if p.free_symbols <= {s}]
    return sympy.Poly(alone[0], s) if alone else None


def reduces_to_location_scale(m: int, r: int, d: int = 1) -> bool:
    r"""Whether every solution of the softmax system has :math:`p_1=p_2=0` (derived here, r >= 4).

    Equation :math:`(2e_u,0)` is :math:`\sum_jw_jp_{1ju}^2/2=0`, a sum of squares with positive
    coefficients, so p1 = 0. Then equation :math:`(2e_u,2)`, of order 4, becomes
    :math:`\sum_jw_jp_{2ju}^2/2=0`, so p2 = 0. What remains are the location-scale equations in
    (p3, p4), so both systems have the same exponent. The function reads this off the monomials.

    Examples
    --------
    >>> reduces_to_location_scale(2, 4, d=2), reduces_to_location_scale(2, 3)
    (True, False)
    """
    system = softmax_gaussian_system(m, r, d)
    for block in ("p1", "p2"):
        names = [name for name in system.names if name.split("_")[0] == block]
        if not all(_is_square(system, name) for name in names):
            return False
        system = system.without(*names)
    # The labels of what is left are (0, ..., 0, l).
    left = [Equation(e.label[-1:], e.monomials) for e in system.equations]
    return tuple(left) == location_scale_system(m, r).equations


def quadrature_solution(m: int) -> Solvability:
    r"""A solution at r = 2m - 1 from Gauss-Hermite quadrature, so :math:`\bar r(m)\ge2m`.

    .. math:: s_{1i}=x_i,\qquad s_{2i}=-\tfrac12,\qquad w_i=\lambda_i>0

    with the nodes and weights that integrate polynomials of degree below 2m against N(0, 1).
    Status: proved (exact arithmetic). The system says that a formal mixture of normal laws with
    means s1 and variances 2 s2, which may be negative, has the moments of a point mass up to order
    r. Quadrature has the moments of N(0, 1) up to order 2m - 1, and the variance -1 takes them
    back to those of a point.

    In formulas, equation :math:`\ell` is :math:`\sum_i\lambda_i He_\ell(x_i)/\ell!`, and quadrature
    makes this :math:`E\,He_\ell(Z)/\ell!=0` ([5]_). Checked exactly: the equations are Hermite
    polynomials; :math:`He_m` has m distinct real roots; and it is orthogonal to
    :math:`1,x,\dots,x^{m-1}`, which makes quadrature exact below degree 2m and its weights
    :math:`E\prod_{k\ne i}((Z-x_k)/(x_i-x_k))^2` positive.

    Raises
    ------
    ArithmeticError
        If a check fails.
    ValueError
        If m is not an integer of 2 or more.

    Examples
    --------
    >>> solution = quadrature_solution(3)
    >>> solution.statement, solution.witness[2]
    ('r-bar(3) > 5', (1.732, -0.5, 0.1667))
    """
    check_size(m)
    sympy = require("sympy")
    start = time.perf_counter()
    x = sympy.Symbol("x")
    hermite = [sympy.Poly(_heat_polynomial(degree, x), x) for degree in range(2 * m)]
    one_atom = np.array([[x, -sympy.Rational(1, 2), sympy.Integer(1)]], dtype=object)
    for degree, equation in enumerate(location_scale_system(1, 2 * m - 1).residual(one_atom), 1):
        expected = hermite[degree].as_expr() / sympy.factorial(degree)
        _ensure(sympy.expand(equation - expected) == 0, f"equation {degree} as a polynomial")
    _ensure(hermite[m].count_roots() == m, "distinct real nodes")
    for degree in range(m):
        _ensure(_normal_mean(hermite[m] * sympy.Poly(x**degree, x)) == 0, "orthogonality")
    nodes, weights = np.polynomial.hermite_e.hermegauss(m)
    values = np.column_stack((nodes, np.full(m, -0.5), weights / weights.sum()))
    method = "Gauss-Hermite nodes and weights, exact arithmetic"
    seconds = time.perf_counter() - start
    return Solvability(m, 2 * m - 1, True, "proved", method, as_witness(values), seconds=seconds)


def sign_change_bound(m: int) -> Solvability:
    r"""No non-trivial solution at r = 2m, so :math:`\bar r(m)\le2m`: an argument derived here.

    1. The equations say that :math:`F(t)=\sum_iw_i(e^{s_{1i}t+s_{2i}t^2}-1)` has at t = 0 a zero
       of multiplicity q > r. Put equal atoms together, and atoms (0, 0) with the constant: what
       is left is a combination of :math:`k\le m+1` different exponentials with non-zero
       coefficients (those of the atoms are positive and cannot cancel), and k >= 2 if the
       solution is non-trivial. Different exponentials are linearly independent, so F is not
       zero and q is finite. Times :math:`e^{-Kt^2}` with K large, which keeps q, it is a
       combination f of k different Gaussian densities.
    2. *A combination of k different Gaussian densities changes sign at most 2(k - 1) times* ([4]_
       for different variances). By induction: let v be the smallest variance, shared by j
       of them. Then f is the convolution of N(0, v) with the signed measure of j point masses
       and the function g, where g combines k - j Gaussians. Convolution with a Gaussian does not
       increase the number of sign changes [3]_, also for signed measures :math:`h\,d|\mu|` with
       :math:`h=\pm1`; for functions first, then with the point masses as limits of narrow
       Gaussians, cut off where they are negligible, as limits add no sign changes. g has at most
       2(k - j - 1) of them if k > j; and each point mass adds at most 2. If k = j, the j point
       masses have at most j - 1.
    3. *A zero of multiplicity q gives q sign changes.* Reduce all variances by :math:`\epsilon`,
       :math:`0<\epsilon<` the smallest variance, which is the heat flow backwards:
       :math:`f_\epsilon=e^{-\epsilon D^2/2}f` is again a combination of k different Gaussian
       densities, jointly analytic in :math:`(\epsilon,t)`. With the zero at t = 0 and
       :math:`f(t)=ct^q+\cdots,\ c\ne0`, all terms :math:`\epsilon^nt^p` of its expansion have the
       parabolic degree :math:`2n+p\ge q`, so that under :math:`t=\sqrt\epsilon\,\tau`

       .. math:: f_\epsilon(\sqrt\epsilon\,\tau)=c\,\epsilon^{q/2}He_q(\tau)
                 +O(\epsilon^{(q+1)/2})

       uniformly for :math:`\tau` in a compact set. The Hermite polynomial :math:`He_q` has q
       simple real roots, for every q [5]_. Simple roots persist under small perturbations, each
       with a change of sign, so q <= 2(k - 1) by step 2.
    4. So r + 1 <= q <= 2(k - 1) <= 2m, and r <= 2m - 1.

    The argument uses no property of the weights but their sign, and it applies to the other
    systems too, on every line through the origin of z in their generating function: at
    r = 2m all their variables vanish. The roots of :math:`He_q` are a classical theorem; the
    computation is a check of the one case q = 2m + 1 and no part of the argument.

    With :func:`quadrature_solution`, :math:`\bar r(m)` is 2m: stated in the literature for
    m = 2, 3; derived here, not refereed, for m >= 4, where [2]_ has it as a conjecture.

    Raises
    ------
    ArithmeticError
        If the check fails.
    ValueError
        If m is not an integer of 2 or more.

    Examples
    --------
    >>> sign_change_bound(4).statement
    'r-bar(4) <= 8'
    """
    check_size(m)
    sympy = require("sympy")
    start = time.perf_counter()
    x = sympy.Symbol("x")
    q = 2 * m + 1
    _ensure(sympy.Poly(_heat_polynomial(q, x), x).count_roots() == q, "roots of He_q")
    method = "sign changes of combinations of Gaussians: an argument, not refereed"
    seconds = time.perf_counter() - start
    return Solvability(m, 2 * m, False, "derived here", method, seconds=seconds)


def _heat_polynomial(degree: int, x: Any) -> Any:
    """The Hermite polynomial exp(-D^2 / 2) x^degree, whose mean under N(0, 1) is zero."""
    sympy = require("sympy")
    return sum(
        sympy.Rational((-1) ** n, 2**n * sympy.factorial(n)) * sympy.diff(x**degree, x, 2 * n)
        for n in range(degree // 2 + 1)
    )


def _normal_mean(polynomial: Any) -> Any:
    """Mean of a polynomial under N(0, 1), exactly."""
    sympy = require("sympy")
    return sum(
        coefficient * sympy.factorial2(power - 1)
        for (power,), coefficient in polynomial.terms()
        if power % 2 == 0
    )


def _is_square(system: PolynomialSystem, name: str) -> bool:
    """Whether some equation is a positive multiple of the sum of w times this variable squared."""
    square = tuple(2 if other == name else int(other == system.names[-1]) for other in system.names)
    return any(
        len(monomials) == 1 and monomials[0][1] == square and monomials[0][0] > 0
        for _, monomials in system.equations
    )


def _ensure(condition: bool, step: str) -> None:
    if not condition:
        raise ArithmeticError(f"the proof fails at this step: {step}")
