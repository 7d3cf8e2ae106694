"""The documentation: files it shows are those on disk, its example runs, its links lead somewhere.

``python tests/test_docs.py`` copies the shown files into the pages again.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
EXTENDING = ROOT / "docs" / "extending.md"
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
# A comment with the path of a file, and the block that shows the file.
SHOWN = re.compile(r"<!-- (\S+) -->\n```python\n(.*?)```\n", flags=re.DOTALL)
BLOCK = re.compile(r"```python\n(.*?)```\n", flags=re.DOTALL)


def refreshed(page: str) -> str:
    """The page with every shown file as it is on disk."""

    def block(found: re.Match[str]) -> str:
        return f"<!-- {found[1]} -->\n```python\n{(ROOT / found[1]).read_text('utf-8')}```\n"

    return SHOWN.sub(block, page)


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_shown_files_are_those_on_disk(page: Path) -> None:
    text = page.read_text("utf-8")
    assert text == refreshed(text), "a shown file has changed: run python tests/test_docs.py"


def test_extending_shows_a_gate_and_an_expert() -> None:
    folders = {Path(path).parent.name for path, _ in SHOWN.findall(EXTENDING.read_text("utf-8"))}
    assert folders == {"gates", "experts"}


def test_a_changed_file_is_noticed() -> None:
    text = EXTENDING.read_text("utf-8")
    assert refreshed(text.replace("class Activation(Gate)", "class Other(Gate)")) == text


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_links_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", BLOCK.sub("", page.read_text("utf-8")))
    assert [target for target in targets if not (page.parent / target).exists()] == []


def test_every_method_of_the_contract_is_explained() -> None:
    from mixexp.models import Expert, Gate

    page = BLOCK.sub("", EXTENDING.read_text("utf-8"))
    gates, experts = page.split("\n## Add a gate\n")[1].split("\n## Add an expert\n")
    for part, text in ((Gate, gates), (Expert, experts)):
        assert part.__abstractmethods__
        missing = [name for name in part.__abstractmethods__ if f"`{name}`" not in text]
        assert not missing


def test_the_worked_example_runs_and_keeps_the_contract(
    capsys: pytest.CaptureFixture[str],
) -> None:
    from mixexp.models import Gaussian
    from tests.contract import test_derivatives, test_em, test_laws

    page = SHOWN.sub("", EXTENDING.read_text("utf-8"))
    names: dict[str, object] = {"__name__": "extending"}
    for block in BLOCK.findall(page):
        exec(compile(block, EXTENDING.name, "exec"), names)
    assert "certified optimum: yes" in capsys.readouterr().out

    gate, expert = names["Bump"](), Gaussian()  # type: ignore[operator]
    test_derivatives.test_score_agrees_with_differences_of_the_value(gate, expert, 3, 2, 5.0)
    test_derivatives.test_hessian_agrees_with_differences_of_the_score(gate, expert, 3, 2, 5.0)
    test_derivatives.test_gate_hessian_of_em_agrees_with_differences_at_fixed_responsibilities(
        gate, expert
    )
    test_laws.test_law_sums_to_one_and_has_the_mean_it_says(gate, expert)
    test_laws.test_sample_follows_the_law(gate, expert)
    test_em.test_newton_adds_nothing_to_the_limit_of_em(gate, expert)


def test_every_finding_of_the_theory_page_holds(capsys: pytest.CaptureFixture[str]) -> None:
    page = (ROOT / "docs" / "theory.md").read_text("utf-8")
    names: dict[str, object] = {}
    blocks = BLOCK.findall(page)
    assert len(blocks) > 8
    for block in blocks:
        exec(compile(block, "theory.md", "exec"), names)
    assert "identified" in capsys.readouterr().out


def test_the_committed_table_of_exponents_is_that_of_the_checks() -> None:
    from mixexp.theory import standard_checks

    table = (ROOT / "experiments" / "results" / "theory.md").read_text("utf-8")
    rows = [line.split(" | ") for line in table.splitlines() if line.startswith("| ")]
    shown = {(row[0].lstrip("| "), row[1]) for row in rows}
    assert {(check.truth, check.direction.label) for check in standard_checks()} <= shown


def test_a_claim_of_your_own_runs(capsys: pytest.CaptureFixture[str]) -> None:
    for block in BLOCK.findall((ROOT / "docs" / "studies.md").read_text("utf-8")):
        exec(compile(block, "docs/studies.md", "exec"), {})
    assert "Hellinger distance" in capsys.readouterr().out


if __name__ == "__main__":
    for path in PAGES:
        old = path.read_text("utf-8")
        if (new := refreshed(old)) != old:
            path.write_text(new, "utf-8")
