"""The polynomial systems behind slow rates, and the orders at which they have no solution."""

from mixexp.theory.systems.proof import (
    prove_two_atoms,
    quadrature_solution,
    reduces_to_location_scale,
    sign_change_bound,
)
from mixexp.theory.systems.search import residual_lower_bound, verified_solution
from mixexp.theory.systems.solvability import Solvability
from mixexp.theory.systems.system import (
    PolynomialSystem,
    gaussian_gate_system,
    location_scale_system,
    softmax_gaussian_system,
)
from mixexp.theory.systems.table import r_bar_evidence, r_bar_table

__all__ = [
    "PolynomialSystem",
    "Solvability",
    "gaussian_gate_system",
    "location_scale_system",
    "prove_two_atoms",
    "quadrature_solution",
    "r_bar_evidence",
    "r_bar_table",
    "reduces_to_location_scale",
    "residual_lower_bound",
    "sign_change_bound",
    "softmax_gaussian_system",
    "verified_solution",
]
