"""Fits to Parquet files of any size: seconds per pass against n, and the memory of the process.

``python -m benchmarks.out_of_core --rows 100000000 --folder DISK`` writes such a file (2.4 GB),
fits it with its progress shown, prints what it took and deletes the file.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import fresh
from benchmarks.measurement import Measurement
from benchmarks.timing import interleaved, wall
from mixexp.estimation.data import Data
from mixexp.estimation.known import rows_of
from mixexp.estimation.objective import Objective
from mixexp.models import Gaussian, MixingMeasure, MixtureOfExperts, Softmax

Array = NDArray[np.float64]

COLUMNS = ("x0", "x1")
# Rows drawn at a time, and rows of a group in the file.
_PIECE, _GROUP = 1_000_000, 250_000
_ROW_BYTES = 8 * (len(COLUMNS) + 1)
# Resident memory that a fit to any number of rows may take, MB.
_MEMORY = 1500.0
# Time per row should be constant within this factor.
_LINEAR_WITHIN = 1.2

_IN_A_NEW_PROCESS = """
import json
from benchmarks import out_of_core
print(json.dumps(out_of_core.fitted({path!r}, n_init={n_init})))
"""


def measure(
    quick: bool = False, sizes: Sequence[int] | None = None, n_init: int = 10
) -> Iterator[Measurement]:
    """ns per row of a pass that sums the information, passes, seconds and memory of whole fits."""
    sizes = sizes or ((200_000, 1_000_000) if quick else (1_000_000, 10_000_000))
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.parquet"
        for n in sizes:
            write(path, n)
            found[n] = fresh.run(_IN_A_NEW_PROCESS.format(path=str(path), n_init=n_init))
            case = f"n={n:.0e}".replace("e+0", "e")
            ns = 1e9 * found[n]["information"] / n
            yield Measurement(f"information pass, {case}", ns, "ns/row")
            yield Measurement(f"passes of a fit, {case}", found[n]["passes"], "passes", target=40.0)
            yield Measurement(f"fit, {case}", found[n]["seconds"], "s")
            yield Measurement(f"peak memory, {case}", found[n]["peak"], "MB", target=_MEMORY)
        write(path, min(sizes))
        cost = reading(path, rounds=2 if quick else 5)
        yield Measurement("information pass, Parquet / in memory", cost, "x in memory")
    each = [found[n]["information"] / n for n in sizes]
    yield Measurement(
        "information pass, max/min of ns/row", max(each) / min(each), "x",
        target=None if quick else _LINEAR_WITHIN,
    )  # fmt: skip
    if not quick:
        # Few rows do not fill the pieces and the sample, which have a size of their own.
        first, last = min(sizes), max(sizes)
        growth = 1e6 * (found[last]["peak"] - found[first]["peak"]) / (last - first)
        yield Measurement(
            f"peak memory, growth (of {_ROW_BYTES} that a row takes)", growth, "bytes/row"
        )


def reading(path: Path, rounds: int) -> float:
    """How many times longer a pass takes where the rows are read from the file every time."""
    import mixexp

    model, measure = truth()
    source = mixexp.scan_parquet(path, X=list(COLUMNS), y="y")
    chunks = list(source.chunks())
    x, y = (np.concatenate([chunk[i] for chunk in chunks]) for i in (0, 1))
    held = Data.from_rows(x, y)
    read = rows_of(model, source, held.affine, columns=COLUMNS)
    theta = model.layout.vector(model.coefficients(model.from_measure(measure)))
    passes = {
        name: partial(Objective(model, rows).evaluate, theta, 2)
        for name, rows in {"memory": held, "file": read}.items()
    }
    # Reading ahead is the work of a thread of its own.
    seconds = interleaved(passes, rounds, clock=wall)
    return seconds["file"] / seconds["memory"]


def truth() -> tuple[MixtureOfExperts, MixingMeasure]:
    """Three experts of two covariates, well apart."""
    model = MixtureOfExperts(Softmax(), Gaussian(), n_experts=3, n_columns=2)
    measure = MixingMeasure(
        np.array([0.4, 0.35, 0.25]),
        {
            "gate_coef": np.array([[2.0, 0.5], [-1.5, 1.0], [0.0, 0.0]]),
            "intercept": np.array([1.0, -1.0, 3.0]),
            "coef": np.array([[2.0, 0.0], [-1.0, 1.5], [0.0, -2.0]]),
            "variance": np.array([0.25, 0.5, 0.15]),
        },
    )
    return model, measure


def pieces(n_rows: int, seed: int = 0) -> Iterator[tuple[Array, Array]]:
    """x (m, 2) and y (m,), at most a million rows at a time; the same for the same seed."""
    model, measure = truth()
    params = model.from_measure(measure)
    for number, first in enumerate(range(0, n_rows, _PIECE)):
        rng = np.random.default_rng([seed, number])
        x = rng.uniform(-2.0, 2.0, size=(min(_PIECE, n_rows - first), len(COLUMNS)))
        yield x, model.sample(params, x, rng)


def write(path: Path, n_rows: int) -> None:
    """A Parquet file of ``n_rows`` rows with the columns x0, x1 and y, 24 bytes for each row."""
    import pyarrow as pa
    from pyarrow import parquet

    schema = pa.schema([(name, pa.float64()) for name in (*COLUMNS, "y")])
    # Random digits cannot be compressed.
    with parquet.ParquetWriter(path, schema, compression="none", use_dictionary=False) as file:
        for x, y in pieces(n_rows):
            table = pa.table([*x.T.copy(), y], schema=schema)
            file.write_table(table, row_group_size=_GROUP)


def fitted(path: str, verbose: int = 0, n_init: int = 10) -> dict[str, Any]:
    """What a fit of three experts to a file took."""
    import mixexp

    source = mixexp.scan_parquet(path, X=list(COLUMNS), y="y")
    moe = mixexp.GaussianMoE(n_experts=3, n_init=n_init, random_state=0, verbose=verbose)
    start = time.perf_counter()
    moe.fit(source)
    seconds = time.perf_counter() - start
    passes = moe.passes_
    by_kind = passes.groupby("kind")["seconds"]
    seconds_of = {str(kind): list(map(float, each)) for kind, each in by_kind}
    return {
        "passes": len(passes),
        "seconds": seconds,
        "in_passes": float(passes["seconds"].sum()),
        "information": min(seconds_of["information"]),
        "by_kind": seconds_of,
        "peak": peak_memory(),
        "loglik": moe.loglik_,
        "certified": moe.converged_,
        "certificate": moe.certificate_.summary(),
    }


def peak_memory() -> float:
    """The most memory this process had in use, MB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # Bytes on macOS, kilobytes elsewhere.
    return peak / 1e6 if sys.platform == "darwin" else 1024 * peak / 1e6


def main(arguments: Sequence[str] | None = None) -> None:
    """Write a file, fit it, print what it took, delete it."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.out_of_core", description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path, help="where there is space for 24 bytes a row")
    parser.add_argument("--quiet", action="store_true", help="show no progress")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        path = Path(folder) / "rows.parquet"
        start = time.perf_counter()
        write(path, options.rows)
        size = path.stat().st_size / 1e9
        print(f"wrote {options.rows:,} rows, {size:.2f} GB, in {time.perf_counter() - start:.0f} s")
        found = in_a_new_process(path, verbose=0 if options.quiet else 1)
    print(report(options.rows, found))


def in_a_new_process(path: Path, verbose: int) -> dict[str, Any]:
    """:func:`fitted` in a process whose memory is that of the fit alone; its progress is shown."""
    import subprocess

    code = (
        "import json; from benchmarks import out_of_core; "
        f"print(json.dumps(out_of_core.fitted({str(path)!r}, {verbose})))"
    )
    root = Path(__file__).resolve().parents[1]
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=root, stdout=subprocess.PIPE, text=True, check=True
    )
    return json.loads(done.stdout.splitlines()[-1])


def report(n_rows: int, found: dict[str, Any]) -> str:
    """What a fit took, as text."""
    lines = [
        f"fit of {n_rows:,} rows: {found['seconds']:.0f} s, {found['in_passes']:.0f} s of them in "
        f"{found['passes']} passes",
        *(
            f"  {kind}: {len(each)} passes, {np.median(each):.2f} s each, "
            f"{1e9 * np.median(each) / n_rows:.0f} ns a row"
            for kind, each in found["by_kind"].items()
        ),
        f"peak memory: {found['peak']:.0f} MB; the data: {n_rows * _ROW_BYTES / 1e6:.0f} MB",
        f"log-likelihood {found['loglik']:.6f}, certified: {found['certified']}",
        found["certificate"],
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
