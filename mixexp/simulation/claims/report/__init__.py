"""The report of claims: one page, in HTML and in Markdown, from results alone."""

from __future__ import annotations

from mixexp.simulation.claims.report.page import write_report

__all__ = ["write_report"]
