"""Rates of the softmax-gated Gaussian mixture of experts, k = k* and k = k* + 1 experts.

Claim under test (Nguyen, Nguyen & Ho 2023, arXiv 2305.03288, Proposition 2 and Theorems 1 and 2):
the density, D1 for k = k* and D2 for k > k* converge at least as fast as n^(-1/2), up to
logarithms, and the errors of the parameters inside a split cell at slower rates. Run with::

    python -m experiments.softmax_gaussian_rates
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from mixexp.estimation.box import Bounds
from mixexp.estimation.fit import Fit, Options, fit
from mixexp.estimation.solvers.multistart import Optimum
from mixexp.models import MixingMeasure, MixtureOfExperts
from mixexp.simulation import (
    Expectation,
    Quantity,
    Study,
    StudyTask,
    log_spaced_sizes,
    plot_rates,
    report_rates,
    run,
)
from mixexp.simulation.store import ResultStore
from mixexp.theory import cell_errors, d1, d2, d2_sharp, moe_divergence, uniform_design
from mixexp.theory.truths.named import TRUTHS, Truth

RESULTS = Path(__file__).parent / "results"

# Θ, declared before the study: coefficients up to 6 and variances between 0.02 and 20, so that no
# expert can spike on a few observations.
BOUNDS = Bounds(gate=6.0, expert=6.0, scale=(0.02**0.5, 20.0**0.5))

HALF = Expectation(-0.5)
QUANTITIES = (
    Quantity("exact_hellinger", "k=k*: Hellinger distance", HALF),
    Quantity("exact_d1", "k=k*: D1", HALF),
    Quantity("exact_weight", "k=k*: weights", HALF),
    Quantity("exact_gate_coef", "k=k*: gate slope", HALF),
    Quantity("exact_coef", "k=k*: expert slope", HALF),
    Quantity("exact_intercept", "k=k*: expert intercept", HALF),
    Quantity("exact_variance", "k=k*: variance", HALF),
    Quantity("over_hellinger", "k=k*+1: Hellinger distance", HALF),
    Quantity("over_d2", "k=k*+1: D2", HALF),
    Quantity("over_d2_sharp", "k=k*+1: sharper D2", Expectation(-0.5, kind="derived here")),
    Quantity("over_weight", "k=k*+1: weights of cells", HALF),
    Quantity("over_single", "k=k*+1: single cell, all blocks", HALF),
    Quantity("over_gate_coef", "split cell: gate slope", Expectation(-0.125)),
    Quantity("over_gate_coef", "split cell: gate slope", Expectation(-0.25, kind="derived here")),
    Quantity("over_coef", "split cell: expert slope", Expectation(-0.25)),
    Quantity("over_intercept", "split cell: expert intercept", Expectation(-0.125)),
    Quantity("over_variance", "split cell: variance", Expectation(-0.25)),
)
FIGURE = (
    "exact_hellinger", "exact_d1", "over_hellinger", "over_d2",
    "over_gate_coef", "over_coef", "over_intercept", "over_variance",
)  # fmt: skip


def fit_measure(truth: Truth, k: int, x: np.ndarray, y: np.ndarray, task: StudyTask) -> dict:
    """Fit k experts; what the fit says about itself, and the fitted measure."""
    model = MixtureOfExperts(truth.model.gate, truth.model.expert, k, truth.model.n_columns)
    options = Options(
        n_init=task.params["n_init"][str(k)], bounds=BOUNDS, min_share=0.0, standardize=False,
        seed=int(task.seed_sequence().generate_state(1)[0] >> 1),
    )  # fmt: skip
    found = fit(model, x, y, options=options)
    # Θ is declared, so the estimator is its highest optimum, on a bound or not.
    best = max(found.optima, key=lambda optimum: optimum.value)
    return {"fit": found, "best": best, "measure": model.measure(found.params(best))}


def describe(prefix: str, found: Fit, best: Optimum, loglik: float) -> dict:
    """Certificate and search of a fit as columns."""
    certificate = best.certificate
    return {
        f"{prefix}_certified": best.certified,
        f"{prefix}_at_bound": certificate is not None and bool(certificate.active_bounds),
        f"{prefix}_remaining_gain": certificate and certificate.remaining_gain,
        f"{prefix}_n_starts": certificate and certificate.n_starts,
        f"{prefix}_n_optima": len(found.optima),
        f"{prefix}_n_hits": best.n_hits,
        f"{prefix}_gain": found.loglik(best) - loglik,
    }


def split_cells(fitted: MixingMeasure, truth: MixingMeasure) -> dict:
    """Errors inside the cell of two atoms and of the single one; missing for another partition."""
    cells = cell_errors(fitted, truth)
    split = [cell for cell in cells if cell["size"] == 2]
    single = [cell for cell in cells if cell["size"] == 1]
    if len(split) != 1 or len(single) != 1:
        return {"over_split_cell": -1}
    blocks = ("gate_coef", "coef", "intercept", "variance")
    return {
        "over_split_cell": split[0]["cell"],
        "over_weight": sum(cell["weight"] for cell in cells),
        "over_single": sum(single[0][block] for block in blocks),
        "over_min_weight": float(fitted.normalized().weight.min()),
        **{f"over_{block}": split[0][block] for block in blocks},
    }


def exact_errors(fitted: MixingMeasure, truth: MixingMeasure) -> dict:
    """Errors of each block, the largest over experts; gate slopes compared as differences."""
    matched = fitted.normalized().align(truth)
    true = truth.normalized()
    relative = {
        "gate_coef": lambda m: m["gate_coef"] - m["gate_coef"][-1],
        "weight": lambda m: m.weight,
    }
    return {
        f"exact_{block}": float(
            np.abs(relative.get(block, lambda m, b=block: m[b])(matched)
                   - relative.get(block, lambda m, b=block: m[b])(true)).max()
        )
        for block in ("weight", "gate_coef", "coef", "intercept", "variance")
    }  # fmt: skip


def one_replicate(task: StudyTask) -> dict:
    """Sample, fit k* and k* + 1 experts, measure every loss."""
    truth = TRUTHS[task.params["truth"]]
    x, y = truth.sample(task.n, task.rng())
    design = uniform_design(truth.lower, truth.upper)
    loglik = float(truth.model.log_prob(truth.params, x, y).sum())
    k = truth.model.n_experts
    exact, over = (fit_measure(truth, m, x, y, task) for m in (k, k + 1))
    fine = exact["fit"].loglik(exact["best"])
    return {
        "exact_d1": float(d1(exact["measure"], truth.measure)),
        "exact_hellinger": moe_divergence(exact["measure"], truth.measure, design).hellinger,
        **exact_errors(exact["measure"], truth.measure),
        **describe("exact", exact["fit"], exact["best"], loglik),
        "over_d2": float(d2(over["measure"], truth.measure)),
        "over_d2_sharp": float(d2_sharp(over["measure"], truth.measure)),
        "over_hellinger": moe_divergence(over["measure"], truth.measure, design).hellinger,
        **split_cells(over["measure"], truth.measure),
        **describe("over", over["fit"], over["best"], fine),
    }


def study(truth: str, smallest: int, largest: int, number: int, replicates: int) -> Study:
    """The study of one truth."""
    sizes = log_spaced_sizes(smallest, largest, number)
    return Study(
        f"softmax-gaussian-{truth}",
        sizes=sizes,
        replicates={n: max(3, int(replicates * min(1.0, 8_000 / n))) for n in sizes},
        run=one_replicate,
        params={"truth": truth, "n_init": {"2": 2, "3": 10}, "bounds": str(BOUNDS)},
        cost=lambda n: 1500.0 + n,
    )


def main() -> None:
    """Run or resume the study, print its table, write its figure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--truth", choices=sorted(TRUTHS), default="balanced")
    parser.add_argument("--sizes", type=int, nargs=3, default=(300, 30_000, 5),
                        metavar=("FIRST", "LAST", "NUMBER"))  # fmt: skip
    parser.add_argument(
        "--replicates", type=int, default=20, help="of sizes up to 8,000, fewer of larger ones"
    )
    parser.add_argument("--jobs", type=int, default=-1)
    parser.add_argument(
        "--time-limit", type=float, default=90.0, help="seconds after which no task starts"
    )
    parser.add_argument("--results", type=Path, default=RESULTS)
    chosen = parser.parse_args()
    chosen.results.mkdir(parents=True, exist_ok=True)
    name = f"softmax_gaussian_{chosen.truth}"
    plan = study(chosen.truth, *chosen.sizes, chosen.replicates)
    with ResultStore(chosen.results / f"{name}.sqlite") as store:
        frame = run(plan, store, n_jobs=chosen.jobs, time_limit=chosen.time_limit)
        left = len(plan.tasks()) - len(store.finished(plan))
        store.to_parquet(chosen.results / f"{name}.parquet", plan)
    certified = ("exact_certified", "over_certified")
    bounds = ("exact_at_bound", "over_at_bound")
    report = report_rates(frame, QUANTITIES, certified=certified, at_bound=bounds)
    print(report)
    (chosen.results / f"{name}.md").write_text(report.to_markdown() + "\n")
    shown = [quantity for quantity in QUANTITIES if quantity.column in FIGURE]
    panels = report_rates(frame, shown, certified=certified, at_bound=bounds)
    title = f"Softmax-gated Gaussian experts, {chosen.truth} truth: certified fits"
    plot_rates(panels, chosen.results / f"{name}.png", title=title, n_columns=4)
    if left:
        print(f"the time limit left {left} of {len(plan.tasks())} tasks; run again to go on")
    print(f"results in {chosen.results}/{name}.{{sqlite,parquet,md,png}}")


if __name__ == "__main__":
    main()
