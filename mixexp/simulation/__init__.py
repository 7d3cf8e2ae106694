"""Simulation studies: declare, run, store, report and plot.

A study is a task function with sizes, replicates and parameters. ``run`` fills a store row by row,
``report_rates`` compares slopes with theory and ``plot_rates`` draws them. pandas, joblib, pyarrow
and matplotlib are imported when a function first needs them.

>>> def mean_error(task):
...     return {"error_of_mean": abs(float(task.rng().normal(size=task.n).mean()))}
>>> study = Study("normal-mean", sizes=(100, 1000, 10_000), replicates=60, run=mean_error)
>>> frame = run(study, ":memory:", n_jobs=1, progress=False)
>>> report = report_rates(frame, [("error_of_mean", "mean", Expectation(-0.5))])
>>> report.rates[0].verdict
'agrees'
"""

from __future__ import annotations

from mixexp.simulation.coverage import Coverage, interval_coverage
from mixexp.simulation.expectation import Expectation, Quantity, verdict
from mixexp.simulation.exponent_plots import plot_exponents
from mixexp.simulation.plots import plot_rates, save_figure
from mixexp.simulation.power import Detectable, detectable
from mixexp.simulation.report import Rate, RateReport, report_rates
from mixexp.simulation.runner import run
from mixexp.simulation.simultaneous import Corrected, corrected_verdict, simultaneous
from mixexp.simulation.slopes import Errors, Slope, errors_of, fit_slope
from mixexp.simulation.store import DamagedStoreWarning, ResultStore, StudyStatus
from mixexp.simulation.study import Study, StudyTask, log_spaced_sizes
from mixexp.simulation.text import aligned_table, markdown_table

__all__ = [
    "Corrected",
    "Coverage",
    "DamagedStoreWarning",
    "Detectable",
    "Errors",
    "Expectation",
    "Quantity",
    "Rate",
    "RateReport",
    "ResultStore",
    "Slope",
    "Study",
    "StudyStatus",
    "StudyTask",
    "aligned_table",
    "corrected_verdict",
    "detectable",
    "errors_of",
    "fit_slope",
    "interval_coverage",
    "log_spaced_sizes",
    "markdown_table",
    "plot_exponents",
    "plot_rates",
    "report_rates",
    "run",
    "save_figure",
    "simultaneous",
    "verdict",
]
