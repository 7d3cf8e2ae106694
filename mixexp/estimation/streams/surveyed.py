"""Rows of which one pass has told the size."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mixexp.estimation.rows import Rows
from mixexp.estimation.streams.survey import Survey
from mixexp.models.basis import Affine

Array = NDArray[np.float64]


class Surveyed(Rows):
    """Rows with the survey of their source, wherever the parts are read.

    Parameters
    ----------
    survey : Survey
    affine : Affine
    """

    def __init__(self, survey: Survey, affine: Affine):
        self.survey, self.affine = survey, affine

    @property
    def n_rows(self) -> int:
        return self.survey.n_rows

    @property
    def total_weight(self) -> float:
        return self.survey.total_weight

    @property
    def spread(self) -> tuple[Array, Array]:
        return self.survey.spread(self.affine)
