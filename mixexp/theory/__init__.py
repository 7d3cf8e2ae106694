"""Convergence theory: losses between mixing measures, distances between their densities."""

from mixexp.theory.cell_errors import cell_errors
from mixexp.theory.divergences import (
    Design,
    Divergence,
    gaussian_hellinger,
    hellinger,
    moe_densities,
    moe_divergence,
    squared_hellinger,
    total_variation,
    uniform_design,
)
from mixexp.theory.losses import d1, d2, d2_sharp
from mixexp.theory.voronoi import Partition, voronoi_partition
from mixexp.theory.voronoi_loss import Contribution, Shift, VoronoiLoss, voronoi_loss

__all__ = [
    "Contribution",
    "Design",
    "Divergence",
    "Partition",
    "Shift",
    "VoronoiLoss",
    "cell_errors",
    "d1",
    "d2",
    "d2_sharp",
    "gaussian_hellinger",
    "hellinger",
    "moe_densities",
    "moe_divergence",
    "squared_hellinger",
    "total_variation",
    "uniform_design",
    "voronoi_loss",
    "voronoi_partition",
]
