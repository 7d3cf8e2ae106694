"""Rates as slopes on log-log axes, with bootstrap intervals over replicates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pandas as pd

Statistic = Literal["mean_log", "median"]
ErrorsBySize = Mapping[int, NDArray[np.float64]]

# Bounds the memory of a resampled array to 16 MB.
_RESAMPLED_VALUES = 2_000_000


@dataclass(frozen=True, eq=False)
class Errors:
    """Errors of one quantity by sample size, and what could not be used.

    ``log(error)`` needs a positive finite number. Everything else is left out of the slopes but
    counted here: a zero error is usually a fit that never left the true parameters.

    Attributes
    ----------
    by_size : dict from int to ndarray of shape (R_n,)
        Usable errors of the R_n replicates of size n, in the order of the replicates.
    zero, negative, not_finite : int
        Replicates left out; missing values of runs that did not fail count as not finite.
    """

    by_size: dict[int, NDArray[np.float64]]
    zero: int
    negative: int
    not_finite: int

    @property
    def left_out(self) -> int:
        """All replicates without a usable error."""
        return self.zero + self.negative + self.not_finite


@dataclass(frozen=True)
class Slope:
    """The line ``log(error) = intercept + estimate · log(n)`` and an interval for its slope.

    Attributes
    ----------
    estimate, low, high : float
        Slope and the ends of its bootstrap interval.
    intercept : float
        Of the line, so that the constant in ``C n^slope`` is ``exp(intercept)``.
    sizes : tuple of int
        Sample sizes used.
    centre : tuple of float
        The point (log n, log error) at the weighted mean of the sizes, on the line.
    """

    estimate: float
    low: float
    high: float
    intercept: float
    sizes: tuple[int, ...]
    centre: tuple[float, float]

    @property
    def half_width(self) -> float:
        """Half the width of the interval."""
        return (self.high - self.low) / 2


def errors_of(frame: pd.DataFrame, column: str) -> Errors:
    """Errors in `column` of the runs that did not fail, one per (n, replicate).

    Parameters
    ----------
    frame : pandas.DataFrame
        Table of one study, with the columns ``n`` and ``replicate`` (and ``error``).
    column : str
        A column of non-negative numbers.

    Returns
    -------
    Errors

    Raises
    ------
    ValueError
        If the column does not exist, the frame holds more than one study or configuration, or a
        replicate has several values.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"n": [10, 10, 20], "replicate": [0, 1, 0], "loss": [0.5, 0.0, 0.2]})
    >>> errors = errors_of(frame, "loss")
    >>> errors.by_size[10], errors.zero
    (array([0.5]), 1)
    """
    _check_frame(frame, column)
    good = frame[frame["error"].isna()] if "error" in frame else frame
    runs = good[["n", "replicate"]].drop_duplicates().sort_values(["n", "replicate"])
    given = good[good[column].notna()]
    if given.duplicated(["n", "replicate"]).any():
        raise ValueError(
            f"column {column!r} has several values in one replicate, which are not independent: "
            "select the rows to report, for instance frame[frame['part'] == 0]"
        )
    values = runs.merge(given[["n", "replicate", column]], how="left", on=["n", "replicate"])
    error = values[column].to_numpy(dtype=float, na_value=np.nan)
    n = values["n"].to_numpy(dtype=int)
    finite = np.isfinite(error)
    usable = finite & (error > 0)
    return Errors(
        by_size={int(size): error[usable & (n == size)] for size in np.unique(n)},
        zero=int((error == 0).sum()),
        negative=int((finite & (error < 0)).sum()),
        not_finite=int((~finite).sum()),
    )


def fit_slope(
    errors: ErrorsBySize,
    *,
    statistic: Statistic = "mean_log",
    level: float = 0.95,
    n_resamples: int = 2000,
    seed: int = 0,
    min_replicates: int = 3,
) -> Slope | None:
    r"""Slope ``Σ_n c_n m_n`` of log(error) on log(n), with an interval over replicates.

    ``m_n`` is the mean of log(error) over the replicates of size n ("mean_log") or the log of
    their median ("median"), and ``c_n = w_n (x_n - x̄) / Σ w (x - x̄)²`` with ``x_n = log n`` and
    ``w_n`` the number of replicates: for "mean_log" this is ordinary least squares over all
    replicates. The interval is the percentile interval of the slopes of `n_resamples` bootstrap
    tables, replicates being drawn with replacement within each size; for "mean_log" deviations
    are inflated by ``√(R_n / (R_n - 1))``, without which R_n replicates give too short intervals.
    Draws depend on (`seed`, n) only.

    Parameters
    ----------
    errors : mapping from int to ndarray
        Positive errors by sample size.
    statistic : {"mean_log", "median"}
        Summary of a size.
    level : float
        Coverage of the interval.
    n_resamples : int
        Bootstrap tables.
    seed : int
        Key of the draws.
    min_replicates : int
        Sizes with fewer errors are left out, at least 2.

    Returns
    -------
    Slope or None
        None if fewer than two sizes are left.

    Raises
    ------
    ValueError
        If an option is out of range.

    References
    ----------
    Davison & Hinkley (1997), *Bootstrap Methods and their Application*, sections 3.2 and 5.3.

    Examples
    --------
    >>> noise = np.exp(np.random.default_rng(1).normal(size=(3, 50)) / 2)
    >>> errors = {n: n**-0.5 * e for n, e in zip((100, 1000, 10_000), noise, strict=True)}
    >>> slope = fit_slope(errors)
    >>> slope.low < -0.5 < slope.high, slope.half_width < 0.05
    (True, True)
    """
    if statistic not in ("mean_log", "median"):
        raise ValueError(f"statistic={statistic!r} is unknown: use 'mean_log' or 'median'")
    if not 0 < level < 1 or n_resamples < 1 or min_replicates < 2:
        raise ValueError(
            f"need 0 < level < 1, n_resamples >= 1 and min_replicates >= 2, got level={level}, "
            f"n_resamples={n_resamples}, min_replicates={min_replicates}"
        )
    sizes = usable_sizes(errors, min_replicates)
    if len(sizes) < 2:
        return None
    samples = [np.log(errors[n]) if statistic == "mean_log" else errors[n] for n in sizes]
    x, weight = np.log(sizes), np.array([sample.size for sample in samples], dtype=float)
    x_mean = np.average(x, weights=weight)
    coefficient = weight * (x - x_mean)
    coefficient /= coefficient @ x
    summary = np.array([_summary(sample, statistic) for sample in samples])
    drawn = [
        _resampled(sample, statistic, n_resamples, np.random.SeedSequence([seed, n]))
        for sample, n in zip(samples, sizes, strict=True)
    ]
    slopes = np.column_stack(drawn) @ coefficient
    low, high = np.quantile(slopes, [(1 - level) / 2, (1 + level) / 2])
    estimate, height = coefficient @ summary, np.average(summary, weights=weight)
    return Slope(
        float(estimate),
        float(low),
        float(high),
        float(height - estimate * x_mean),
        sizes,
        (float(x_mean), float(height)),
    )


def usable_sizes(errors: ErrorsBySize, min_replicates: int) -> tuple[int, ...]:
    """Sizes with at least `min_replicates` errors, increasing."""
    return tuple(sorted(n for n, values in errors.items() if len(values) >= min_replicates))


def last_decade(errors: ErrorsBySize, min_replicates: int = 3) -> ErrorsBySize:
    """The errors of the sizes ``n ≥ max / 10``, max being the largest usable size."""
    sizes = usable_sizes(errors, min_replicates)
    return {n: errors[n] for n in sizes if 10 * n >= sizes[-1]}


def _resampled(
    sample: NDArray[np.float64],
    statistic: Statistic,
    n_resamples: int,
    key: np.random.SeedSequence,
) -> NDArray[np.float64]:
    rng = np.random.default_rng(key)
    block = max(1, _RESAMPLED_VALUES // sample.size)
    parts = []
    for start in range(0, n_resamples, block):
        shape = (min(block, n_resamples - start), sample.size)
        parts.append(_summary(sample[rng.integers(sample.size, size=shape)], statistic))
    drawn = np.concatenate(parts)
    if statistic == "median":
        return drawn
    return sample.mean() + np.sqrt(sample.size / (sample.size - 1)) * (drawn - sample.mean())


def _summary(sample: NDArray[np.float64], statistic: Statistic) -> NDArray[np.float64]:
    """Height of a size on the log scale, along the last axis of a sample of `fit_slope`."""
    return sample.mean(axis=-1) if statistic == "mean_log" else np.log(np.median(sample, axis=-1))


def _check_frame(frame: pd.DataFrame, column: str) -> None:
    if len(frame) and "error" in frame and frame["error"].notna().all():
        last = str(frame["error"].iloc[0]).strip().splitlines()[-1]
        raise ValueError(f"every run failed, the first with {last!r}: nothing to report")
    absent = [name for name in ("n", "replicate", column) if name not in frame]
    if absent:
        raise ValueError(f"the frame has no column {absent[0]!r}; it has {list(frame.columns)}")
    for name in ("study", "config"):
        if name in frame and frame[name].nunique() > 1:
            raise ValueError(
                f"the frame mixes {frame[name].nunique()} values of {name!r}: report one study "
                "at a time, as returned by run or ResultStore.to_frame(study)"
            )
