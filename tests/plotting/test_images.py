"""Figures look as they did; see ``tests.plotting.regenerate`` when they are meant to change.

Versions of FreeType draw letters differently: images are compared with all texts covered, and the
texts by their words.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from matplotlib.legend import Legend
from matplotlib.testing.compare import compare_images
from matplotlib.text import Text
from PIL import Image

from tests.plotting.figures import DPI, FIGURES, drawn, save
from tests.plotting.regenerate import BASELINE, TEXTS, texts

# Root mean square of the differences, of 255. The least that goes missing below, a thin grey line,
# makes 1.6; all but two figures are the same under matplotlib 3.10 and 3.11.
TOLERANCE = 1.0
_LARGEST = 40_000
# Letters of another version reach beyond the box of a text by this many pixels.
_MARGIN = (10, 4)


def boxes(figure):
    """Where there are texts and legends, in pixels from the lower left."""
    found = [a for a in figure.findobj(lambda a: isinstance(a, Text | Legend)) if a.get_visible()]
    return [a.get_window_extent().padded(*_MARGIN) for a in found]


def covered(path: Path, hidden, target: Path) -> str:
    """A copy of an image, white where it is hidden."""
    pixels = np.array(Image.open(path).convert("RGB"))
    height, width = pixels.shape[:2]
    for box in hidden:
        x0, x1 = np.clip([box.x0, box.x1], 0, width).astype(int)
        y0, y1 = np.clip([height - box.y1, height - box.y0], 0, height).astype(int)
        pixels[y0:y1, x0:x1] = 255
    Image.fromarray(pixels).save(target)
    return str(target)


def without_one(figure):
    """Take away what was drawn last on the first Axes."""
    axes = figure.axes[0]
    artists = [*axes.patches, *axes.collections, *axes.images, *axes.lines]
    artists[-1].remove()


@pytest.mark.parametrize("name", FIGURES)
def test_figure_is_its_baseline_and_would_not_be_if_a_line_were_missing(name, tmp_path):
    with drawn(name) as figure:
        figure.set_dpi(DPI)
        words = texts(figure)
        save(figure, tmp_path / "figure.png")
        hidden = boxes(figure)
        without_one(figure)
        save(figure, tmp_path / "without.png")
    files = (BASELINE / f"{name}.png", tmp_path / "figure.png", tmp_path / "without.png")
    baseline, whole, lacking = (
        covered(path, hidden, tmp_path / f"covered{i}.png") for i, path in enumerate(files)
    )
    assert compare_images(baseline, whole, TOLERANCE) is None
    assert compare_images(baseline, lacking, TOLERANCE) is not None
    assert words == json.loads(TEXTS.read_text("utf-8"))[name]


def test_baselines_are_those_of_the_figures_and_small():
    files = {path.stem: path.stat().st_size for path in BASELINE.glob("*.png")}
    assert files.keys() == FIGURES.keys()
    assert max(files.values()) <= _LARGEST
