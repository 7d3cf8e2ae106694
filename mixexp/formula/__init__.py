"""Formulas, y ~ experts | gate: designs of data frames that are learned once and applied again."""

from mixexp.formula.design import Formula

__all__ = ["Formula"]
