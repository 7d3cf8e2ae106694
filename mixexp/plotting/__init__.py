"""Figures of fits, their diagnostics, selection paths, partitions and dendrograms.

What a fit says: :func:`plot_experts`, :func:`plot_gate`, :func:`plot_classes`, :func:`plot_bands`,
:func:`plot_forward_density`. How far to trust it: :func:`plot_residuals`, :func:`plot_pit`,
:func:`plot_responsibilities`, :func:`plot_starts`, :func:`plot_profile`, :func:`plot_bootstrap`.
How it was selected: :func:`plot_selection_path` and its panels, :func:`plot_dendrogram`,
:func:`plot_partition`. Rates of convergence are drawn by :func:`mixexp.simulation.plot_rates`.

matplotlib is imported when a function is called. Each takes Axes to draw on, or opens a figure of
pyplot, and returns the Axes.
"""

from mixexp.plotting.bands import plot_bands
from mixexp.plotting.dendrogram import plot_dendrogram
from mixexp.plotting.density import plot_forward_density
from mixexp.plotting.experts import plot_experts
from mixexp.plotting.gate import plot_classes, plot_gate
from mixexp.plotting.inference import plot_bootstrap, plot_profile
from mixexp.plotting.partition import plot_partition
from mixexp.plotting.pit import plot_pit
from mixexp.plotting.residuals import plot_residuals, quantile_residuals
from mixexp.plotting.responsibilities import plot_responsibilities
from mixexp.plotting.selection_path import (
    plot_contrast,
    plot_dimension_path,
    plot_selection_path,
)
from mixexp.plotting.starts import plot_starts

__all__ = [
    "plot_bands",
    "plot_bootstrap",
    "plot_classes",
    "plot_contrast",
    "plot_dendrogram",
    "plot_dimension_path",
    "plot_experts",
    "plot_forward_density",
    "plot_gate",
    "plot_partition",
    "plot_pit",
    "plot_profile",
    "plot_residuals",
    "plot_responsibilities",
    "plot_selection_path",
    "plot_starts",
    "quantile_residuals",
]
