"""The summary of a fit: one table of facts, one for each expert, one for the gate."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from mixexp.inference.page import Block, Page
from mixexp.models.coordinates import Coordinate, Sharing
from mixexp.models.layout import Layout

if TYPE_CHECKING:
    from mixexp.inference.results import MoEResults

_WITHHELD = "withheld"


def page(results: MoEResults, alpha: float = 0.05) -> Page:
    """The summary of a fit, with intervals of level 1 - alpha.

    Parameters
    ----------
    results : MoEResults
    alpha : float

    Raises
    ------
    ValueError
        If alpha is not in (0, 1).
    """
    lines = _Lines(results, alpha)
    layout = results.fitted.model.layout
    shares = results.fitted.objective.shares(results.fitted.theta)
    blocks = _facts(results)
    for k, share in enumerate(shares):
        title = f"Expert {k}: share {share:.3f}{_about_classes(results)}"
        rows = [lines.of(j) for j in _entries(layout, k)]
        blocks.append(Block(title, lines.headings, [row for group in rows for row in group]))
    gate = range(layout.n_gate)
    if layout.n_experts > 1 and layout.n_gate:
        blocks.append(_block(_gate_title(layout), lines, gate, name_experts=True))
    common = [j for j in range(layout.n_gate, layout.n_free) if layout.expert_of[j] < 0]
    if common:
        blocks.append(_block("Common to all experts", lines, common))
    return Page(f"{type(results.estimator).__name__} results", blocks, _notes(results, lines))


def _block(title: str, lines: _Lines, entries: Sequence[int], name_experts: bool = False) -> Block:
    rows = [row for j in entries for row in lines.of(j, name_experts)]
    return Block(title, lines.headings, rows)


def _entries(layout: Layout, expert: int) -> list[int]:
    return [j for j in range(layout.n_gate, layout.n_free) if layout.expert_of[j] == expert]


def _gate_title(layout: Layout) -> str:
    last = layout.n_experts - 1
    contrasts = all(c.sharing is not Sharing.PINNED for c in layout.gate)
    what = "log-odds" if contrasts else "scores, zero for the reference,"
    return f"Gate: {what} against expert {last}"


def _facts(results: MoEResults) -> list[Block]:
    fitted, estimator = results.fitted, results.estimator
    model, certificate = fitted.model, fitted.certificate
    words = [
        ["Gate", repr(estimator.model_.gate)],
        ["Experts", f"{model.n_experts} x {estimator.model_.expert!r}"],
    ]
    formula = getattr(estimator, "formula_", None)
    if formula is not None:
        words.insert(0, ["Formula", formula.text])
        if len(formula.responses) > 1:
            named = (f"y{j} is {name}" for j, name in enumerate(formula.responses))
            words.insert(1, ["Responses", ", ".join(named)])
    certified = "yes" if certificate is not None and certificate.holds else "NO"
    numbers = [
        ["Observations", f"{results.nobs:.10g}", "Log-likelihood", f"{results.llf:.4f}"],
        ["Free parameters", str(results.df_model), "AIC", f"{results.aic:.4f}"],
        ["Covariance", results.cov_type, "BIC", f"{results.bic:.4f}"],
        ["Certified optimum", certified, "Found by", _search(certificate)],
    ]
    return [Block("", [], words), Block("", [], numbers)]


def _search(certificate: Any) -> str:
    if certificate is None:
        return "-"
    return f"{certificate.n_hits} of {certificate.n_starts} starts"


def _about_classes(results: MoEResults) -> str:
    classes = getattr(results.estimator, "classes_", None)
    return "" if classes is None else f", log-odds against class {str(classes[-1])!r}"


class _Lines:
    """Rows of the tables, and the reasons that their footnotes refer to."""

    def __init__(self, results: MoEResults, alpha: float):
        limits = results.conf_int(alpha)
        tail = f"{0.5 * alpha:.4g}", f"{1.0 - 0.5 * alpha:.4g}"
        self.headings = ["", "coef", "std err", "z", "P>|z|", f"[{tail[0]}", f"{tail[1]}]"]
        self.estimate, self.error = results.params.to_numpy(), results.bse.to_numpy()
        self.p, self.reasons = results.pvalues.to_numpy(), results.withheld.tolist()
        self.limits = limits.to_numpy()
        self.layout: Layout = results.fitted.model.layout
        self.columns = list(results.fitted.columns)
        self.classes = getattr(results.estimator, "classes_", None)
        self.notes: list[str] = list(dict.fromkeys(filter(None, self.reasons)))
        self.univariate = len(self.layout.expert) == 2

    def of(self, j: int, name_experts: bool = False) -> list[list[str]]:
        """Lines of one parameter: a variance has its standard deviation below."""
        coordinate, term = self._coordinate(j)
        label = self._label(coordinate, term)
        owner = self.layout.expert_of[j]
        if name_experts and owner >= 0:
            label = f"expert {owner}: {label}"
        scale = coordinate.box in ("scale", "temperature")
        lines = [[label, *self._numbers(j, tests=not scale)]]
        if coordinate.name == "log-variance" and self.univariate:
            lines.append(["  std. deviation", *self._deviation(j)])
        return lines

    def _coordinate(self, j: int) -> tuple[Coordinate, int]:
        """The coordinate an entry of θ belongs to, and the term it multiplies."""
        for c, where in zip(self.layout.coordinates, self.layout.slices, strict=True):
            if where.start <= j < where.stop:
                return c, (j - where.start) % c.basis.n_terms
        raise IndexError(j)

    def _label(self, coordinate: Coordinate, term: int) -> str:
        c = coordinate
        if c.n_categories and self.classes is not None:
            stem = str(self.classes[int(c.name.removeprefix("class[").removesuffix("]"))])
        else:
            # The only quantity of its kind goes without saying.
            alone = sum(d.box == c.box for d in self.layout.coordinates) == 1
            stem = "" if alone and c.box in ("gate", "expert") else c.name
        name = c.basis.names(self.columns)[term]
        if c.basis.n_terms == 1 and stem:
            return stem
        return f"{stem}: {_term(name)}" if stem else _term(name)

    def _numbers(self, j: int, *, tests: bool) -> list[str]:
        if self.reasons[j]:
            mark = self.notes.index(self.reasons[j]) + 1
            return [number(self.estimate[j]), _WITHHELD, f"[{mark}]", "", "", ""]
        z = self.estimate[j] / self.error[j]
        test = [f"{z:.3f}", f"{self.p[j]:.3f}"] if tests else ["", ""]
        limits = [number(v) for v in self.limits[j]]
        return [number(self.estimate[j]), number(self.error[j]), *test, *limits]

    def _deviation(self, j: int) -> list[str]:
        value = float(np.exp(0.5 * self.estimate[j]))
        if self.reasons[j]:
            return [number(value), "", "", "", "", ""]
        limits = [number(float(v)) for v in np.exp(0.5 * self.limits[j])]
        return [number(value), number(0.5 * value * self.error[j]), "", "", *limits]


def _term(name: str) -> str:
    return "const" if name == "1" else name


def number(value: float) -> str:
    """Four decimals, or four digits where those would not do.

    Examples
    --------
    >>> number(1.5), number(-0.00012345), number(1234567.0)
    ('1.5000', '-0.0001234', '1.235e+06')
    """
    size = abs(value)
    return f"{value:.4f}" if size == 0.0 or 1e-2 <= size < 1e5 else f"{value:.4g}"


def _notes(results: MoEResults, lines: _Lines) -> list[str]:
    notes = [f"[{i}] withheld: {reason}." for i, reason in enumerate(lines.notes, start=1)]
    notes += [f"Note: {caveat}." for caveat in results.caveats]
    certificate = results.fitted.certificate
    if certificate is not None and not certificate.holds:
        notes.append("The certificate does not hold; certificate_.summary() says what is missing.")
    return notes
