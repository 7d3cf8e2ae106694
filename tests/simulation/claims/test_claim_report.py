"""The report: complete, self-contained, escaped, and honest about what is missing."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from synthetic_claim import filled, rows_of, synthetic

from experiments import reporting
from mixexp.simulation import Expectation, Quantity
from mixexp.simulation.claims.arms import Arm, LiteratureEM, NearTruth, Search, Unfitted
from mixexp.simulation.claims.judging.evaluate import judge
from mixexp.simulation.claims.judging.exponent_study import Computed
from mixexp.simulation.claims.report import write_report
from mixexp.simulation.claims.report.arm_words import arm_labels
from mixexp.simulation.claims.report.groups import groups
from mixexp.simulation.claims.report.logarithm import slope_with_logarithm
from mixexp.simulation.claims.report.tables import fits_table
from mixexp.simulation.claims.report.theory_link import anchor
from mixexp.simulation.expectation import AGREES, NO_VERDICT, NOT_RESOLVED, SHALLOWER, STEEPER
from mixexp.simulation.slopes import Slope

VERDICTS = (AGREES, STEEPER, NOT_RESOLVED, SHALLOWER, NO_VERDICT)
VOID = {"meta", "img", "br"}


class Page(HTMLParser):
    """Open tags, ids, links, and what is loaded."""

    def __init__(self, text):
        super().__init__()
        self.open, self.ids, self.targets, self.loaded, self.tags = [], [], [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        self.tags.append(tag)
        if tag not in VOID:
            self.open.append(tag)
        self.ids += [given["id"]] if "id" in given else []
        self.targets += [given["href"]] if "href" in given else []
        self.loaded += [given["src"]] if "src" in given else []

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def judged(claim, **options):
    with filled(claim, **options) as store:
        return judge(claim, store.to_frame(claim.study("full")))


def texts(results, folder):
    written = write_report(results, folder, {"machine": "<2> cores"}, root="../up")
    return written.html.read_text(encoding="utf-8"), written.markdown.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    claims = [synthetic("first", figure=("fast",)), synthetic("second", figure=("late",))]
    results = [judged(claims[0]), judged(claims[1], keep=lambda task: task.n < 5000)]
    folder = tmp_path_factory.mktemp("report")
    return folder, *texts(results, folder)


def test_every_verdict_appears_in_both(pages):
    _, html, markdown = pages
    for verdict in VERDICTS:
        assert html.count(verdict) >= 2, verdict
        assert f" {verdict}**" in markdown, verdict


def test_html_is_balanced_and_links_lead_somewhere(pages):
    page = Page(pages[1])
    assert page.open == []
    assert len(page.ids) == len(set(page.ids))
    assert {"first", "second", "top"} <= set(page.ids)
    inside = {target[1:] for target in page.targets if target.startswith("#")}
    assert inside <= set(page.ids)
    assert {target for target in page.targets if not target.startswith("#")} == {
        "../up/docs/theory.md#gate-slopes-derived"
    }


def test_nothing_is_loaded_from_elsewhere(pages):
    html = pages[1]
    page = Page(html)
    assert all(source.startswith("data:image/png;base64,") for source in page.loaded)
    assert not {"link", "script", "iframe"} & set(page.tags)
    assert not re.search(r"url\(|@import|https?://", html)


def test_there_is_a_figure_in_every_claim(pages):
    folder, html, markdown = pages
    assert html.count("<figure>") == 2
    for name in ("first", "second"):
        assert (folder / "figures" / f"{name}.png").stat().st_size > 5000
        assert f"(figures/{name}.png)" in markdown
    assert len(html) < 2 * 200_000


def test_special_characters_are_escaped(pages):
    _, html, markdown = pages
    assert "Title of first &amp; &lt;more&gt;" in html and "<more>" not in html
    assert "NoProblem(a &lt; b)" in html and "&lt;2&gt; cores" in html
    assert "no luck with &lt;b&gt; &amp; |" in html
    assert "a\\|b" in markdown and "h &amp; &lt;d&gt;" in markdown
    assert "n<sup>\N{MINUS SIGN}1/2</sup>" in html


def test_every_line_of_a_markdown_table_has_as_many_cells_as_its_header(pages):
    for block in re.findall(r"(?:^\|.*\n)+", pages[2], flags=re.M):
        counts = {len(re.findall(r"(?<!\\)\|", line)) for line in block.splitlines()}
        assert len(counts) == 1, block


def test_an_unfinished_study_is_said_to_be(pages):
    _, html, markdown = pages
    for text in (html, markdown):
        assert "Unfinished: 10 of 30 declared cells were not run (10 of 10 at n = 10000)" in text
        assert "20 of 30, unfinished" in text
        assert text.count("Unfinished:") == 2


def test_numbers_of_the_report(pages):
    html = pages[1]
    assert "10 slopes are compared with a finite exponent" in html
    assert "left out 6 missing or not finite" in html
    assert "first:n:replicate" in html
    assert "100&nbsp;% of the declared time" in html
    assert "computed with mixexp" in html and "Outdated" not in html


def test_a_derivation_is_linked_where_the_verdict_is_steeper(pages):
    _, html, markdown = pages
    assert "[Gate slopes (derived)](../up/docs/theory.md#gate-slopes-derived)" in markdown
    # In the table of all quantities and in that of the finished claim; two sizes resolve nothing.
    assert html.count(">Gate slopes (derived)</a>") == 2


def test_papers_have_a_sentence_and_a_folded_table(pages):
    _, html, markdown = pages
    counts = "12 comparisons: 1 agrees, 1 is steeper than the bound, 7 are not resolved at these "
    assert counts in html and counts in markdown
    assert "Of the steeper ones 1 is derived." in html
    assert "Shallower: [shallow (first)](#first)" in markdown
    assert html.count("<details>") == markdown.count("<details>") == 1
    assert html.count("<summary>12 comparisons of 2 claims</summary>") == 1
    assert 'colspan="7">Other claims</th>' in html


@pytest.fixture(scope="module")
def weakly_shallower():
    """Excluded at 95 % by a hair, from the rows of a claim of the same name."""
    slope = judged(synthetic()).slopes["search"]["fast"]
    near = Expectation(slope.low - 0.05 * slope.half_width, kind="stated")
    return judged(synthetic(quantities=(Quantity("fast", "fast", near),), figure=("fast",)))


def test_what_the_correction_takes_back_is_counted_as_not_resolved(tmp_path, weakly_shallower):
    others = [judged(synthetic("first", figure=("fast",)))]
    html, markdown = texts([weakly_shallower, *others], tmp_path)
    said = "2 contradict at 95 % alone, of which 1 after correction"
    assert markdown.count(said) == 2 and "1 is shallower than predicted" in markdown
    assert "Counted after Bonferroni's correction for 6 comparisons with a finite" in markdown
    assert "Shallower: [shallow (first)](#first) Shallower at 95 % alone: [fast (demo," in markdown
    assert "1 shallower: contradicts" in html and "2 shallower: contradicts" not in html
    assert f" {SHALLOWER}**<br>not after correction for 6" in markdown


def test_the_terminal_counts_after_correction(tmp_path, weakly_shallower, monkeypatch):
    other = judged(synthetic("first", figure=("fast",)))
    results = {"demo": weakly_shallower, "first": other}
    monkeypatch.setattr(reporting, "result_of", lambda claim, *_: results[claim.name])
    claims = [each.claim for each in results.values()]
    text = reporting.report_claims(claims, "full", tmp_path, tmp_path / "pages")
    assert f"{NOT_RESOLVED} (at 95 % alone: {SHALLOWER})" in text
    assert f"1 {SHALLOWER!r}" in text
    assert "2 contradict at 95 % alone, of which 1 after correction" in text
    assert re.search(r"\N{MINUS SIGN}0\.5\d\d \[\N{MINUS SIGN}0\.\d{3}, ", text)


@pytest.mark.parametrize("n", [1e3, 1e4, 1e5])
@pytest.mark.parametrize("s", [0.5, 0.25])
def test_the_slope_with_a_logarithm_is_the_derivative_of_the_bound(n, s):
    def log_bound(x):
        return s * (np.log(x) - x)

    x, step = np.log(n), 1e-5
    expected = (log_bound(x + step) - log_bound(x - step)) / (2 * step)
    slope = Slope(-s, -s, -s, 0.0, (100, 1000, 10_000), (x, 0.0))
    for kind in ("upper bound", "stated", "published"):
        assert slope_with_logarithm(slope, Expectation(-s, kind=kind)) == pytest.approx(expected)
    assert slope_with_logarithm(slope, Expectation(-s, kind="derived here")) is None
    assert slope_with_logarithm(slope, Expectation(0.0, kind="plateau")) is None
    assert slope_with_logarithm(slope, Expectation(None)) is None


def test_a_logarithm_stands_beside_what_is_shallower_than_a_published_bound(pages):
    _, html, markdown = pages
    # -1/2 (1 - 1/log n) at log n = 6.9, far from the slope -0.3.
    assert f" {SHALLOWER}**<br>bound with its logarithm: \N{MINUS SIGN}0.43 |" in markdown
    assert html.count("bound with its logarithm: \N{MINUS SIGN}0.43") == 2
    assert "not contradicted" not in markdown and "within the logarithm" not in markdown


def test_a_slope_within_the_logarithm_does_not_contradict_the_bound(tmp_path):
    both = [Expectation(-0.55, kind=kind) for kind in ("stated", "derived here")]
    named = tuple(Quantity("fast", str(each), each) for each in both)
    _, markdown = texts([judged(synthetic(quantities=named, figure=("fast",)))], tmp_path)
    assert markdown.count(f" {SHALLOWER}**") >= 4
    assert markdown.count("bound with its logarithm: \N{MINUS SIGN}0.47, not contradicted") == 2
    assert markdown.count("(demo, within the logarithm of the bound)") == 1


def test_the_method_says_how_plateaus_and_logarithms_are_judged(pages):
    html = pages[1]
    assert "whole band of slopes ±0.05" in html and "or than 0.15" in html
    assert "(log n / n)<sup>s</sup>, whose local slope is -s (1 - 1/log n)" in html


def test_fits_that_miss_an_expert_are_counted():
    def missing(claim, task):
        (first, *others) = rows_of(claim, task)
        sizes = "3+0" if task.replicate < 3 and task.n == 1000 else "10+1"
        return [first | {"pattern": sizes}, *others]

    table = fits_table(judged(synthetic(), rows=missing))
    column = list(table.header).index("experts missed")
    assert [row[column] for row in table.rows] == ["0", "3", "0"]
    assert {len(row) for row in table.rows} == {len(table.header)}
    assert "experts missed" not in fits_table(judged(synthetic())).header


def test_rare_patterns_may_miss_an_expert_too():
    def many(claim, task):
        (first, *others) = rows_of(claim, task)
        sizes = f"{min(task.replicate, 7)}+1"
        return [first | {"pattern": sizes}, *others]

    table = fits_table(judged(synthetic(), rows=many))
    column = list(table.header).index("experts missed")
    assert table.rows[1][column] == "1 to 3"


def test_errors_of_some_fits_only_are_said_to_be(pages):
    _, html, markdown = pages
    assert "a\\|b<br>of 23 of 29 fits" in markdown
    # Of the unfinished claim; no other quantity lacks errors.
    assert "of 15 of 19 fits" in html and len(re.findall(r"<br>of \d+ of", markdown)) == 2


def test_a_claim_with_one_arm_says_so(pages, tmp_path):
    alone = judged(synthetic(arms=(Search(),), figure=("fast",)))
    _, markdown = texts([alone], tmp_path)
    said = "One arm: no comparison with other starts"
    assert said in markdown and "Slopes by arm" not in markdown
    assert said not in pages[2] and "Slopes by arm" in pages[2]


def test_claims_of_a_paper_stand_together():
    names = ("p0_a", "p4_b", "p0_c", "published_p0_d")
    papers = groups([judged(synthetic(name), keep=lambda task: False) for name in names])
    found = [(g.title.split(",")[0], [r.claim.name for r in g.results]) for g in papers]
    assert found == [
        ("P0", ["p0_a", "p0_c"]),
        ("P4", ["p4_b"]),
        ("Published simulations", ["published_p0_d"]),
    ]


def test_arms_are_called_by_what_they_do():
    arms = (
        Search(),
        NearTruth(),
        LiteratureEM(),
        LiteratureEM(name="one", max_iter=1),
        LiteratureEM(name="em"),
        Unfitted(),
        Arm("other", 1),
    )
    assert list(arm_labels(synthetic(arms=arms)).items()) == [
        ("search", "data-driven starts, certified (counts)"),
        ("near", "starts near the truth, certified"),
        ("literature", "EM by the literature's rule"),
        ("one", "one EM step"),
        ("em", "EM by the paper's rule"),
        ("start", "start, not fitted"),
        ("other", "other"),
    ]
    two = arm_labels(synthetic(arms=(NearTruth(), NearTruth(name="far"))))
    assert two["far"] == "starts near the truth, certified (far)"


def test_rows_of_another_declaration_are_said_to_be_outdated(tmp_path):
    old, new = synthetic(figure=("fast",)), synthetic(figure=("fast",), version="2")
    with filled(old) as store:
        frame = store.to_frame(old.study("full"))
    html, _ = texts([judge(new, frame)], tmp_path)
    assert "Outdated" in html


def test_equal_results_give_equal_files(tmp_path):
    for name in ("a", "b"):
        texts([judged(synthetic(sizes=(100, 1000), figure=("fast",)))], tmp_path / name)
    for file in ("report.html", "report.md", "figures/demo.png"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()


@pytest.mark.parametrize(
    "keep",
    [
        lambda task: False,
        lambda task: task.n == 100,
        lambda task: task.replicate == 0,
        lambda task: task.n == 100 and task.replicate == 3,
    ],
    ids=["empty", "one size", "one replicate", "only a failure"],
)
def test_little_is_reported_without_an_error(tmp_path, keep):
    html, _ = texts([judged(synthetic(figure=("fast",)), keep=keep)], tmp_path)
    assert Page(html).open == [] and "Unfinished" in html and "<figure>" in html


def test_a_report_without_claims(tmp_path):
    html, markdown = texts([], tmp_path)
    assert Page(html).open == [] and "No claim was given" in markdown


def test_exponents_that_are_computed_and_those_that_lack(tmp_path):
    from dataclasses import replace

    from mixexp.theory.exponents.directions import Split

    both = {"steep": Split("coef"), "fast": Split("coef")}
    claim = synthetic(directions=both, figure=("fast",))
    result = replace(judged(claim), exponents={"steep": Computed("apart", 2.0, 0.1, False)})
    html, _ = texts([result], tmp_path)
    assert "2.00 ± 0.10" in html and "\N{RIGHTWARDS ARROW} \N{MINUS SIGN}0.25" in html
    assert "Deterministic exponents not computed yet: fast." in html


def test_derivations_of_the_claims_are_headings_of_the_theory():
    from experiments.catalogue import select

    root = Path(__file__).parents[3]
    theory = (root / "docs" / "theory.md").read_text(encoding="utf-8")
    headings = set(re.findall(r"^#+ (.+)$", theory, flags=re.M))
    cited = {q.expectation.derivation for claim in select(()) for q in claim.quantities} - {""}
    assert len(cited) >= 2 and cited <= headings
    assert len({anchor(heading) for heading in headings}) == len(headings)
