"""Exact invariances: transformations of the parameters that leave the conditional law alone."""

from mixexp.estimation.identifiability.invariances._base import (
    Claim,
    Invariance,
    Law,
    Setting,
    n_distinct,
)
from mixexp.estimation.identifiability.invariances.classes import (
    CONSTANT,
    EVEN_BINARY,
    MIRRORED,
    SHARED_SLOPE,
)
from mixexp.estimation.identifiability.invariances.copies import COMMON_FACTOR, COPIES
from mixexp.estimation.identifiability.invariances.gates import (
    REFERENCE,
    SCALE,
    SIGMOID_AS_TANH,
    SIGNS,
)
from mixexp.estimation.identifiability.invariances.gaussian import COMMON_PAIRS, LOG_QUADRATIC
from mixexp.estimation.identifiability.invariances.sparse import BIASES, NEVER_ACTIVE, REGIONS
from mixexp.estimation.identifiability.invariances.verify import (
    TOLERANCE,
    Points,
    Verified,
    density_difference,
    grid_points,
    verify,
)

INVARIANCES: tuple[Invariance, ...] = (
    COPIES,
    COMMON_FACTOR,
    LOG_QUADRATIC,
    COMMON_PAIRS,
    SCALE,
    SIGNS,
    REFERENCE,
    SIGMOID_AS_TANH,
    BIASES,
    REGIONS,
    NEVER_ACTIVE,
    CONSTANT,
    SHARED_SLOPE,
    EVEN_BINARY,
    MIRRORED,
)
"""All of them but relabelling and translation, which every comparison here forgives."""

__all__ = [
    "INVARIANCES",
    "TOLERANCE",
    "Claim",
    "Invariance",
    "Law",
    "Points",
    "Setting",
    "Verified",
    "density_difference",
    "grid_points",
    "n_distinct",
    "verify",
]
