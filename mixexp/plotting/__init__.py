"""Figures: selection paths, partitions, dendrograms and conditional densities.

matplotlib is imported when a function is called. Each takes Axes to draw on, or opens a figure of
pyplot, and returns the Axes.
"""

from mixexp.plotting.dendrogram import plot_dendrogram
from mixexp.plotting.density import plot_forward_density
from mixexp.plotting.partition import plot_partition
from mixexp.plotting.selection_path import (
    plot_contrast,
    plot_dimension_path,
    plot_selection_path,
)

__all__ = [
    "plot_contrast",
    "plot_dendrogram",
    "plot_dimension_path",
    "plot_forward_density",
    "plot_partition",
    "plot_selection_path",
]
