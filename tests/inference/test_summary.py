"""Summaries: what they say, how wide they are, and that names cannot break HTML or LaTeX."""

from __future__ import annotations

import pickle
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
from statsmodels.iolib.summary import Summary

from mixexp import GaussianMoE, MultinomialMoE
from mixexp.datasets import load_ethanol, load_faithful, load_npreg
from mixexp.inference.page import WIDTH, Block, Page, render
from mixexp.inference.summary import number
from tests.instances import generator


@pytest.fixture(scope="module")
def results():
    frame = load_faithful()
    X, y = frame[["eruptions"]], frame["waiting"]
    return GaussianMoE(n_experts=2, n_init=3, random_state=0).fit(X, y).results(X, y)


@pytest.fixture(scope="module")
def awkward():
    """Columns and classes of names that mean something to HTML, LaTeX or a terminal."""
    rng = generator("awkward names")
    names = ["a<b>&_c", "50% {of} $x^2$ # \\~", "a very long name " * 4]
    X = pd.DataFrame(rng.normal(size=(300, 3)), columns=names)
    logit = np.where(rng.random(300) < 0.5, 2.0, -2.0) * X[names[0]]
    y = np.where(logit + rng.logistic(size=300) > 0.0, "<yes>", "no_%")
    moe = MultinomialMoE(n_experts=2, n_init=2, random_state=0).fit(X, y)
    return moe.results(X, y, withhold="singular")


def lines(results) -> list[str]:
    return str(results.summary()).splitlines()


def numbers_of(line: str) -> list[float]:
    return [float(word) for word in line.split() if word.lstrip("-").replace(".", "").isdigit()]


def test_the_numbers_are_those_of_the_results(results) -> None:
    text = lines(results)
    (where,) = (i for i, line in enumerate(text) if line.startswith("Expert 1: share"))
    slope = text[where + 4]
    name = "mean[1] eruptions"
    expected = [results.params[name], results.bse[name], results.tvalues[name]]
    expected += [results.pvalues[name], *results.conf_int().loc[name]]
    assert slope.startswith("eruptions")
    np.testing.assert_allclose(numbers_of(slope), expected, atol=5e-4)
    deviation = numbers_of(text[where + 6])
    sigma = np.exp(0.5 * results.params["log-variance[1]"])
    limits = np.exp(0.5 * results.conf_int().loc["log-variance[1]"])
    half = 0.5 * sigma * results.bse["log-variance[1]"]
    np.testing.assert_allclose(deviation, [sigma, half, *limits], atol=5e-5)


def test_the_facts_of_the_fit_are_on_top(results) -> None:
    head = "\n".join(lines(results)[:8])
    for word in ("Softmax()", "2 x Gaussian()", "272", "-851.3149", "1718.6", "1747.4", "observed"):
        assert word in head
    assert "Certified optimum  yes" in head


def test_the_level_is_in_the_heading(results) -> None:
    assert "[0.025    0.975]" in str(results.summary())
    wide = str(results.summary(alpha=0.01))
    assert "[0.005    0.995]" in wide and wide != str(results.summary())
    with pytest.raises(ValueError, match="between 0 and 1"):
        results.summary(alpha=5)


def test_a_variance_has_no_test_of_zero(results) -> None:
    (first, _) = (line for line in lines(results) if line.startswith("log-variance"))
    assert len(numbers_of(first)) == 4


def test_what_is_withheld_has_a_footnote() -> None:
    frame = load_ethanol()
    X, y = frame[["E", "C"]], frame["NOx"]
    moe = GaussianMoE(n_experts=2, n_init=5, gate_features=["E"], random_state=0).fit(X, y)
    text = str(moe.results(X, y).summary())
    assert text.count("withheld       [1]") == 2
    assert "[1] withheld: the gate separates" in text
    assert "[2]" not in text


def test_responses_of_a_formula_are_named() -> None:
    frame = load_npreg()
    moe = GaussianMoE.from_formula("yn + yp ~ x", frame, n_experts=1).fit()
    text = str(moe.results().summary())
    assert "Formula    yn + yp ~ x" in text and "Responses  y0 is yn, y1 is yp" in text


def test_classes_and_columns_have_the_users_names(awkward) -> None:
    text = str(awkward.summary())
    assert "<yes>: a<b>&_c" in text
    assert "log-odds against class 'no_%'" in text
    assert "Note: the fit has a ridge penalty" in text


def test_text_is_narrow_enough_for_a_terminal(awkward, results) -> None:
    for each in (awkward, results):
        widths = [len(line) for line in lines(each)]
        assert max(widths) <= WIDTH < 100
        assert not any(line.endswith(" ") for line in lines(each))


class Tags(HTMLParser):
    """Which tags a document opens and closes, and its text."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.names: set[str] = set()
        self.text = ""

    def handle_starttag(self, tag, attrs) -> None:
        self.open.append(tag)
        self.names.add(tag)

    def handle_endtag(self, tag) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data) -> None:
        self.text += data


def test_html_is_well_formed_whatever_the_names(awkward) -> None:
    page = Tags()
    page.feed(awkward.summary().as_html())
    assert page.open == []
    assert page.names <= {"p", "b", "table", "caption", "tr", "th", "td"}
    assert "<yes>: a<b>&_c" in page.text and "P>|z|" in page.text


def test_latex_has_no_stray_marks(awkward) -> None:
    latex = awkward.summary().as_latex()
    assert r"a\textless{}b\textgreater{}\&\_c" in latex
    assert r"50\% \{of\} \$x\textasciicircum{}2\$ \# \textbackslash{}\textasciitilde{}" in latex
    rest = latex
    for known in (r"\%", r"\$", r"\#", r"\_", r"\{", r"\}", r"\&", r"\\"):
        rest = rest.replace(known, "")
    assert not set(rest) & set("%$#_^~")
    assert rest.count("{") == rest.count("}")
    assert latex.count(r"\begin{tabular}") == latex.count(r"\end{tabular}") == 5


def test_it_is_a_summary_of_statsmodels(results) -> None:
    summary = results.summary()
    assert isinstance(summary, Summary)
    assert str(summary) == summary.as_text() == str(results)
    assert summary._repr_html_() == summary.as_html()
    assert "eruptions" in summary.as_csv()
    assert len(summary.tables) == 5
    assert str(pickle.loads(pickle.dumps(summary))) == str(summary)


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0.0000"), (-12.34567, "-12.3457"), (0.001234567, "0.001235"), (2e7, "2e+07")],
)
def test_numbers(value, text) -> None:
    assert number(value) == text


def test_long_names_lose_their_middle() -> None:
    block = Block("", ["", "coef"], [["first " + "x" * 200 + " last", "1.0"]])
    text = render(Page("T", [block], [])).as_text()
    line = next(line for line in text.splitlines() if line.startswith("first"))
    assert len(line) == WIDTH and "..." in line and " last" in line and line.endswith("1.0")
