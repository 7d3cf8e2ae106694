"""Gates: one file each."""

from mixexp.models.gates._base import Gate, Pieces
from mixexp.models.gates.activation import Activation, ActivationParams
from mixexp.models.gates.gaussian import GaussianGate, GaussianGateParams
from mixexp.models.gates.softmax import Softmax, SoftmaxParams
from mixexp.models.gates.temperature import Temperature, TemperatureParams
from mixexp.models.gates.topk import TopK
from mixexp.models.gates.transformed import Transformed

__all__ = [
    "Activation",
    "ActivationParams",
    "Gate",
    "GaussianGate",
    "GaussianGateParams",
    "Pieces",
    "Softmax",
    "SoftmaxParams",
    "Temperature",
    "TemperatureParams",
    "TopK",
    "Transformed",
]
