"""Gates: one file each."""

from mixexp.models.gates._base import Gate
from mixexp.models.gates.softmax import Softmax, SoftmaxParams

__all__ = ["Gate", "Softmax", "SoftmaxParams"]
