"""The tables of a claim: errors by block, counts of fits, and the other arms."""

from __future__ import annotations

from mixexp.simulation.claims.judging.gaps import NEAR
from mixexp.simulation.claims.judging.results import ClaimResult
from mixexp.simulation.claims.report.arm_words import arm_labels, arm_words
from mixexp.simulation.claims.report.elements import Cell, Table
from mixexp.simulation.claims.report.words import DASH, interval, share, short

MISSED = "experts missed"


def blocks_table(result: ClaimResult) -> Table:
    """Median error and its 10 % to 90 % range, one row a block, one column a size."""
    labels = {rate.quantity.column: rate.quantity.label for rate in result.rates}
    sizes = [cell.n for cell in result.cells]
    found = {(row.column, row.n): row for row in result.spread.itertuples()}
    rows = []
    for column in dict.fromkeys([*labels, *result.claim.figure]):
        cells = []
        for n in sizes:
            row = found.get((column, n))
            if row is None:
                cells.append(DASH)
                continue
            ends = f"[{short(row.low, 2)}, {short(row.high, 2)}]"
            cells.append(f"{short(row.median)} {ends} ({row.errors})")
        rows.append([labels.get(column, column), *cells])
    caption = "Errors by block and size: median [10 %, 90 %] (number)"
    return Table(caption, ["block", *(f"n = {n}" for n in sizes)], rows, right=len(sizes))


def fits_table(result: ClaimResult) -> Table:
    """Cells, certificates, bounds, optima and gains, one row a size."""
    header = [
        "n", "cells", "failed", "not certified", "at a bound", "several optima", "optima", "hits",
        MISSED, "remaining gain", "gain over truth", "gain over k* experts",
    ]  # fmt: skip
    missed = _experts_missed(result)
    rows = []
    for cell in result.cells:
        fits = result.fits.loc[cell.n]
        number = fits["fits"]
        rows.append(
            [
                str(cell.n),
                f"{cell.stored} of {cell.declared}",
                str(cell.failed),
                _count(fits["uncertified"], number),
                _count(fits["at_bound"], number),
                _count(fits["several_optima"], number),
                short(fits["n_optima"]),
                short(fits["n_hits"]),
                missed[cell.n],
                short(fits["remaining_gain"], 2),
                *(_range(*(fits[f"{name}_{word}"] for word in ("median", "smallest", "largest")))
                  for name in ("gain", "gain_over_exact")),
            ]
        )  # fmt: skip
    needless = [
        j
        for j, name in enumerate(header)
        if (name == MISSED and not any(row[j].strip("0" + DASH) for row in rows))
        or (j == len(header) - 1 and all(row[j] == DASH for row in rows))
    ]
    header, *rows = ([c for j, c in enumerate(r) if j not in needless] for r in [header, *rows])
    caption = (
        f"Fits from {arm_words(result.claim.arms[0])}: counts, medians of the numbers of optima "
        "and of hits of the best, largest remaining gain; gains in nats, median [smallest, largest]"
    )
    return Table(caption, header, rows, right=len(header))


def patterns_table(result: ClaimResult) -> Table:
    """Shares of patterns of cells, such as 2+1 for two atoms in the first cell of two."""
    sizes = list(result.patterns.columns)
    rows = [
        [name, *(share(result.patterns.loc[name, n]) for n in sizes)]
        for name in result.patterns.index
    ]
    caption = "Fitted atoms in the cells of the true ones, share of fits"
    return Table(caption, ["pattern", *(f"n = {n}" for n in sizes)], rows, right=len(sizes))


def arms_table(result: ClaimResult) -> Table:
    """Shortfall, steps and time of every arm, one row a size and arm."""
    rows: list[list[Cell]] = []
    labels, previous = arm_labels(result.claim), None
    for row in result.gaps.to_dict("records"):
        rows.append(
            [
                "" if row["n"] == previous else str(row["n"]),
                labels[row["arm"]],
                str(row["fits"]),
                short(row["shortfall"]),
                short(row["shortfall_high"]),
                share(row["share_near"]),
                short(row["n_iter"]),
                short(row["seconds"], 2),
            ]
        )
        previous = row["n"]
    header = (
        "n", "arm", "fits", "shortfall, median", "shortfall, 90 %", f"within {NEAR:g} nat", "steps",
        "seconds",
    )  # fmt: skip
    caption = "Arms: nats of log-likelihood below the best arm of the same replicate; work, medians"
    return Table(caption, header, rows, right=6)


def slopes_table(result: ClaimResult) -> Table:
    """Slopes of every quantity by arm: what another way to fit would have shown."""
    labels = {rate.quantity.column: rate.quantity.label for rate in result.rates}
    arms = [arm.name for arm in result.claim.arms]
    rows = [
        [label, *(" ".join(interval(result.slopes[arm][column])) for arm in arms)]
        for column, label in labels.items()
    ]
    caption = "Slopes by arm; verdicts are about the first one"
    return Table(
        caption,
        ["quantity", *arm_labels(result.claim).values()],
        rows,
        right=len(arms),
    )


def _experts_missed(result: ClaimResult) -> dict[int, str]:
    """Fits by size in which a cell has no atom, "a to b" where rare patterns are put together."""
    shares, found = result.patterns, {}
    empty = [name for name in shares.index if "0" in name.split("+")]
    for cell in result.cells:
        number = result.fits.loc[cell.n, "fits"]
        if not len(shares) or not number:
            found[cell.n] = DASH
            continue
        least = round(number * shares.loc[empty, cell.n].sum())
        rare = round(number * shares[cell.n].get("other", 0.0))
        found[cell.n] = f"{least} to {least + rare}" if rare else str(least)
    return found


def _count(number: float, of: float) -> str:
    return DASH if number != number else f"{number:.0f} ({share(number / of)})"


def _range(middle: float, low: float, high: float) -> str:
    return DASH if middle != middle else f"{short(middle, 2)} [{short(low, 2)}, {short(high, 2)}]"
