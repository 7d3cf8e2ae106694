"""P3, a free temperature: the scale of the gate is not in the data, its ratios are."""

from mixexp.estimation.box import Bounds
from mixexp.models import Softmax, Temperature
from mixexp.simulation import Expectation, Quantity, log_spaced_sizes
from mixexp.simulation.claims import Cells, Claim, Cost, Hellinger
from mixexp.simulation.claims.problems.scale_ray import OnRay, Ratios
from mixexp.theory.exponents.directions import Move
from mixexp.theory.losses import temperature_gaussian
from mixexp.theory.truths.named import TRUTHS

THETA = Bounds(
    gate=20.0, expert=20.0, scale=(0.02**0.5, 20.0**0.5), temperature=(0.01, 20.0)
)  # fmt: skip
FLAT = Expectation(None, kind="stated")
HALF = Expectation(-1 / 2, kind="derived here")
STATED_HALF = Expectation(-1 / 2, kind="stated")

CLAIM = Claim(
    name="p3_temperature",
    title="Softmax gate with a free temperature",
    statement=(
        "As stated in the literature: h falls like n^(-1/2), gate parameters and temperature "
        "slower than every power of n. Derived here: (b0, b1, tau) and c (b0, b1, tau) are one law "
        "for every c > 0, so raw errors do not converge at all (they tell where the start was: "
        "the arms near the truth look accurate), while b0 / tau, b1 / tau and the experts have "
        "the rate n^(-1/2)."
    ),
    source="arXiv:2401.13875, abstract; theorem as stated elsewhere",
    problem=OnRay(
        TRUTHS["temperature"], k=2, bounds=THETA, gate=Temperature(Softmax(), normalize=False)
    ),
    sizes=log_spaced_sizes(1000, 31_600, 4),
    seconds=150.0,
    cost=Cost(1.5, 5e-5),
    measures=(
        Ratios(temperature_gaussian.d(1.0)),
        Cells(temperature_gaussian.d(1.0)),
        Hellinger(),
    ),
    quantities=(
        Quantity("hellinger", "Hellinger distance", Expectation(-1 / 2)),
        Quantity("raw_gate_intercept", "raw gate intercept", FLAT),
        Quantity("raw_gate_coef", "raw gate slope", FLAT),
        Quantity("raw_temperature", "raw temperature", FLAT),
        Quantity("ratio_gate_intercept", "gate intercept / temperature", HALF),
        Quantity("ratio_gate_coef", "gate slope / temperature", HALF),
        Quantity("single_coef", "expert slopes", STATED_HALF),
        Quantity("single_intercept", "expert intercepts", STATED_HALF),
        Quantity("single_variance", "variances", STATED_HALF),
    ),
    directions={
        "raw_temperature": Move("gate_temperature"),
        "raw_gate_coef": Move("gate_coef"),
        "single_coef": Move("coef"),
    },
)
