r"""Polynomial systems whose solvability sets the slow rates of over-fitted mixtures.

All of them are Taylor coefficients of one generating function. With positive weights
:math:`w_1,\dots,w_m` and a vector of degrees :math:`\delta_v` for each variable
:math:`x_v`,

.. math:: \sum_{j=1}^m w_j\exp\Big(\sum_v x_{vj}\,z^{\delta_v}\Big)
          =\sum_{j=1}^m w_j+O(\|z\|^{r+1}),

that is, for every multi-index :math:`\ell` with :math:`1\le|\ell|\le r`,

.. math:: \sum_{j=1}^m w_j\sum_{\alpha:\ \sum_v\alpha_v\delta_v=\ell}
          \prod_v\frac{x_{vj}^{\alpha_v}}{\alpha_v!}=0.

The papers write the weight as a square, :math:`w=s_3^2=p_5^2`, to say that it is positive.

References
----------
.. [1] Ho, N. and Nguyen, X. (2016). Convergence rates of parameter estimation for some weakly
   identifiable finite mixtures. Annals of Statistics 44, Proposition 2.1.
.. [2] Nguyen, H., Nguyen, T. and Ho, N. (2023). Demystifying softmax gating function in Gaussian
   mixture of experts. arXiv:2305.03288, equation (6).
.. [3] Nguyen, H., Nguyen, T., Nguyen, K. and Ho, N. (2024). Towards convergence rates for
   parameter estimation in Gaussian-gated mixture of experts. arXiv:2305.07572.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from importlib import import_module
from itertools import combinations_with_replacement
from math import factorial, prod
from numbers import Integral
from typing import Any, NamedTuple

import numpy as np

Degree = tuple[int, ...]


class Equation(NamedTuple):
    """One equation: its multi-index, and the coefficients and exponents of its monomials."""

    label: tuple[int, ...]
    monomials: tuple[tuple[Fraction, tuple[int, ...]], ...]


@dataclass(frozen=True)
class PolynomialSystem:
    r"""Equations :math:`\sum_{j=1}^m P_\ell(x_j)=0`, the same polynomial for every atom.

    Attributes
    ----------
    n_atoms : int
        Number m of atoms.
    order : int
        Largest total order r of a multi-index.
    names : tuple of str
        Variables of one atom; the last one is the weight.
    equations : tuple of Equation
        By increasing total order.

    Examples
    --------
    >>> system = location_scale_system(2, 3)
    >>> system.n_equations, system.n_variables
    (3, 6)
    >>> system.residual([[1.0, -0.5, 0.5], [-1.0, -0.5, 0.5]])
    array([0., 0., 0.])
    """

    n_atoms: int
    order: int
    names: tuple[str, ...]
    equations: tuple[Equation, ...]

    @property
    def n_equations(self) -> int:
        """Number of equations."""
        return len(self.equations)

    @property
    def n_variables(self) -> int:
        """Number of variables of all atoms together, weights included."""
        return self.n_atoms * len(self.names)

    def residual(self, values: Any) -> np.ndarray:
        r"""Left-hand sides :math:`\sum_jP_\ell(x_j)`.

        Parameters
        ----------
        values : array, shape (n_atoms, n_names)
            Floats, or objects with exact or controlled arithmetic: fractions, mpmath numbers and
            intervals, sympy expressions.

        Returns
        -------
        array, shape (n_equations,)
            Of the type of the values.

        Raises
        ------
        ValueError
            If the shape is wrong.
        """
        x = self._checked(values)
        return self._collect(_powers(x, self._exponents).sum(axis=0))

    def jacobian(self, values: Any) -> np.ndarray:
        r"""Derivatives of :meth:`residual`, shape (n_equations, n_atoms, n_names)."""
        x = self._checked(values)
        columns = []
        for v in range(len(self.names)):
            power = self._exponents[:, v]
            lowered = self._exponents.copy()
            lowered[:, v] = np.maximum(power - 1, 0)
            terms = _powers(x, lowered) * power
            columns.append([self._collect(terms[j]) for j in range(self.n_atoms)])
        return np.array(columns, dtype=x.dtype).transpose(2, 1, 0)

    def without(self, *names: str) -> PolynomialSystem:
        """The system with some variables set to zero, and equations 0 = 0 left out.

        Examples
        --------
        >>> softmax_gaussian_system(2, 4).without("p1", "p2").n_equations
        4
        """
        unknown = set(names) - set(self.names[:-1])
        if unknown:
            raise ValueError(f"names: no variables {sorted(unknown)}; choose among {self.names}")
        kept = [i for i, name in enumerate(self.names) if name not in names]
        gone = [i for i, name in enumerate(self.names) if name in names]
        equations = [
            Equation(label, tuple((c, tuple(e[i] for i in kept)) for c, e in reduced))
            for label, monomials in self.equations
            if (reduced := [(c, e) for c, e in monomials if not any(e[i] for i in gone)])
        ]
        remaining = tuple(self.names[i] for i in kept)
        return PolynomialSystem(self.n_atoms, self.order, remaining, tuple(equations))

    def symbols(self) -> np.ndarray:
        """The variables as real sympy symbols, shape (n_atoms, n_names)."""
        sympy = require("sympy")
        rows = [
            [sympy.Symbol(f"{name}_{j + 1}", real=True) for name in self.names]
            for j in range(self.n_atoms)
        ]
        return np.array(rows, dtype=object)

    def to_sympy(self) -> list[Any]:
        """The left-hand sides as sympy expressions in :meth:`symbols`.

        Examples
        --------
        >>> print(*location_scale_system(2, 2).to_sympy(), sep=", ")
        s1_1*w_1 + s1_2*w_2, s1_1**2*w_1/2 + s1_2**2*w_2/2 + s2_1*w_1 + s2_2*w_2
        """
        return list(self.residual(self.symbols()))

    @cached_property
    def _exponents(self) -> np.ndarray:
        return np.array([e for equation in self.equations for _, e in equation.monomials])

    @cached_property
    def _coefficients(self) -> np.ndarray:
        matrix = np.zeros((self.n_equations, len(self._exponents)))
        start = 0
        for i, (_, monomials) in enumerate(self.equations):
            matrix[i, start : start + len(monomials)] = [float(c) for c, _ in monomials]
            start += len(monomials)
        return matrix

    def _collect(self, monomials: np.ndarray) -> np.ndarray:
        if monomials.dtype != object:
            return self._coefficients @ monomials
        # Numerator and denominator one by one: no type but Fraction knows how to take a Fraction.
        values = iter(monomials)
        sums = [
            sum(next(values) * c.numerator / c.denominator for c, _ in equation.monomials)
            for equation in self.equations
        ]
        return np.array(sums, dtype=object)

    def _checked(self, values: Any) -> np.ndarray:
        x = np.asarray(values)
        shape = (self.n_atoms, len(self.names))
        if x.shape != shape:
            raise ValueError(f"values: shape {x.shape}, expected {shape}, one row per atom")
        if x.dtype != object:
            return x.astype(float)
        # Exact division for integers in the midst of fractions.
        return np.frompyfunc(lambda v: Fraction(v) if isinstance(v, int) else v, 1, 1)(x)


def location_scale_system(m: int, r: int) -> PolynomialSystem:
    r"""System of Gaussian location-scale mixtures: Proposition 2.1 of [1]_.

    .. math:: \sum_{i=1}^m\sum_{n_1+2n_2=\ell}\frac{s_{3i}^2s_{1i}^{n_1}s_{2i}^{n_2}}{n_1!\,n_2!}=0,
              \qquad\ell=1,\dots,r.

    A solution is non-trivial if every weight w = s3^2 is positive and some s1 is not zero.

    Examples
    --------
    >>> location_scale_system(3, 6).names
    ('s1', 's2', 'w')
    """
    return _from_degrees(m, r, {"s1": (1,), "s2": (2,)})


def softmax_gaussian_system(m: int, r: int, d: int = 1) -> PolynomialSystem:
    r"""System (6) of [2]_, of softmax-gated Gaussian experts in d covariates.

    .. math:: \sum_{j=1}^m\sum_{\alpha\in I_{\ell_1,\ell_2}}\frac{p_{5j}^2}{\alpha!}
              p_{1j}^{\alpha_1}p_{2j}^{\alpha_2}p_{3j}^{\alpha_3}p_{4j}^{\alpha_4}=0,\qquad
              I_{\ell_1,\ell_2}=\{\alpha_1+\alpha_2=\ell_1,\ |\alpha_2|+\alpha_3+2\alpha_4=\ell_2\}

    for :math:`1\le|\ell_1|+\ell_2\le r`; p1 to p4 stand for the errors of the gate's slope, the
    expert's slope, intercept and variance. A solution is non-trivial if every weight w = p5^2 is
    positive and some p3 is not zero. Names are p1, p2 for d = 1, else p1_1, ..., p2_d.

    Examples
    --------
    >>> softmax_gaussian_system(2, 3).n_equations, softmax_gaussian_system(2, 3, d=2).n_equations
    (9, 19)
    """
    unit = _units(d)
    degrees: dict[str, Degree] = {_name("p1", d, u): (*unit[u], 0) for u in range(d)}
    degrees |= {_name("p2", d, u): (*unit[u], 1) for u in range(d)}
    zero = (0,) * d
    return _from_degrees(m, r, degrees | {"p3": (*zero, 1), "p4": (*zero, 2)})


def gaussian_gate_system(m: int, r: int, d: int = 1) -> PolynomialSystem:
    r"""System of Gaussian-gated Gaussian experts, for cells at the origin of the covariates ([3]_).

    .. math:: \sum_{l=1}^mp_{6l}^2\sum_{\alpha}\prod_{u\le5}\frac{p_{ul}^{\alpha_u}}{\alpha_u!}=0,
              \qquad\alpha_1+2\alpha_2+\alpha_3=\ell_1,\ |\alpha_3|+\alpha_4+2\alpha_5=\ell_2

    for :math:`1\le|\ell_1|+\ell_2\le r`; p1 to p5 stand for the errors of the gate's centre and
    covariance, the expert's slope, intercept and variance. For d > 1 the system is derived here:
    entry p2_uv, u <= v, of the covariance counts in coordinates u and v.

    Examples
    --------
    >>> gaussian_gate_system(2, 4).names
    ('p1', 'p2', 'p3', 'p4', 'p5', 'w')
    """
    unit = _units(d)
    degrees: dict[str, Degree] = {_name("p1", d, u): (*unit[u], 0) for u in range(d)}
    for u, v in combinations_with_replacement(range(d), 2):
        both = tuple(a + b for a, b in zip(unit[u], unit[v], strict=True))
        degrees["p2" if d == 1 else f"p2_{u + 1}{v + 1}"] = (*both, 0)
    degrees |= {_name("p3", d, u): (*unit[u], 1) for u in range(d)}
    zero = (0,) * d
    return _from_degrees(m, r, degrees | {"p4": (*zero, 1), "p5": (*zero, 2)})


def require(package: str) -> Any:
    """A package of the extra ``theory``, or an error that names the remedy.

    Examples
    --------
    >>> require("sympy").Integer(2) ** 3
    8
    """
    try:
        return import_module(package)
    except ImportError as error:
        raise ImportError(
            f"this needs {package}, which is not installed: pip install 'mixexp[theory]'"
        ) from error


def check_integers(**values: Any) -> None:
    """Refuse arguments that are not positive integers, by name.

    Raises
    ------
    ValueError
        Names the argument and its value.

    Examples
    --------
    >>> check_integers(m=2, r=2.5)
    Traceback (most recent call last):
    ValueError: r is 2.5; give a positive integer
    """
    for name, value in values.items():
        if not isinstance(value, Integral) or isinstance(value, bool) or value < 1:
            raise ValueError(f"{name} is {value!r}; give a positive integer")


def _from_degrees(m: int, r: int, degrees: dict[str, Degree]) -> PolynomialSystem:
    check_integers(m=m, r=r)
    steps = list(degrees.values())
    equations = []
    for total in range(1, r + 1):
        for label in _labels(total, len(steps[0])):
            monomials = tuple(
                (Fraction(1, prod(map(factorial, alpha))), (*alpha, 1))
                for alpha in _combinations(steps, label)
            )
            equations.append(Equation(label, monomials))
    return PolynomialSystem(m, r, (*degrees, "w"), tuple(equations))


def _labels(total: int, length: int) -> Iterator[tuple[int, ...]]:
    """Multi-indices of a given length and sum, the first entry decreasing."""
    if length == 1:
        yield (total,)
        return
    for first in range(total, -1, -1):
        yield from ((first, *rest) for rest in _labels(total - first, length - 1))


def _combinations(steps: list[Degree], label: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    """All counts alpha with sum of alpha_v times step_v equal to the label."""
    if not steps:
        if not any(label):
            yield ()
        return
    rest, count = label, 0
    while min(rest) >= 0:
        yield from ((count, *others) for others in _combinations(steps[1:], rest))
        rest = tuple(a - b for a, b in zip(rest, steps[0], strict=True))
        count += 1


def _powers(x: np.ndarray, exponents: np.ndarray) -> np.ndarray:
    return np.prod(x[:, None, :] ** exponents, axis=2)


def _units(d: int) -> list[tuple[int, ...]]:
    check_integers(d=d)
    return [tuple(int(u == v) for v in range(d)) for u in range(d)]


def _name(name: str, d: int, u: int) -> str:
    return name if d == 1 else f"{name}_{u + 1}"
