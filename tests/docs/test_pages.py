"""The pages of the documentation run, and print what they show."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs import pages

PARTS = [
    pytest.param(path, position, id=f"{path.stem}-{position}" if position else path.stem)
    for path in pages.own_pages()
    for position in range(len(pages.sessions(path.read_text("utf-8"))))
]


@pytest.mark.parametrize(("path", "position"), PARTS)
def test_page_prints_what_it_shows(path: Path, position: int) -> None:
    session = pages.sessions(path.read_text("utf-8"))[position]
    if pages.needs_reference(session):
        pytest.skip(f"{pages.REFERENCE} is not a folder: it holds data that may not be copied")
    for block, printed in pages.outputs(session, path.name):
        if block.shown is not None:
            assert pages.agree(block.shown, printed), (
                f"{path.name}, line {block.line} prints\n{printed}and shows\n{block.shown}"
                "write it anew: python -m tests.docs.pages"
            )


def test_questions_are_answered_on_four_data_sets() -> None:
    page = (pages.ROOT / "docs" / "questions.md").read_text("utf-8")
    for name in ("ethanol", "pima", "CO2data", "ais"):
        section = page.split(f"\n## {name}")[1].split("\n## ")[0]
        asked = ("Which K?", "What does each", "How sure", "Where does the gate", "What is pred")
        assert [question for question in asked if question not in section] == []
        assert len(list(pages.blocks(section))) >= 6


def test_another_number_is_noticed() -> None:
    assert pages.agree("a 1.0000 b", "a  1.0001 b")
    assert pages.agree("gain: 1.4e-10 nats", "gain: -3e-12 nats")
    assert pages.agree("reached 40 times", "reached 7 times")
    assert not pages.agree("1.00", "1.01")
    assert not pages.agree("{'n_experts': 2}", "{'n_experts': 3}")
    assert not pages.agree("True", "False")


def test_blocks_and_outputs_are_paired() -> None:
    page = "x\n```python\nprint(2)\n```\n\n```text\n3\n```\n```python\ny = 1\n```\n"
    found = list(pages.blocks(page))
    assert [block.shown for block in found] == ["3\n", None]
    assert "```text\n2\n```" in pages.refreshed(page, "page")
