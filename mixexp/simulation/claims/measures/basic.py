"""What is measured of a fit: losses, blocks of cells, distances of densities."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mixexp.models import MixingMeasure
from mixexp.simulation.claims.problem import Problem
from mixexp.theory.voronoi.cell_errors import cell_errors
from mixexp.theory.voronoi.engine import LossTable

Array = NDArray[np.float64]
Columns = dict[str, float | int | str | None]


class Fitted(NamedTuple):
    """A fitted measure beside the true one, the problem, and the covariates of the fit."""

    measure: MixingMeasure
    truth: MixingMeasure
    problem: Problem
    x: Array


class Measure(ABC):
    """From a fit to columns; subclasses are frozen dataclasses."""

    @abstractmethod
    def __call__(self, fitted: Fitted) -> Columns:
        """Columns of one fit."""


def only_split(fitted: Fitted, loss: LossTable) -> dict[str, Any] | None:
    """Errors of the cell that alone holds several atoms; None with no such cell or with two.

    As a row of :func:`mixexp.theory.cell_errors`.
    """
    rows = cell_errors(fitted.measure, fitted.truth, loss=loss)
    split = [row for row in rows if row["size"] > 1]
    return split[0] if len(split) == 1 else None


@dataclass(frozen=True)
class Loss(Measure):
    """A Voronoi loss under a name."""

    name: str
    loss: LossTable | Callable[[MixingMeasure, MixingMeasure], Any]

    def __call__(self, fitted: Fitted) -> Columns:
        return {self.name: float(self.loss(fitted.measure, fitted.truth))}


@dataclass(frozen=True)
class Cells(Measure):
    """Errors by block and by size of the cell, see :func:`mixexp.theory.cell_errors`.

    Columns: ``pattern``, the sizes of the cells such as "2+1"; ``split_cell``, the index of the
    only cell that is split (-1 if none or several are); ``weight``, the sum over cells of the
    errors of their weights; ``min_weight``, the smallest fitted weight; and for every block the
    largest error over cells of one atom (``single_<block>``), of two (``pair_<block>``) and of
    three (``triple_<block>``), and of the means of split cells (``mean_<block>``). ``single`` is
    the sum of the blocks of single cells. Without such cells a column is missing.

    Parameters
    ----------
    loss : LossTable
        Its cells and exponents are used.
    """

    loss: LossTable

    def __call__(self, fitted: Fitted) -> Columns:
        rows = cell_errors(fitted.measure, fitted.truth, loss=self.loss)
        sizes = [row["size"] for row in rows]
        split = [row["cell"] for row in rows if row["size"] > 1]
        columns: Columns = {
            "pattern": "+".join(map(str, sizes)),
            "split_cell": split[0] if len(split) == 1 else -1,
            "weight": float(sum(row["weight"] for row in rows)),
            "min_weight": float(fitted.measure.normalized().weight.min()),
        }
        blocks = [name for name in fitted.truth.atoms if name in rows[0]]
        kinds: dict[str, Callable[[int], bool]] = {
            "single": lambda size: size == 1,
            "pair": lambda size: size == 2,
            "triple": lambda size: size == 3,
        }
        for kind, belongs in kinds.items():
            chosen = [row for row in rows if belongs(row["size"])]
            found = {block: [row[block] for row in chosen if block in row] for block in blocks}
            largest = {block: max(errors) for block, errors in found.items() if errors}
            columns |= {f"{kind}_{block}": value for block, value in largest.items()}
            if kind == "single" and largest:
                columns["single"] = float(np.nansum(list(largest.values())))
        means = {
            block: [row[f"{block}_mean"] for row in rows if row["size"] > 1] for block in blocks
        }
        columns |= {f"mean_{block}": max(errors) for block, errors in means.items() if errors}
        return columns


@dataclass(frozen=True)
class Hellinger(Measure):
    """``hellinger``: E_X h of the conditional laws over the truth's design.

    Parameters
    ----------
    n_points : int
        Gauss-Legendre points a column of x.
    """

    n_points: int = 40

    def __call__(self, fitted: Fitted) -> Columns:
        return {"hellinger": fitted.problem.hellinger(fitted.measure, self.n_points)}
