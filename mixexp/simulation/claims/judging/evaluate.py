"""From the rows of a claim to its rates, verdicts, gaps and counts."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from mixexp.simulation.claims.claim import Claim, Level
from mixexp.simulation.claims.judging.arm_errors import errors_by_column
from mixexp.simulation.claims.judging.exponent_study import computed_exponents
from mixexp.simulation.claims.judging.gaps import arm_slopes, gap_table
from mixexp.simulation.claims.judging.results import ClaimResult
from mixexp.simulation.claims.judging.spread import patterns, spread
from mixexp.simulation.claims.judging.tallies import count_cells, count_fits, numbers
from mixexp.simulation.expectation import Quantity
from mixexp.simulation.rate import Rate
from mixexp.simulation.report import RateReport, report_rates
from mixexp.simulation.slopes import STATISTICS, Errors, fit_slope
from mixexp.simulation.study import Study

if TYPE_CHECKING:
    import pandas as pd

_COUNTED = ("study", "config", "n", "replicate", "part", "error", "certified", "at_bound")


def judge(
    claim: Claim,
    frame: pd.DataFrame,
    exponents: pd.DataFrame | None = None,
    *,
    level: Level = "full",
) -> ClaimResult:
    """Rates of the first arm against theory, and all that puts them into perspective.

    Parameters
    ----------
    claim : Claim
    frame : pandas.DataFrame
        Rows of the claim's study: of a store, or read back with `read_frame`. Cells that the level
        does not declare are left out; there may be none at all.
    exponents : pandas.DataFrame, optional
        Rows of its `exponent_study`.
    level : {"quick", "default", "full"}
        Which cells are declared.

    Returns
    -------
    ClaimResult
    """
    study = claim.study(level)
    mine = _declared(frame, study)
    columns = list(dict.fromkeys([q.column for q in claim.quantities] + list(claim.figure)))
    mine = _with_columns(mine, columns)
    arms = {arm.name: _of_arm(mine, arm.name) for arm in claim.arms}
    first, *others = arms
    errors = {arm: errors_by_column(rows, columns) for arm, rows in arms.items()}
    report = _rates(_narrow(arms[first], columns), claim.quantities)
    known = {rate.quantity.column: rate.all_sizes for rate in report.rates}
    slopes = {c: known[c] if c in known else fit_slope(errors[first][c]) for c in columns}
    good = {arm: rows[rows["error"].isna()] for arm, rows in arms.items()}
    cells = mine.drop_duplicates(["n", "replicate"])
    return ClaimResult(
        claim=claim,
        level=level,
        report=report,
        errors=errors,
        slopes={first: slopes, **arm_slopes({arm: errors[arm] for arm in others})},
        cells=count_cells(study, mine),
        fits=count_fits(good[first], study.sizes),
        gaps=gap_table(good, study.sizes),
        spread=spread(errors[first]),
        patterns=patterns(good[first], study.sizes),
        exponents=computed_exponents(exponents),
        seconds=float(numbers(cells, "wall_seconds").sum()),
        provenance=dict(frame.attrs),
        versions=_versions(mine),
        outdated=_outdated(mine, study),
    )


def _declared(frame: pd.DataFrame, study: Study) -> pd.DataFrame:
    if not {"n", "replicate"} <= set(frame.columns):
        raise ValueError(
            f"frame must have the columns 'n' and 'replicate', got {list(frame.columns)}: give the "
            "rows of a study"
        )
    allowed = frame["n"].map(study.replicates_of)
    kept = frame[(frame["replicate"] < allowed).astype(bool)]
    return kept.assign(
        n=kept["n"].astype("int64"), replicate=kept["replicate"].astype("int64")
    ).reset_index(drop=True)


def _with_columns(frame: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    """Columns that no row has are missing in every row: a cell that never splits has no error."""
    import pandas as pd

    added = {
        name: pd.array([None] * len(frame), dtype=kind)
        for name, kind in [
            ("arm", "string"),
            ("error", "string"),
            *((c, "Float64") for c in columns),
        ]
        if name not in frame
    }
    return frame.assign(**added)


def _of_arm(frame: pd.DataFrame, arm: str) -> pd.DataFrame:
    """Rows of an arm; a failed cell has one row without an arm, which belongs to all."""
    return frame[(frame["arm"] == arm).fillna(False).astype(bool) | frame["error"].notna()]


def _narrow(frame: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    """Without the many columns that no rate needs, which are copied at every selection of rows."""
    needed = {*columns, *_COUNTED}
    return frame[[name for name in frame.columns if name in needed]]


def _rates(frame: pd.DataFrame, quantities: Sequence[Quantity]) -> RateReport:
    """One rate a quantity; those that differ in their expectation only share their slopes."""
    columns = {quantity.column: quantity for quantity in quantities}
    if not frame["error"].notna().all():
        report = report_rates(frame, tuple(columns.values()))
    else:
        nothing = (Errors({}, 0, 0, 0), dict.fromkeys(STATISTICS), None, ())
        report = report_rates(frame.iloc[:0].assign(error=None), ())
        report = replace(report, rates=tuple(Rate(q, *nothing) for q in columns.values()))
    found = {rate.quantity.column: rate for rate in report.rates}
    return replace(report, rates=tuple(replace(found[q.column], quantity=q) for q in quantities))


def _versions(frame: pd.DataFrame) -> tuple[str, ...]:
    """Versions of mixexp that made the rows."""
    if "mixexp_version" not in frame:
        return ()
    return tuple(sorted(frame["mixexp_version"].dropna().unique()))


def _outdated(frame: pd.DataFrame, study: Study) -> bool:
    """Whether rows were made under another declaration; another version of mixexp is none."""
    if not {"config", "mixexp_version"} <= set(frame.columns):
        return False
    made = frame[["config", "mixexp_version"]].dropna().drop_duplicates()
    return any(config != _config(study, version) for config, version in made.to_numpy().tolist())


def _config(study: Study, version: str) -> str:
    """`Study.config` as that version of mixexp had it, if nothing else is different."""
    content = json.loads(study.description) | {"mixexp": version}
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]
