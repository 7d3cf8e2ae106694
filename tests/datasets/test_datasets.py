"""The shipped tables: what they hold, and that they equal the tables they were made from."""

from __future__ import annotations

import csv
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest

from mixexp import datasets


class Table(NamedTuple):
    """What a loader must return, and the file and columns of the reference it must equal."""

    load: Callable[[], pd.DataFrame]
    rows: int
    columns: dict[str, str]
    reference: str
    reference_columns: tuple[str, ...]
    # What the reference divides columns by.
    units: tuple[float, ...] = ()


FLOAT, WHOLE = "float64", "int64"
TABLES = {
    "ethanol": Table(
        datasets.load_ethanol,
        88,
        {"NOx": FLOAT, "C": FLOAT, "E": FLOAT},
        "ethanol.csv",
        ("NOx", "C", "E"),
    ),
    "faithful": Table(
        datasets.load_faithful,
        272,
        {"eruptions": FLOAT, "waiting": WHOLE},
        "peers/data/faithful.csv",
        ("x", "y"),
    ),
    "mcycle": Table(
        datasets.load_mcycle,
        133,
        {"times": FLOAT, "accel": FLOAT},
        "peers/data/mcycle.csv",
        ("times", "y"),
    ),
    "npreg": Table(
        datasets.load_npreg,
        200,
        {"x": FLOAT, "yn": FLOAT, "yp": WHOLE, "yb": WHOLE, "class": WHOLE},
        "peers/data/NPreg.csv",
        ("x", "yn", "yp", "yb", "class"),
    ),
    "sim_k3_p3": Table(
        datasets.load_sim_k3_p3,
        1000,
        {"x1": FLOAT, "x2": FLOAT, "x3": FLOAT, "y": FLOAT, "expert": WHOLE},
        "peers/data/sim_k3_p3.csv",
        ("x1", "x2", "x3", "y", "z"),
    ),
    "tonedata": Table(
        datasets.load_tonedata,
        150,
        {"stretchratio": FLOAT, "tuned": FLOAT},
        "peers/data/tonedata.csv",
        ("x", "y"),
    ),
    "pima": Table(
        datasets.load_pima,
        532,
        {"npreg": WHOLE, "glu": WHOLE, "bmi": FLOAT, "ped": FLOAT, "age": WHOLE, "diabetes": WHOLE},
        "peers/data/pima.csv",
        ("npreg", "glu", "bmi", "ped", "age", "y"),
        (1.0, 10.0, 10.0, 1.0, 10.0, 1.0),
    ),
    "tribolium": Table(
        datasets.load_tribolium,
        27,
        dict.fromkeys(
            ("remaining", "total", "confusum", "madens", "replicate2", "replicate3"), WHOLE
        ),
        "peers/data/tribolium.csv",
        ("y", "total", "spConf", "spMad", "r2", "r3"),
    ),
}
each_table = pytest.mark.parametrize("name", TABLES)


def columns_of(path: Path, names: tuple[str, ...]) -> np.ndarray:
    """Columns of a comma-separated file, parsed by Python's exact ``float``."""
    with path.open(encoding="utf-8", newline="") as file:
        return np.array([[float(row[name]) for name in names] for row in csv.DictReader(file)])


@each_table
def test_shape_names_and_types(name):
    table, frame = TABLES[name], TABLES[name].load()
    assert frame.shape == (table.rows, len(table.columns))
    assert {column: str(dtype) for column, dtype in frame.dtypes.items()} == table.columns
    assert list(frame.columns) == list(table.columns)
    assert frame.index.equals(pd.RangeIndex(table.rows))
    assert np.isfinite(frame.to_numpy()).all()


@each_table
def test_values_equal_the_reference_to_the_last_bit(name, reference_dir):
    table = TABLES[name]
    expected = columns_of(reference_dir / table.reference, table.reference_columns)
    found = table.load().to_numpy(dtype=float)
    if table.units:
        # Where units differ, so may the last bit of a division.
        np.testing.assert_allclose(found / table.units, expected, rtol=2e-16, atol=0.0)
    else:
        np.testing.assert_array_equal(found, expected)


@each_table
def test_parsing_is_exact(name):
    table = TABLES[name]
    with files("mixexp.datasets").joinpath("data", f"{name}.csv").open(encoding="utf-8") as file:
        rows = [[float(cell) for cell in row.values()] for row in csv.DictReader(file)]
    np.testing.assert_array_equal(table.load().to_numpy(dtype=float), rows)


@each_table
def test_numbers_are_written_with_the_fewest_digits(name):
    lines = files("mixexp.datasets").joinpath("data", f"{name}.csv").read_text("utf-8").split()
    for cell in ",".join(lines[1:]).split(","):
        assert cell == repr(float(cell)).removesuffix(".0")


@each_table
def test_frames_do_not_share_memory(name):
    load = TABLES[name].load
    first = load()
    first.iloc[0, 0] = -99.0
    assert load().iloc[0, 0] != -99.0


def test_every_loader_and_file_is_tested_and_documented():
    assert sorted(f"load_{name}" for name in TABLES) == sorted(datasets.__all__)
    folder = files("mixexp.datasets").joinpath("data")
    stored = {entry.name for entry in folder.iterdir() if entry.name.endswith(".csv")}
    assert stored == {f"{name}.csv" for name in TABLES}
    readme = folder.joinpath("README.md").read_text("utf-8")
    for name, table in TABLES.items():
        assert f"| `{name}.csv` | {table.rows} | {', '.join(table.columns)} |" in readme
        assert f"{table.rows}" in str(table.load.__doc__).splitlines()[0]
        assert all(f"``{column}``" in str(table.load.__doc__) for column in table.columns)


def test_known_moments():
    np.testing.assert_allclose(datasets.load_faithful().mean(), [3.487783, 70.897059], rtol=1e-6)
    assert sorted(datasets.load_ethanol()["C"].unique()) == [7.5, 9.0, 12.0, 15.0, 18.0]
    assert datasets.load_mcycle()["times"].is_monotonic_increasing
    assert set(datasets.load_npreg()["class"]) == {1, 2}
    assert set(datasets.load_sim_k3_p3()["expert"]) == {1, 2, 3}
    # 68 of the 200 women of the first part and 109 of the 332 of the second.
    diabetes = datasets.load_pima()["diabetes"]
    assert (diabetes[:200].sum(), diabetes[200:].sum()) == (68, 109)
    tones = datasets.load_tonedata()
    assert tones["stretchratio"].between(1.35, 3.0).all()
