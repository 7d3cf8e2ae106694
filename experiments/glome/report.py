"""The study as Markdown: what was run, what was selected, how large the losses are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from experiments.glome import published
from experiments.glome.decay import Decay
from experiments.glome.selecting import CONTRASTS, CRITERIA, counts
from experiments.glome.studies import DECAY, ETHANOL_EXPERTS, ETHANOL_THETA, THETA
from mixexp.simulation import markdown_table

if TYPE_CHECKING:
    import pandas as pd

_DECAY_WORDS = """Slopes are those of the mean of log KL on log n; intervals come from a bootstrap
over data sets. The published slopes are -1.287 (WS) and -0.612 (MS). The first contradicts the
published box plots (0.15 at n = 10,079 here against 0.52 at 10,000 there), so -1 is the target:
half a chi-square over n. No theorem gives an exponent for MS.
"""
_ETHANOL_WORDS = f"""The likelihood is unbounded here long before K = 12 (7 rows an expert): Θ has
floors of a tenth of the standard deviation, and shares of at least {ETHANOL_THETA["E"].share}. A
"path" goes from many starts to certificates; repeating it with other seeds shows what randomness is
left. "Random starts" are the published experiment, every K from one random partition, but climbed
to a certificate. Neither measures sampling variability.
"""
_FLAGS = ("uncertified", "share below Θ", "variance on its floor", "tried again", "still rising")


def percent_header(max_experts: int) -> list[str]:
    """K ≤ 2, 3, ..., as the published bars."""
    return ["≤2", *map(str, range(3, max_experts + 1))]


def head(frame: pd.DataFrame, planned: dict[int, int], left: int, max_experts: int) -> str:
    """What the run is, and Θ."""
    done = frame.groupby("n")["replicate"].nunique().to_dict()
    sets = ", ".join(f"{n}: {done.get(n, 0)} of {r}" for n, r in sorted(planned.items()))
    cells = min(done.get(n, 0) for _, n in published.CELLS)
    run = f"a run with {cells} data sets per cell" if cells else "an unfinished run"
    if cells < 100:
        run += ", not the 100 of the published study"
    rest = f" {left} tasks of all studies are left; run again to go on." if left else ""
    return f"""# The published GLoME study

This table is from {run}.{rest}
Data sets by sample size, done of planned: {sets}.

Every data set: K = 1, ..., {max_experts} experts for x given y by **joint** maximum likelihood,
started from partitions and from splits of the one before, to a certificate of second order.
Where the joint negative log-likelihood rises with K by more than 0.01 nats, the fit is tried once
more with three times the starts and with copies of experts of the smaller fit. Nothing is dropped:
uncertified and inadmissible fits stay in every count and mean below.

Parameter space Θ: in an expert's gate the standard deviation of y is at least {THETA.response}, in
an expert that of x given y at least {THETA.covariate} (the truth has at least 0.3 and 0.043), every
share at least {THETA.share} (a_π). The floors hold inside the solver. The share is a rule of
preference: optima that keep it come first, and where none was found the best other one is taken
and counted as "share below Θ". Coefficients are bounded by 1,000 scaled units, far from the data.

Two contrasts are compared: the joint negative log-likelihood that was minimised, with dimension
6K - 1, and the conditional one (of y given x) at the same parameters, with the 6K - 3 that y given
x identifies. The published study selects by the second with 6K - 1. KL and JKL (ρ = 1/2) are
integrals over the law of x by quadrature; "simulated" is the published estimate, 30 draws of y at
each training x.
"""


def fits(frame: pd.DataFrame, label: str) -> str:
    """How many fits there are, and what they say about themselves."""
    rows = []
    for (name, n), cell in frame.groupby([label, "n"]):
        numbers = (
            len(cell), (~cell["certified"].astype(bool)).sum(), (cell["thin"] > 0).sum(),
            (cell["on_floor"] > 0).sum(), cell["retried"].astype(bool).sum(),
            cell["rises"].astype(bool).sum(), f"{cell['remaining_gain'].max():.0e}",
            f"{cell['fit_seconds'].sum() / cell['replicate'].nunique():.0f}",
        )  # fmt: skip
        rows.append([str(name), str(n), *map(str, numbers)])
    header = [label, "n", "fits", *_FLAGS, "largest remaining gain", "seconds a path"]
    return f"## Fits\n\n{markdown_table(header, rows, right=9)}\n"


def selection(chosen: pd.DataFrame, max_experts: int) -> str:
    """Counts of selected K in every cell, beside the published ones."""
    digitised = published.selection_counts()
    parts = ["## Selected number of experts\n"]
    for name, n in published.CELLS:
        cell = chosen[(chosen["process"] == name) & (chosen["n"] == n)]
        if cell.empty:
            continue
        rows = _count_rows(cell, max_experts)
        box = published.kl_boxes(name, n).loc["SK"]
        for rule in published.RULES:
            shown = digitised[name, n, rule][: max_experts - 1]
            # Losses of selected models were published for the jump alone.
            kl = [_milli(box["mean"]), _milli(box["median"])] if rule == "jump" else ["", ""]
            rows.append([f"published, {rule}", *_cells(shown), "–", *kl])
        header = ["criterion", *percent_header(max_experts), "credible", "KL · 10³", "median"]
        sets = cell["replicate"].nunique()
        parts.append(
            f"### {name}, n = {n}: counts of {sets} data sets, published ones of 100\n\n"
            f"{markdown_table(header, rows, right=len(header) - 1)}\n"
        )
    parts.append(
        'The first column pools K = 1 and 2, as the published bars do. "Credible": data sets in\n'
        "which all checks of the slope heuristics hold. KL is that of the selected models, mean\n"
        "and median.\n"
    )
    return "\n".join(parts)


def _count_rows(cell: pd.DataFrame, max_experts: int) -> list[list[str]]:
    rows = []
    for contrast in CONTRASTS:
        for criterion in CRITERIA:
            part = cell[(cell["contrast"] == contrast.name) & (cell["criterion"] == criterion)]
            slope_rule = criterion in published.RULES
            kl = part["kl"].astype(float) if "kl" in part else None
            rows.append(
                [
                    f"{criterion}, {contrast.name}", *_cells(counts(part, max_experts)),
                    str(int(part["trustworthy"].sum())) if slope_rule else "–",
                    *(["", ""] if kl is None else [_milli(kl.mean()), _milli(kl.median())]),
                ]
            )  # fmt: skip
    return rows


def losses(frame: pd.DataFrame) -> str:
    """Mean and median KL by K, beside the published box plots."""
    parts = ["## KL · 10³ of the fit of K experts\n"]
    for name, n in published.CELLS:
        cell = frame[(frame["process"] == name) & (frame["n"] == n)]
        if cell.empty:
            continue
        boxes, rows = published.kl_boxes(name, n), []
        for k, fit in cell.groupby("experts"):
            box = boxes.loc[str(k)] if str(k) in boxes.index else None
            rows.append(
                [
                    str(k), _milli(fit["kl"].mean()), _milli(fit["kl"].median()),
                    _milli(fit["kl_mc"].mean()), _milli(fit["jkl"].mean()),
                    *(["", ""] if box is None else [_milli(box["mean"]), _milli(box["median"])]),
                    _milli((6 * k - 3) / (2 * n)),
                    f"{(fit['admissible'].astype(bool)).sum()} of {len(fit)}",
                ]
            )  # fmt: skip
        header = ["K", "mean", "median", "simulated, mean", "JKL, mean", "published mean",
                  "published median", "(6K - 3) / 2n", "interior of Θ"]  # fmt: skip
        parts.append(f"### {name}, n = {n}\n\n{markdown_table(header, rows, right=9)}\n")
    parts.append(
        '"Interior of Θ": fits with every share in Θ and no variance on its floor. (6K - 3) / 2n\n'
        "is the mean KL of a regular model with 6K - 3 parameters; beyond the true K the model is\n"
        "not regular.\n"
    )
    return "\n".join(parts)


def decay(found: list[Decay]) -> str:
    """Mean KL by n with slopes."""
    header = ["n"]
    for each in found:
        header += [each.label, "sets", *(["published"] if each.published else [])]
    rows = []
    for n in sorted({*DECAY, *(size for each in found for size in each.errors)}):
        row = [str(n)]
        for each in found:
            values = each.errors.get(n)
            row += ["", "0"] if values is None else [_milli(values.mean()), str(len(values))]
            if each.published:
                row.append(_milli(each.published[n]) if n in each.published else "")
        rows.append(row)
    table = markdown_table(header, rows, right=len(header))
    lines = "\n".join(f"- {_slope_words(each)}" for each in found)
    return f"## Error decay: mean KL · 10³\n\n{table}\n\n{lines}\n\n{_DECAY_WORDS}"


def _slope_words(each: Decay) -> str:
    if each.slope is None:
        return f"{each.label}: no slope, fewer than two sizes with three data sets"
    slope = each.slope
    words = f"{each.label}: slope {slope.estimate:.3f}, 95 % interval "
    words += f"[{slope.low:.3f}, {slope.high:.3f}]"
    if each.expectation.slope is None:
        return words
    return f"{words}; target {each.expectation.slope:g}: {each.verdict}"


def ethanol(certified: pd.DataFrame, seeds: pd.DataFrame, chosen: dict[str, pd.DataFrame]) -> str:
    """Both directions, certified paths and single random starts."""
    digitised = published.ethanol_counts()
    header = ["criterion", *percent_header(ETHANOL_EXPERTS), "credible"]
    parts = [
        "## Ethanol, 88 engine runs\n",
        _ETHANOL_WORDS,
    ]
    for covariate in published.COVARIATES:
        for title, table in chosen.items():
            part = table[table["covariate"] == covariate]
            rows = [row[: ETHANOL_EXPERTS + 1] for row in _count_rows(part, ETHANOL_EXPERTS)]
            if title == "random starts":
                rows += [
                    [f"published, {rule}", *_cells(digitised[covariate, rule]), "–"]
                    for rule in published.RULES
                ]
            n = part["replicate"].nunique()
            parts.append(
                f"### Covariate {covariate}, {title}: counts of {n}\n\n"
                f"{markdown_table(header, rows, right=len(header) - 1)}\n"
            )
    spread = certified.groupby(["covariate", "experts"])["joint_nll"].agg(
        lambda c: c.max() - c.min()
    )
    rows = [[str(k), *(f"{spread[c, k]:.3f}" for c in published.COVARIATES)]
            for k in range(1, ETHANOL_EXPERTS + 1)]  # fmt: skip
    table = markdown_table(["K", *(f"covariate {c}" for c in published.COVARIATES)], rows, right=3)
    parts += [
        "### Joint negative log-likelihood of paths: largest less smallest over seeds, nats\n",
        f"{table}\n",
        fits(certified, "covariate").replace("## Fits", "### Fits on paths"),
        fits(seeds, "covariate").replace("## Fits", "### Fits from random starts"),
    ]
    return "\n".join(parts)


def _cells(numbers: list[int]) -> list[str]:
    return [str(n) if n else "·" for n in numbers]


def _milli(value: float) -> str:
    return f"{1e3 * value:.3f}"
