"""Convergence theory: losses between mixing measures, distances between their densities."""

from mixexp.theory import losses
from mixexp.theory.divergences.divergence import divergence, moe_divergence
from mixexp.theory.divergences.law import Law, law_of
from mixexp.theory.divergences.monte_carlo import sampled_conditional, sampled_divergence
from mixexp.theory.divergences.panel_distances import (
    gaussian_hellinger,
    hellinger,
    moe_densities,
    squared_hellinger,
    total_variation,
)
from mixexp.theory.divergences.summary import Divergence, DivergenceError, PointDivergence
from mixexp.theory.exponents.catalogue import Check, Prediction, standard_checks
from mixexp.theory.exponents.directions import Merge, Move, Split
from mixexp.theory.exponents.estimate import LocalExponents
from mixexp.theory.exponents.joint import joint_exponents, joint_split
from mixexp.theory.exponents.local import local_exponents
from mixexp.theory.exponents.table import Verdict, exponent_table
from mixexp.theory.losses.softmax_gaussian import d1, d2, d2_sharp
from mixexp.theory.rates import rates
from mixexp.theory.systems.proof import (
    prove_two_atoms,
    quadrature_solution,
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
from mixexp.theory.truths.description import Description, describe, describe_all
from mixexp.theory.truths.joint import JOINT_TRUTHS, sample_joint
from mixexp.theory.truths.make import make_truth
from mixexp.theory.truths.named import TRUTHS
from mixexp.theory.truths.truth import Design, Truth, uniform_design
from mixexp.theory.voronoi.cell_errors import cell_errors
from mixexp.theory.voronoi.cells import Partition, voronoi_partition
from mixexp.theory.voronoi.engine import (
    Contribution,
    LossTable,
    Shift,
    VoronoiLoss,
    loss_table,
    voronoi_loss,
)

__all__ = [
    "JOINT_TRUTHS",
    "TRUTHS",
    "Check",
    "Contribution",
    "Description",
    "Design",
    "Divergence",
    "DivergenceError",
    "Law",
    "LocalExponents",
    "LossTable",
    "Merge",
    "Move",
    "Partition",
    "PointDivergence",
    "PolynomialSystem",
    "Prediction",
    "Shift",
    "Solvability",
    "Split",
    "Truth",
    "Verdict",
    "VoronoiLoss",
    "cell_errors",
    "d1",
    "d2",
    "d2_sharp",
    "describe",
    "describe_all",
    "divergence",
    "exponent_table",
    "gaussian_gate_system",
    "gaussian_hellinger",
    "hellinger",
    "joint_exponents",
    "joint_split",
    "law_of",
    "local_exponents",
    "location_scale_system",
    "loss_table",
    "losses",
    "make_truth",
    "moe_densities",
    "moe_divergence",
    "prove_two_atoms",
    "quadrature_solution",
    "r_bar_evidence",
    "r_bar_table",
    "rates",
    "residual_lower_bound",
    "sample_joint",
    "sampled_conditional",
    "sampled_divergence",
    "sign_change_bound",
    "softmax_gaussian_system",
    "squared_hellinger",
    "standard_checks",
    "total_variation",
    "uniform_design",
    "verified_solution",
    "voronoi_loss",
    "voronoi_partition",
]
