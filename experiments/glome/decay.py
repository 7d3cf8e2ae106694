"""Error decay: mean KL by n of selected and of imposed models, and its slope."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from experiments.glome import published
from experiments.glome.studies import CELLS, DECAY
from mixexp.simulation import Expectation, Slope, fit_slope, verdict

if TYPE_CHECKING:
    import pandas as pd

Errors = dict[int, NDArray[np.float64]]

# KL of a well specified regular model is half a chi-square over n.
TARGET = Expectation(-1.0, kind="target")


class Decay(NamedTuple):
    """KL of one way to choose a model, by n, beside the published means."""

    label: str
    errors: Errors
    published: dict[int, float]
    expectation: Expectation
    slope: Slope | None

    @property
    def verdict(self) -> str:
        """What the interval says about the target."""
        return verdict(self.slope, self.expectation)


def decays(chosen: pd.DataFrame, imposed: pd.DataFrame) -> list[Decay]:
    """Jump on the conditional contrast, as published, for both processes; K = 2 imposed for WS.

    Parameters
    ----------
    chosen : DataFrame
        Of :func:`experiments.glome.selecting.selections`.
    imposed : DataFrame
        Rows of fits to WS, those of K = 2 being used.
    """
    rule = chosen[(chosen["criterion"] == "jump") & (chosen["contrast"] == "conditional")]
    two = imposed[(imposed["experts"] == 2) & (imposed["process"] == "WS")]
    none = Expectation(None)
    parts = [
        ("WS, selected by the jump", rule[rule["process"] == "WS"], "WS", TARGET),
        ("WS, K = 2 imposed", two, None, TARGET),
        ("MS, selected by the jump", rule[rule["process"] == "MS"], "MS", none),
    ]
    return [
        Decay(
            label, errors := by_size(frame),
            {} if process is None else published.decay(process).to_dict(),
            expectation, fit_slope(errors),
        )
        for label, frame, process, expectation in parts
    ]  # fmt: skip


def by_size(frame: pd.DataFrame) -> Errors:
    """KL by size, for the sizes of the study.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"n": [1000, 1000, 1234], "kl": [0.1, 0.2, 0.3]})
    >>> by_size(frame)
    {1000: array([0.1, 0.2])}
    """
    return {
        int(n): group["kl"].to_numpy(dtype=float)
        for n, group in frame.dropna(subset=["kl"]).groupby("n")
        if n in (*CELLS, *DECAY)
    }
