"""Tables of candidates for the tests of slope heuristics."""

from __future__ import annotations

import csv
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mixexp.selection import Candidates

FOLDER = Path(__file__).resolve().parents[1] / "reference" / "capushe"
CASES: dict[str, dict[str, Any]] = json.loads((FOLDER / "expected.json").read_text("utf-8"))


def reference_table(case: str) -> Candidates:
    """The input of a case; skips if it may not be copied and is not at hand."""
    name = CASES[case]["input"]
    path = FOLDER / name
    if not path.exists():
        path = Path(os.environ.get("MIXEXP_REFERENCE", "")) / "capushe" / name
    if not path.exists():
        pytest.skip(f"{name} is not in the folder that MIXEXP_REFERENCE names")
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    columns = {
        name: [np.nan if row[name] in ("", "NA") else float(row[name]) for row in rows]
        for name in ("pen", "complexity", "contrast")
    }
    return Candidates.from_arrays(
        columns["complexity"], columns["contrast"], [row["model"] for row in rows], columns["pen"]
    )


def clean_table(seed: int, *, size: int = 20, right: int = 4) -> Candidates:
    """Nested models of 6 parameters a step, unbiased from ``right`` on.

    Superfluous parameters gain half a chi-square, as in regular models; those before gain 60 each.
    """
    rng = np.random.default_rng(seed)
    experts = np.arange(1, size + 1)
    gain = np.where(experts <= right, 360.0, 0.0) + rng.chisquare(6, size) / 2
    return Candidates.from_arrays(6 * experts - 1, 3000.0 - np.cumsum(gain))


def curved_table(seed: int, *, size: int = 20) -> Candidates:
    """Models whose bias falls to the very end, ever more slowly."""
    rng = np.random.default_rng(seed)
    experts = np.arange(1, size + 1)
    contrast = 4000.0 * experts**-0.5 - np.cumsum(rng.chisquare(6, size) / 2)
    return Candidates.from_arrays(6 * experts - 1, contrast)
