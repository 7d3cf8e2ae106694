"""The studies: what is simulated, how often, and the task of one replicate."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from experiments.glome.divergences import draws_of, grid_of, losses
from experiments.glome.paths import Measure, Starts, Theta, fit_path
from experiments.glome.processes import PROCESSES, Process
from mixexp.datasets import load_ethanol
from mixexp.models.gllim.forward import Forward
from mixexp.simulation import Study, StudyTask

Array = NDArray[np.float64]

# Θ, declared before the study. Pieces of the truth have standard deviations of y of 0.3 at least,
# and of x given y of 0.043 at least (at slope -7, the steepest where there are data).
THETA = Theta(response=0.2, covariate=0.035, share=0.005)
# The same for the two variables of the Ethanol data: a tenth of their standard deviations, 3 rows.
ETHANOL_THETA = {
    "NOx": Theta(response=0.019, covariate=0.113, share=0.03),
    "E": Theta(response=0.113, covariate=0.019, share=0.03),
}

CELLS = (2000, 10_000)
DECAY = tuple(round(1000 * 2 ** (j / 3)) for j in range(11))
MAX_EXPERTS = 20
ETHANOL_EXPERTS = 12


def one_data_set(task: StudyTask) -> list[dict[str, Any]]:
    """A path of fits to a sample of each process; a row a process and K."""
    rows = []
    for name in task.params["processes"]:
        process = PROCESSES[name]
        # One stream a process, so that leaving one out does not change the other.
        rng = np.random.default_rng([sorted(PROCESSES).index(name), *_key(task)])
        x, y = process.sample(task.n, rng)
        path = fit_path(
            x, y, THETA, task.params["max_experts"], n_init=task.params["n_init"],
            seed=_key(task)[0], measure=loss_measure(process, x, rng),
        )  # fmt: skip
        rows += [{"process": name, **row} for row in path]
    return rows


def loss_measure(process: Process, x: Array, rng: np.random.Generator) -> Measure:
    """Losses by quadrature over x's law, and by the draws of the published study."""
    grid, draws = grid_of(process), draws_of(process, x, rng)

    def measure(law: Forward) -> dict[str, float]:
        def log_density(x: Array, y: Array) -> Array:
            return law.log_prob(x.reshape(-1, 1), y)

        exact, simulated = losses(grid, log_density), losses(draws, log_density)
        return {"kl": exact.kl, "jkl": exact.jkl, "kl_mc": simulated.kl, "jkl_mc": simulated.jkl}

    return measure


def ethanol_path(task: StudyTask) -> list[dict[str, Any]]:
    """Fits to the Ethanol data with each of NOx and E as covariate; the replicate is the seed."""
    data = load_ethanol()
    rows = []
    for covariate, response in (("NOx", "E"), ("E", "NOx")):
        x, y = data[covariate].to_numpy(), data[response].to_numpy()
        n_init = task.params["n_init"]
        starts = partitions(x, y, 1 if task.params["random"] else n_init // 2, task.rng())
        path = fit_path(
            x, y, ETHANOL_THETA[covariate], ETHANOL_EXPERTS, n_init=n_init,
            seed=_key(task)[0], starts=starts, alone=task.params["random"],
        )  # fmt: skip
        rows += [{"covariate": covariate, **row} for row in path]
    return rows


def partitions(x: Array, y: Array, number: int, rng: np.random.Generator) -> Starts:
    """A function of K that draws so many partitions."""
    return lambda k: [random_partition(x, y, k, rng) for _ in range(number)]


def random_partition(x: Array, y: Array, n_experts: int, rng: np.random.Generator) -> Array:
    """Responsibilities (n, K): rows to the nearest of K random rows, as the published study starts.

    Examples
    --------
    >>> x = np.array([0.0, 0.1, 5.0, 5.1])
    >>> random_partition(x, x, 4, np.random.default_rng(0)).sum(axis=0).round()
    array([1., 1., 1., 1.])
    """
    points = np.column_stack([x / x.std(), y / y.std()])
    centres = points[rng.choice(len(x), n_experts, replace=False)]
    nearest = np.argmin(((points[:, None] - centres) ** 2).sum(axis=2), axis=1)
    # A grain of every row keeps an expert with one row alive.
    r = np.full((len(x), n_experts), 0.01 / n_experts)
    r[np.arange(len(x)), nearest] += 0.99
    return r


def _key(task: StudyTask) -> tuple[int, ...]:
    return tuple(int(word) >> 1 for word in task.seed_sequence().generate_state(4))


def processes_study(
    replicates: Mapping[int, int],
    *,
    max_experts: int = MAX_EXPERTS,
    n_init: int = 4,
    processes: tuple[str, ...] = ("WS", "MS"),
) -> Study:
    """Paths of fits to samples of the processes, ``replicates[n]`` of size n."""
    return Study(
        "glome",
        sizes=tuple(replicates),
        replicates=replicates,
        run=one_data_set,
        params={
            "processes": processes, "max_experts": max_experts, "n_init": n_init,
            "theta": str(THETA),
        },
        cost=lambda n: 2000.0 + n,
    )  # fmt: skip


def ethanol_study(seeds: int, *, random: bool, n_init: int = 24) -> Study:
    """Ethanol: paths from `n_init` starts a K, half of them random partitions, or only one such."""
    return Study(
        "glome-ethanol-starts" if random else "glome-ethanol",
        sizes=(88,),
        replicates=seeds,
        run=ethanol_path,
        params={"random": random, "n_init": n_init, "theta": str(ETHANOL_THETA)},
    )
