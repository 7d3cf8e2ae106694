"""The published GLoME study: selection, KL by K, error decay, Ethanol. Resumable; run with::

python -m experiments.glome [--quick | --full]
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from experiments.glome import figures, report
from experiments.glome.decay import decays
from experiments.glome.selecting import selections
from experiments.glome.studies import (
    CELLS,
    DECAY,
    MAX_EXPERTS,
    ethanol_study,
    processes_study,
)
from mixexp.simulation import ResultStore, Study, run

if TYPE_CHECKING:
    import pandas as pd

ROOT = Path(__file__).parents[2]


RESULTS = ROOT / "experiments" / "results"
# Every other size of the published decay, for a run of 40 minutes.
HALF = DECAY[::2][:-1]


@dataclass(frozen=True)
class Plan:
    """How much is run, where it goes, and the seconds after which no task starts.

    ``cells`` data sets of each size of the box plots, ``decay`` of each other size, ``imposed`` for
    WS with K = 2. On the Ethanol data, ``paths`` certified paths from ``n_init`` starts a K and
    ``seeds`` repetitions from one.
    """

    cells: int
    decay: int
    imposed: int
    paths: int
    seeds: int
    seconds: float
    folder: Path = RESULTS
    sizes: tuple[int, ...] = (*CELLS, *HALF)
    max_experts: int = MAX_EXPERTS
    n_init: int = 24

    def replicates(self) -> dict[int, int]:
        """Data sets by sample size: those of a cell serve the decay as well."""
        return {n: self.cells if n in CELLS else self.decay for n in self.sizes}

    def studies(self) -> dict[str, Study]:
        """The studies by name, short ones first."""
        sizes = self.sizes if self.max_experts < MAX_EXPERTS else DECAY
        two = dict.fromkeys(sizes, self.imposed)
        return {
            "ethanol": ethanol_study(self.paths, random=False, n_init=self.n_init),
            "ethanol_starts": ethanol_study(self.seeds, random=True),
            "imposed": processes_study(two, max_experts=2, processes=("WS",)),
            "processes": processes_study(self.replicates(), max_experts=self.max_experts),
        }


PLANS = {
    "quick": Plan(
        cells=1, decay=1, imposed=3, paths=1, seeds=2, seconds=100.0,
        folder=ROOT / "build" / "glome-quick", sizes=(1000, 2000), max_experts=11, n_init=6,
    ),
    "default": Plan(cells=10, decay=3, imposed=30, paths=3, seeds=20, seconds=2300.0),
    "full": Plan(
        cells=100, decay=12, imposed=100, paths=5, seeds=100, seconds=21_000.0,
        sizes=(*CELLS, *DECAY),
    ),
}  # fmt: skip


def run_all(plan: Plan, folder: Path, jobs: int, seconds: float) -> dict[str, pd.DataFrame]:
    """Tables of all studies, as far as the time allows; what is left is in ``attrs``."""
    deadline = time.monotonic() + seconds
    frames = {}
    folder.mkdir(parents=True, exist_ok=True)
    with ResultStore(folder / "glome.sqlite") as store:
        for name, study in plan.studies().items():
            limit = max(0.0, deadline - time.monotonic())
            frame = run(study, store, n_jobs=jobs, time_limit=limit)
            store.to_parquet(folder / f"glome_{name}.parquet", study)
            failed = frame[frame["error"].notna()] if len(frame) else frame
            for text in failed["error"].head(3) if len(failed) else ():
                print(f"{name}: a task failed with\n{text}")
            frames[name] = frame[frame["error"].isna()] if len(frame) else frame
            frames[name].attrs["left"] = len(study.tasks()) - len(store.finished(study))
    return frames


def write(frames: dict[str, pd.DataFrame], plan: Plan, folder: Path) -> str:
    """Figures, and the tables as Markdown."""
    main, k_max = frames["processes"], plan.max_experts
    chosen = selections(main, "process")
    ethanol = {
        "path": selections(frames["ethanol"], "covariate"),
        "random starts": selections(frames["ethanol_starts"], "covariate"),
    }
    found = decays(chosen, frames["imposed"])
    figures.plot_selection(chosen, k_max, folder / "glome_selection.png")
    figures.plot_losses(main, folder / "glome_kl.png")
    figures.plot_decay(found, folder / "glome_decay.png")
    figures.plot_ethanol(ethanol, folder / "glome_ethanol.png")
    left = sum(frame.attrs["left"] for frame in frames.values())
    return "\n".join(
        [
            report.head(main, plan.replicates(), left, k_max),
            report.selection(chosen, k_max),
            report.losses(main),
            report.decay(found),
            report.ethanol(frames["ethanol"], frames["ethanol_starts"], ethanol),
            report.fits(main, "process"),
        ]
    )


def main(arguments: Sequence[str] | None = None, plans: Mapping[str, Plan] = PLANS) -> None:
    """Run or resume, print the tables, write tables and figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.set_defaults(plan="default")
    parser.add_argument("--quick", action="store_const", const="quick", dest="plan",
                        help="a data set of two small sizes, K up to 11, in 2 minutes")  # fmt: skip
    parser.add_argument("--full", action="store_const", const="full", dest="plan",
                        help="100 data sets a cell, in 6 hours")  # fmt: skip
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--time-limit", type=float, help="seconds after which no task starts")
    parser.add_argument("--results", type=Path)
    given = parser.parse_args(arguments)
    plan = plans[given.plan]
    folder = given.results or plan.folder
    seconds = plan.seconds if given.time_limit is None else given.time_limit
    frames = run_all(plan, folder, given.jobs, seconds)
    if any(frame.empty for frame in frames.values()):
        print(f"the time limit left a study without a data set; run again to go on ({folder})")
        return
    text = write(frames, plan, folder)
    print(text)
    (folder / "glome.md").write_text(text)
    left = sum(frame.attrs["left"] for frame in frames.values())
    if left:
        print(f"the time limit left {left} tasks; run again to go on")
    print(f"results in {folder}/glome*")


if __name__ == "__main__":
    main()
