"""The digitised numbers of the published figures."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

FOLDER = Path(__file__).parents[1] / "published"

Cell = tuple[str, int]
CELLS: tuple[Cell, ...] = (("WS", 2000), ("WS", 10_000), ("MS", 2000), ("MS", 10_000))
RULES = ("jump", "slope")
COVARIATES = ("NOx", "E")


def selection_counts() -> dict[tuple[str, int, str], list[int]]:
    """Counts of 100 data sets for K ≤ 2, 3, ..., 20, by (process, n, rule).

    Examples
    --------
    >>> selection_counts()["MS", 2000, "jump"][:5]
    [0, 1, 31, 24, 24]
    """
    keys = [(*cell, rule) for rule in RULES for cell in CELLS]
    return dict(zip(keys, _panels("glome_selection.csv"), strict=True))


def ethanol_counts() -> dict[tuple[str, str], list[int]]:
    """Counts of 100 random starts for K ≤ 2, 3, ..., 12, by (covariate, rule).

    Examples
    --------
    >>> ethanol_counts()["NOx", "jump"][:4]
    [27, 19, 38, 8]
    """
    keys = [(covariate, rule) for rule in RULES for covariate in COVARIATES]
    return dict(zip(keys, _panels("glome_ethanol.csv"), strict=True))


def kl_boxes(process: str, n: int) -> pd.DataFrame:
    """Mean and median of KL(s_0, ŝ_K), nats, indexed by K = "2", ..., "20" and "SK" (selected).

    Examples
    --------
    >>> float(kl_boxes("WS", 2000).loc["2", "mean"])
    0.001917
    """
    import pandas as pd

    table = pd.read_csv(FOLDER / "glome_kl.csv", dtype={"K": str})
    cell = table[(table["example"] == process) & (table["n"] == n)]
    return cell.set_index("K")[["mean", "median"]]


def decay(process: str) -> pd.Series:
    """Mean KL of the model that the jump selects, nats, by n.

    Examples
    --------
    >>> float(decay("WS")[1000])
    0.0041613
    """
    import pandas as pd

    table = pd.read_csv(FOLDER / "glome_decay.csv")
    return table[table["example"] == process].set_index("n").iloc[:, 1]


def _panels(name: str) -> list[list[int]]:
    import pandas as pd

    table = pd.read_csv(FOLDER / name)
    return [group["count_of_100"].tolist() for _, group in table.groupby("panel")]
