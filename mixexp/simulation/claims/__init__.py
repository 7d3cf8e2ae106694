"""Claims about rates, declared before any number is seen: how they are run and judged.

A `Claim` declares a `Problem` (`Conditional` or `Joint`: truth, model, Θ), sizes, time, arms,
measures and predicted exponents; ``run(claim.study("full"), store)`` fills a store, `judge` turns
its rows into slopes and verdicts, `write_report` into a page.
"""

from __future__ import annotations

from mixexp.simulation.claims.arms import LiteratureEM, NearTruth, Search, Unfitted
from mixexp.simulation.claims.budget import Cost
from mixexp.simulation.claims.claim import Claim
from mixexp.simulation.claims.judging.evaluate import judge
from mixexp.simulation.claims.judging.exponent_study import exponent_study
from mixexp.simulation.claims.judging.results import ClaimResult
from mixexp.simulation.claims.judging.tables import export, read_exponents, read_frame
from mixexp.simulation.claims.measures.basic import Cells, Hellinger, Loss, Measure
from mixexp.simulation.claims.problem import Outcome, Problem
from mixexp.simulation.claims.problems.conditional import Conditional
from mixexp.simulation.claims.problems.joint import Joint
from mixexp.simulation.claims.report import write_report

__all__ = [
    "Cells",
    "Claim",
    "ClaimResult",
    "Conditional",
    "Cost",
    "Hellinger",
    "Joint",
    "LiteratureEM",
    "Loss",
    "Measure",
    "NearTruth",
    "Outcome",
    "Problem",
    "Search",
    "Unfitted",
    "exponent_study",
    "export",
    "judge",
    "read_exponents",
    "read_frame",
    "write_report",
]
