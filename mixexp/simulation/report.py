"""The table of rates: slopes, intervals, theory and verdicts, with everything left out counted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from mixexp.simulation._lines import STATISTICS, Statistic
from mixexp.simulation.counts import Counts, count_runs
from mixexp.simulation.expectation import Expectation, Quantity
from mixexp.simulation.rate import STATISTIC_NAMES, Rate
from mixexp.simulation.slopes import (
    errors_of,
    fit_slope,
    last_decade,
    usable_sizes,
)
from mixexp.simulation.text import aligned_table, markdown_table

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class RateReport:
    """Rates of one study; ``print(report)`` shows the table.

    `to_markdown` gives the same as Markdown, `to_frame` the numbers.
    """

    rates: tuple[Rate, ...]
    counts: Counts
    statistic: Statistic
    level: float
    method: str

    def __str__(self) -> str:
        table = aligned_table(self._header(), self._cells())
        counts = aligned_table(
            self.counts.header, self.counts.rows(), right=len(self.counts.header) - 1
        )
        return "\n".join([table, *self._notes(), "", counts, *self._failures(), "", self.method])

    def to_markdown(self) -> str:
        """The same content as Markdown."""
        table = markdown_table(self._header(), self._cells())
        counts = markdown_table(
            self.counts.header, self.counts.rows(), right=len(self.counts.header) - 1
        )
        remarks = [f"- {text}" for text in (*self._notes("\\*"), *self._failures())]
        blocks = [table, "\n".join(remarks), counts, self.method.replace("\n", "  \n")]
        return "\n\n".join(block for block in blocks if block) + "\n"

    def to_frame(self, comparisons: int | None = None) -> pd.DataFrame:
        """One row per quantity: slopes of all statistics with their ends, theory, verdicts, power.

        Parameters
        ----------
        comparisons : int, optional
            Adds the column ``corrected_verdict``, see `corrected_verdict`.
        """
        import pandas as pd

        return pd.DataFrame([rate.record(comparisons) for rate in self.rates])

    def _header(self) -> tuple[str, ...]:
        interval = f"[{100 * self.level:g} %]"
        others = [f"of {STATISTIC_NAMES[name]}" for name in STATISTICS if name != self.statistic]
        return (
            "quantity",
            f"slope, all sizes {interval}",
            *others,
            f"slope, last decade {interval}",
            "theory",
            "detectable",
            "verdict",
        )

    def _cells(self) -> list[tuple[str, ...]]:
        return [rate.cells(" *" if rate.notes() else "") for rate in self.rates]

    def _notes(self, mark: str = "*") -> list[str]:
        return [f"{mark} {note}" for rate in self.rates for note in rate.notes()]

    def _failures(self) -> list[str]:
        return [f"failed runs, {count}: {text}" for text, count in self.counts.failures.items()]


def report_rates(
    frame: pd.DataFrame,
    quantities: Sequence[Quantity | tuple[str, str, Expectation]],
    *,
    statistic: Statistic = "mean_log",
    level: float = 0.95,
    n_resamples: int = 2000,
    seed: int = 0,
    min_replicates: int = 3,
    certified: str | Sequence[str] = "certified",
    at_bound: str | Sequence[str] = "at_bound",
) -> RateReport:
    """Slopes of log(error) on log(n) for each quantity, against theory.

    Every fit is in the table whether or not it is certified; the numbers of uncertified fits,
    fits at a bound and failed runs stand below it. The default summary of a size is the mean of
    log(error) over replicates: unlike the mean error it is not ruled by a few huge losses, and
    unlike the median it uses every replicate. Verdicts are those of `statistic`; the slopes of the
    other summaries stand beside it, and a note says where they resolve another verdict.
    Errors that have no logarithm (zero, negative,
    missing or not finite) are left out of the slopes, marked with a star and counted.

    Parameters
    ----------
    frame : pandas.DataFrame
        Table of one study, as `run` returns it.
    quantities : sequence of (column, label, Expectation)
        Lines of the table. A column may occur twice with different expectations.
    statistic, level, n_resamples, seed, min_replicates
        See `fit_slope`.
    certified, at_bound : str or sequence of str
        Boolean columns to count, see `count_runs`.

    Returns
    -------
    RateReport

    Raises
    ------
    ValueError
        If a column is missing or holds several values for a replicate.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> n, replicate = np.meshgrid([100, 1000, 10_000], np.arange(40))
    >>> noise = np.exp(np.random.default_rng(1).normal(size=n.shape) / 2)
    >>> frame = pd.DataFrame({"n": n.ravel(), "replicate": replicate.ravel(),
    ...                       "loss": (n**-0.5 * noise).ravel()})
    >>> report = report_rates(frame, [("loss", "D1", Expectation(-0.5))])
    >>> report.rates[0].verdict
    'agrees'
    """
    fit = partial(
        fit_slope,
        level=level,
        n_resamples=n_resamples,
        seed=seed,
        min_replicates=min_replicates,
    )
    rates = []
    for quantity in (Quantity(*quantity) for quantity in quantities):
        errors = errors_of(frame, quantity.column)
        used = usable_sizes(errors.by_size, min_replicates)
        rates.append(
            Rate(
                quantity,
                errors,
                {name: fit(errors.by_size, statistic=name) for name in STATISTICS},
                fit(last_decade(errors.by_size, min_replicates), statistic=statistic),
                tuple(n for n in errors.by_size if n not in used),
                statistic,
            )
        )
    method = _method_text(statistic, level, n_resamples, seed)
    return RateReport(
        tuple(rates), count_runs(frame, certified, at_bound), statistic, level, method
    )


def _method_text(statistic: Statistic, level: float, n_resamples: int, seed: int) -> str:
    summary = {
        "mean_log": "means of log(error)",
        "median": "logs of the median errors",
        "mean": "logs of the mean errors",
    }[statistic]
    return (
        f"Slopes: least squares of the {summary} of each size on log(n), weighted by replicates.\n"
        f"Intervals: {100 * level:g} % bootstrap over replicates within sizes, {n_resamples} "
        f"resamples, seed {seed}.\n"
        "Theory: upper bounds on the error, up to log factors. An interval that excludes the "
        "exponent is steeper or\nshallower; one that contains it agrees only if its half-width is "
        "at most 0.15 and half the exponent (unless\nstated otherwise). A plateau: the interval "
        "lies within 0.05 of 0 (unless stated otherwise). Fewer than 3 sizes\nresolve nothing; the "
        "last decade is mentioned where it resolves something else. Detectable: exponents that "
        "far\nfrom theory would have been told from it with probability 80 %. All fits count, "
        "certified or not."
    )
