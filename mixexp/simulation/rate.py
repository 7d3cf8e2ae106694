"""One line of the table of rates: slopes of all summaries, theory, verdict and power."""

from __future__ import annotations

from dataclasses import dataclass

from mixexp.simulation._lines import STATISTICS, Statistic
from mixexp.simulation.expectation import NOT_RESOLVED, STEEPER, Quantity, verdict
from mixexp.simulation.power import Detectable, detectable
from mixexp.simulation.simultaneous import corrected_verdict
from mixexp.simulation.slopes import Errors, Slope

STATISTIC_NAMES: dict[Statistic, str] = {
    "mean_log": "geometric means",
    "median": "medians",
    "mean": "means",
}


@dataclass(frozen=True, eq=False)
class Rate:
    """One line of the table.

    Attributes
    ----------
    quantity : Quantity
        Column, label and expectation.
    errors : Errors
        Usable errors and the counts of the others.
    slopes : dict from str to Slope or None
        Slopes over all usable sizes, by statistic.
    last_decade : Slope or None
        Slope of `statistic` over the sizes from a tenth of the largest on.
    sizes_left_out : tuple of int
        Sizes with too few usable errors to enter a slope.
    statistic : {"mean_log", "median", "mean"}
        The statistic verdicts are about.
    """

    quantity: Quantity
    errors: Errors
    slopes: dict[Statistic, Slope | None]
    last_decade: Slope | None
    sizes_left_out: tuple[int, ...]
    statistic: Statistic = "mean_log"

    @property
    def all_sizes(self) -> Slope | None:
        """Slope of `statistic` over all usable sizes."""
        return self.slopes[self.statistic]

    @property
    def verdict(self) -> str:
        """Verdict of the slope over all sizes."""
        return verdict(self.all_sizes, self.quantity.expectation)

    @property
    def verdict_last_decade(self) -> str:
        """Verdict of the slope over the last decade."""
        return verdict(self.last_decade, self.quantity.expectation)

    @property
    def detectable(self) -> Detectable | None:
        """Wrong exponents the interval over all sizes would have told from theory in 80 %."""
        return detectable(self.all_sizes, self.quantity.expectation)

    def corrected_verdict(self, comparisons: int) -> str:
        """Verdict with the interval corrected for a number of comparisons."""
        return corrected_verdict(self.all_sizes, self.quantity.expectation, comparisons)

    def cells(self, mark: str) -> tuple[str, ...]:
        """The texts of the line; `mark` is put behind the label."""
        expectation = self.quantity.expectation
        words, later = self.verdict, self.verdict_last_decade
        if words == STEEPER and expectation.derivation:
            words += f" ({expectation.derivation})"
        if later not in (self.verdict, NOT_RESOLVED):
            words += f"; last decade: {later}"
        others = [_short(self.slopes[name]) for name in STATISTICS if name != self.statistic]
        slopes = (_slope_text(self.all_sizes), *others, _slope_text(self.last_decade))
        return (
            self.quantity.label + mark,
            *slopes,
            str(expectation),
            _detectable_text(self.detectable),
            words,
        )

    def notes(self) -> list[str]:
        """What was left out of the slopes, and where summaries disagree, in words.

        Summaries disagree if two of them resolve different verdicts; one that resolves nothing is
        only less precise.
        """
        kinds = {
            "zero": self.errors.zero,
            "negative": self.errors.negative,
            "missing or not finite": self.errors.not_finite,
        }
        parts = [f"{count} {name}" for name, count in kinds.items() if count]
        parts += [
            f"n = {n} ({len(self.errors.by_size[n])} usable errors)" for n in self.sizes_left_out
        ]
        found = {name: verdict(self.slopes[name], self.quantity.expectation) for name in STATISTICS}
        notes = [f"{self.quantity.label}: left out {', '.join(parts)}"] if parts else []
        if len(set(found.values()) - {NOT_RESOLVED}) > 1:
            each = "; ".join(f"{STATISTIC_NAMES[name]}: {words}" for name, words in found.items())
            notes.append(f"{self.quantity.label}: the verdict depends on the summary ({each})")
        return notes

    def record(self, comparisons: int | None = None) -> dict[str, object]:
        """The line as numbers and words, one entry per column of a data frame."""
        expectation, able = self.quantity.expectation, self.detectable
        row: dict[str, object] = {
            "column": self.quantity.column,
            "label": self.quantity.label,
            "statistic": self.statistic,
        }
        slopes: dict[str, Slope | None] = {name: self.slopes[name] for name in STATISTICS}
        for name, slope in (slopes | {"last_decade": self.last_decade}).items():
            row[f"{name}_slope"] = None if slope is None else slope.estimate
            row[f"{name}_low"] = None if slope is None else slope.low
            row[f"{name}_high"] = None if slope is None else slope.high
        row |= {
            "theory": expectation.slope,
            "kind": expectation.kind,
            "derivation": expectation.derivation,
            "verdict": self.verdict,
            "verdict_last_decade": self.verdict_last_decade,
        }
        if comparisons is not None:
            row["corrected_verdict"] = self.corrected_verdict(comparisons)
        return row | {
            "detectable_shallower": None if able is None else able.shallower,
            "detectable_steeper": None if able is None else able.steeper,
            "zero": self.errors.zero,
            "negative": self.errors.negative,
            "not_finite": self.errors.not_finite,
            "sizes_left_out": self.sizes_left_out,
        }


def _slope_text(slope: Slope | None) -> str:
    if slope is None:
        return "not estimable"
    return f"{slope.estimate:+.3f} [{slope.low:+.3f}, {slope.high:+.3f}]"


def _short(slope: Slope | None) -> str:
    return "\N{EN DASH}" if slope is None else f"{slope.estimate:+.2f} ± {slope.half_width:.2f}"


def _detectable_text(found: Detectable | None) -> str:
    if found is None:
        return "\N{EN DASH}"
    return f"≤ {found.steeper:+.2f}, ≥ {found.shallower:+.2f}"
