"""What a simulation study is: sizes, replicates, a task function and its seeds."""

from __future__ import annotations

import hashlib
import json
import math
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np

Scalar = float | int | str | bool | None
Row = dict[str, Scalar]


def log_spaced_sizes(smallest: int, largest: int, number: int) -> tuple[int, ...]:
    """Sample sizes ``n_j = smallest (largest / smallest)^(j / (number - 1))``, rounded.

    Parameters
    ----------
    smallest, largest : int
        First and last size, ``1 <= smallest < largest``.
    number : int
        How many sizes, at least 2. Sizes that coincide after rounding are kept once.

    Returns
    -------
    tuple of int
        Increasing sizes; rounded to three significant digits, the two ends exactly as given.

    Raises
    ------
    ValueError
        If the range is empty or `number` is below 2.

    Examples
    --------
    >>> log_spaced_sizes(300, 30_000, 5)
    (300, 949, 3000, 9490, 30000)
    """
    if not 1 <= smallest < largest or number < 2:
        raise ValueError(
            f"need 1 <= smallest < largest and number >= 2, got smallest={smallest}, "
            f"largest={largest}, number={number}: widen the range or ask for more sizes"
        )
    inner = np.geomspace(smallest, largest, number)[1:-1]
    rounded = {int(float(f"{n:.3g}")) for n in inner}
    return tuple(sorted({int(smallest), int(largest)} | rounded))


@dataclass(frozen=True, eq=False)
class Study:
    """A simulation study: ``run(task)`` for every size n and every replicate 1, ..., R_n.

    Rows are stored under (name, configuration hash). The hash covers `version`, `params` and the
    version of mixexp, so a change in any of them starts a new table and never mixes rows. It does
    not cover `sizes` and `replicates`: enlarging them adds tasks and keeps the rows there are. It
    cannot see the code of `run`: raise `version` when that changes the numbers.

    Parameters
    ----------
    name : str
        Name of the study; also the key of its random numbers.
    sizes : sequence of int
        Sample sizes n, all at least 1; stored increasing, without duplicates.
    replicates : int or mapping from size to int
        Replicates for every size, or one number per size.
    run : callable
        ``run(task) -> dict`` or a list of dicts (several rows, numbered by the column ``part``).
        A module-level function, so that worker processes can import it. Rows are flat: numbers,
        strings, booleans or None.
    params : mapping, optional
        Everything `run` reads from ``task.params``; must be JSON (keys are strings).
    version : str, optional
        Version of the study's own code.
    cost : callable, optional
        Estimated cost of one task as a function of n, in any unit (default: n). Orders the tasks
        and weights the remaining time.

    Raises
    ------
    ValueError, TypeError
        If a field is malformed; the message names it.

    Examples
    --------
    >>> def mean_error(task):
    ...     return {"error": abs(float(task.rng().normal(size=task.n).mean()))}
    >>> study = Study("normal-mean", sizes=(100, 1000), replicates=2, run=mean_error)
    >>> [(task.n, task.replicate) for task in study.tasks()]
    [(100, 0), (100, 1), (1000, 0), (1000, 1)]
    """

    name: str
    sizes: tuple[int, ...]
    replicates: int | Mapping[int, int]
    run: Callable[[StudyTask], Row | list[Row]]
    params: Mapping[str, Any] = field(default_factory=dict)
    version: str = "1"
    cost: Callable[[int], float] | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name:
            raise ValueError(f"name must be a non-empty string, got {self.name!r}")
        sizes = tuple(sorted({operator.index(n) for n in self.sizes}))
        if not sizes or sizes[0] < 1:
            raise ValueError(f"sizes must hold at least one size, all >= 1, got {self.sizes!r}")
        if not callable(self.run):
            raise TypeError(f"run must be a function of one task, got {self.run!r}")
        object.__setattr__(self, "sizes", sizes)
        object.__setattr__(self, "replicates", _replicates_by_size(self.replicates, sizes))
        object.__setattr__(self, "params", _plain_json(self.params, "params"))

    @property
    def description(self) -> str:
        """The canonical JSON text of everything the configuration hash covers."""
        from mixexp import __version__

        content = {"mixexp": __version__, "params": self.params, "version": str(self.version)}
        return json.dumps(content, sort_keys=True, separators=(",", ":"))

    @property
    def config(self) -> str:
        """Hash of the configuration: 16 hexadecimal digits of SHA-256 of `description`."""
        return hashlib.sha256(self.description.encode()).hexdigest()[:16]

    def tasks(self) -> list[StudyTask]:
        """All tasks, by increasing size and replicate."""
        return [StudyTask(self, n, r) for n in self.sizes for r in range(self.replicates_of(n))]

    def replicates_of(self, n: int) -> int:
        """Declared replicates of size n; 0 if the study has no such size."""
        return cast("Mapping[int, int]", self.replicates).get(n, 0)

    def task_cost(self, n: int) -> float:
        """Estimated cost of one task of size n, in the unit of `cost`.

        Raises
        ------
        ValueError
            If `cost` does not return a positive finite number.
        """
        value = float(n if self.cost is None else self.cost(n))
        if not (math.isfinite(value) and value > 0):
            raise ValueError(f"cost({n}) must be positive and finite, got {value}")
        return value


@dataclass(frozen=True, eq=False)
class StudyTask:
    """One replicate of one size: all a task function needs to know.

    The random numbers are keyed by (study name, n, replicate) alone,
    ``SeedSequence(entropy=SHA-256(name), spawn_key=(n, replicate))``, so they depend neither on
    the order of the tasks nor on the number of workers, and studies that differ only in `params`
    see the same data.

    Examples
    --------
    >>> study = Study("demo", sizes=(10,), replicates=1, run=dict)
    >>> task = StudyTask(study, n=10, replicate=0)
    >>> bool(task.rng().normal() == task.rng().normal())
    True
    >>> task.seed_key
    'demo:10:0'
    """

    study: Study
    n: int
    replicate: int

    @property
    def params(self) -> Mapping[str, Any]:
        """The parameters of the study."""
        return self.study.params

    @property
    def seed_key(self) -> str:
        """The key of the random numbers in words, ``name:n:replicate``."""
        return f"{self.study.name}:{self.n}:{self.replicate}"

    def seed_sequence(self) -> np.random.SeedSequence:
        """A fresh seed sequence; every call returns the same one."""
        # Python's own hash of a string changes from process to process.
        entropy = int.from_bytes(hashlib.sha256(self.study.name.encode()).digest()[:16], "big")
        return np.random.SeedSequence(entropy, spawn_key=(self.n, self.replicate))

    def rng(self) -> np.random.Generator:
        """A fresh generator; every call starts from the same state."""
        return np.random.default_rng(self.seed_sequence())


def _replicates_by_size(
    replicates: int | Mapping[int, int], sizes: tuple[int, ...]
) -> dict[int, int]:
    if not isinstance(replicates, Mapping):
        replicates = dict.fromkeys(sizes, replicates)
    missing = [n for n in sizes if n not in replicates]
    if missing:
        raise ValueError(f"replicates has no entry for the sizes {missing}: add them")
    counts = {n: operator.index(replicates[n]) for n in sizes}
    if min(counts.values()) < 0 or max(counts.values()) < 1:
        raise ValueError(f"replicates must be non-negative and not all 0, got {counts}")
    return counts


def _plain_json(value: Any, where: str) -> Any:
    """A copy of `value` made of JSON types only, tuples becoming lists."""
    if isinstance(value, Mapping):
        wrong = [key for key in value if not isinstance(key, str)]
        if wrong:
            raise TypeError(f"{where} has the keys {wrong!r}: JSON keys are strings, use str(key)")
        return {key: _plain_json(item, f"{where}[{key!r}]") for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain_json(item, f"{where}[{i}]") for i, item in enumerate(value)]
    if isinstance(value, np.generic | np.ndarray):
        return _plain_json(value.tolist(), where)
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{where} is {value}: JSON has finite numbers only, use a string or None")
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise TypeError(f"{where} is a {type(value).__name__}, not JSON: use numbers, strings or lists")
