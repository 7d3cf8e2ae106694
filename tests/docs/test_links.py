"""Links lead to files and headings that exist, addresses look like addresses."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs import site
from tests.docs.links import Link, fault, is_external, is_wellformed, links, sources, unlisted


@pytest.mark.parametrize("page", sources(), ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_links_of_a_page(page: Path) -> None:
    found = links(page)
    assert [text for link in found if not is_external(link) and (text := fault(link))] == []
    assert [
        link.target for link in found if is_external(link) and not is_wellformed(link.target)
    ] == []


def test_every_page_is_in_a_table_of_contents() -> None:
    assert unlisted() == []


def test_a_broken_link_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "# A `title`: here\n[a](#a-title-here) [b](gone.md) [c](page.md#gone)\n", "utf-8"
    )
    assert [fault(link) is None for link in links(page)] == [True, False, False]
    assert not is_wellformed("https://example .org") and not is_wellformed("ftp://example.org/a")
    assert is_wellformed("https://arxiv.org/abs/2305.03288")
    assert is_external(Link(page, "https://arxiv.org"))


def test_a_broken_link_of_the_built_site_is_found(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text(
        '<a href="b.html#here">x</a><a href="#gone">x</a><a href="c.html">x</a>', "utf-8"
    )
    (tmp_path / "b.html").write_text('<p id="here"><a href="https://arxiv.org">x</a></p>', "utf-8")
    assert site.faults(tmp_path) == ["a.html: #gone", "a.html: c.html"]
