"""The scripts of the gallery run without a warning and make one figure each."""

from __future__ import annotations

import ast
import runpy
from pathlib import Path

import matplotlib
import pytest

SCRIPTS = sorted((Path(__file__).resolve().parents[2] / "docs" / "gallery").glob("plot_*.py"))


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_script_makes_one_figure(script: Path) -> None:
    matplotlib.use("agg")
    from matplotlib import pyplot as plt

    plt.close("all")
    runpy.run_path(str(script), run_name="__main__")
    assert len(plt.get_fignums()) == 1
    axes = plt.gcf().axes
    assert all(ax.get_xlabel() or ax.get_ylabel() or ax.get_title() for ax in axes)
    plt.close("all")


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_script_has_a_title_and_says_what_is_to_be_seen(script: Path) -> None:
    text = ast.get_docstring(ast.parse(script.read_text("utf-8")))
    assert text is not None
    title, rule, *rest = text.splitlines()
    assert len(rule) >= len(title) and set(rule) == {"="}
    assert len(" ".join(rest).split()) >= 15


def test_there_are_scripts() -> None:
    assert len(SCRIPTS) >= 8
