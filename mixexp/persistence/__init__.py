"""Fitted estimators as plain JSON that loads back to the same predictions, bit for bit."""

from mixexp.persistence.files import dumps, load, loads, save

__all__ = ["dumps", "load", "loads", "save"]
