"""The transformed ("modified") softmax gate."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mixexp.models.basis import Affine
from mixexp.models.coordinates import Coordinate, Sharing
from mixexp.models.gates.softmax import Softmax
from mixexp.models.maps import TANH, Map, Mapped


class Transformed(Softmax):
    """Softmax gate of bounded maps of x, π_k(x) ∝ exp(β0_k + β1_kᵀ M(x)).

    M acts on each column of x in the user's units, whatever the fit standardises: with ``tanh``,
    columns should be of order one.

    Parameters
    ----------
    map : Map or callable, default=TANH
        The function of one number: :data:`mixexp.models.maps.TANH`, ``SIGMOID``, ``COS``, or any
        function of arrays defined at module level.

    Raises
    ------
    ValueError
        If ``map`` is not a callable that can be pickled.

    References
    ----------
    Nguyen, Akbarian, Nguyen & Ho (2023), arXiv 2310.14188, the modified softmax gate.

    Examples
    --------
    >>> Transformed().coordinates(columns=(0, 1))[0].basis.names(["a", "b"])
    ('1', 'tanh(a)', 'tanh(b)')
    """

    def __init__(self, map: Map | Callable[[Any], Any] = TANH):
        self.map = map

    def check(self, n_experts: int) -> None:
        Map.of(self.map)

    def coordinates(
        self, columns: tuple[int, ...], affine: Affine | None = None
    ) -> tuple[Coordinate, ...]:
        n = len(columns)
        center, scale = (0.0,) * n, (1.0,) * n
        if affine is not None:
            center = tuple(float(affine.x_center[c]) for c in columns)
            scale = tuple(float(affine.x_scale[c]) for c in columns)
        basis = Mapped(columns, Map.of(self.map), center, scale)
        return (Coordinate("gate", basis, Sharing.CONTRAST, box="gate"),)
