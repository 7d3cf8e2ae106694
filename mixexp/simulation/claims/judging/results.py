"""What the rows of a claim say, ready to be printed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mixexp.simulation.claims.claim import Claim, Level
from mixexp.simulation.claims.judging.exponent_study import Computed
from mixexp.simulation.claims.judging.tallies import CellCount
from mixexp.simulation.rate import Rate
from mixexp.simulation.report import RateReport
from mixexp.simulation.slopes import ErrorsBySize, Slope

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class ClaimResult:
    """A claim with everything that was found about it.

    Attributes
    ----------
    claim : Claim
    level : {"quick", "default", "full"}
        Whose cells are meant.
    report : RateReport
        Rates of the first arm, the one that counts.
    errors : mapping from arm to mapping from column to errors by size
    slopes : mapping from arm to mapping from column to Slope or None
        Slopes over all sizes, first arm included.
    cells : tuple of CellCount
    fits, gaps, spread, patterns : pandas.DataFrame
        See `count_fits`, `gap_table`, `spread` and `patterns`.
    exponents : mapping from column to Computed
        Deterministic exponents, as far as they were computed.
    seconds : float
        Time on one core that the stored cells took.
    provenance : mapping from str to str
        Versions and the day the table was written.
    versions : tuple of str
        Versions of mixexp that made the rows.
    outdated : bool
        Whether rows were made under another declaration of the claim.
    """

    claim: Claim
    level: Level
    report: RateReport
    errors: Mapping[str, Mapping[str, ErrorsBySize]]
    slopes: Mapping[str, Mapping[str, Slope | None]]
    cells: tuple[CellCount, ...]
    fits: pd.DataFrame
    gaps: pd.DataFrame
    spread: pd.DataFrame
    patterns: pd.DataFrame
    exponents: Mapping[str, Computed]
    seconds: float
    provenance: Mapping[str, str] = field(default_factory=dict)
    versions: tuple[str, ...] = ()
    outdated: bool = False

    @property
    def rates(self) -> tuple[Rate, ...]:
        """One rate a quantity of the claim, in their order."""
        return self.report.rates

    @property
    def declared(self) -> int:
        """Cells of the level."""
        return sum(cell.declared for cell in self.cells)

    @property
    def stored(self) -> int:
        """Cells that were run, failed ones included."""
        return sum(cell.stored for cell in self.cells)

    @property
    def failed(self) -> int:
        """Cells that ended with an error."""
        return sum(cell.failed for cell in self.cells)

    @property
    def finished(self) -> bool:
        """Whether every declared cell was run."""
        return self.stored == self.declared
