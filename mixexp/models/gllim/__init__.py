"""Gaussian locally linear mappings: joint laws of inputs u of the gate and outputs v of experts."""

from mixexp.models.gllim.density import Logs, log_densities
from mixexp.models.gllim.inversion import inverted
from mixexp.models.gllim.mapping import GLLiM, GLLiMParams, Scaling

__all__ = ["GLLiM", "GLLiMParams", "Logs", "Scaling", "inverted", "log_densities"]
