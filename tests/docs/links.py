"""The links of the documentation's sources: files, headings, and addresses.

``python -m tests.docs.links`` lists the external ones; ``make linkcheck`` visits them.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

ROOT = Path(__file__).resolve().parents[2]
CODE = re.compile(r"```.*?```|`[^`\n]*`", re.DOTALL)
LINK = re.compile(r"\]\(<?([^)\s>]+)>?\)")
BARE = re.compile(r"(?<![\w(\"'])https?://[^\s<>`\"')\]]+")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
TOCTREE = re.compile(r"```\{toctree\}\n(.*?)```", re.DOTALL)
# Made by the build; what they are made of is checked there.
GENERATED = ("examples/", "results/", "notebooks/")


class Link(NamedTuple):
    """A link of a page."""

    page: Path
    target: str


def sources() -> list[Path]:
    """The pages that are written by hand."""
    docs = ROOT / "docs"
    top = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")]
    folders = ("", "guide", "api")
    return top + sorted(path for name in folders for path in (docs / name).glob("*.md"))


def links(page: Path) -> list[Link]:
    """All links of a page that are not code."""
    text = CODE.sub("", page.read_text("utf-8"))
    return [Link(page, target) for target in (*LINK.findall(text), *BARE.findall(text))]


def is_external(link: Link) -> bool:
    """Whether a link leaves the repository."""
    return "://" in link.target or link.target.startswith("mailto:")


def slugs(page: Path) -> set[str]:
    """Anchors that headings get, on the site and on code hosts; and explicit ones."""
    text = page.read_text("utf-8")
    plain = (re.sub(r"[`*_]|\[|\]\([^)]*\)", "", heading) for heading in HEADING.findall(text))
    found = {
        re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-") for heading in plain
    }
    return found | set(re.findall(r'<a id="([^"]+)"', text))


def fault(link: Link) -> str | None:
    """What is wrong with an internal link, or None."""
    path, _, anchor = link.target.partition("#")
    target = (link.page.parent / path).resolve() if path else link.page
    if not target.exists():
        return f"{link.page.name}: {link.target} does not exist"
    if anchor and target.suffix == ".md" and anchor not in slugs(target):
        return f"{link.page.name}: {link.target}: no such heading"
    return None


def is_wellformed(address: str) -> bool:
    """Whether an address can be one: http or https, a host with a dot, no stray signs."""
    parts = urlsplit(address)
    return (
        parts.scheme in ("http", "https")
        and re.fullmatch(r"[a-z0-9-]+(\.[a-z0-9-]+)+(:\d+)?", parts.netloc.lower()) is not None
        and not re.search(r"[\s<>|{}]|[.,;]$", address)
    )


def unlisted() -> list[str]:
    """Pages of the site that no table of contents leads to."""
    docs = ROOT / "docs"
    listed = {docs / "index.md"}
    for page in sources():
        for block in TOCTREE.findall(page.read_text("utf-8")):
            entries = [line for line in block.split() if not line.startswith(":")]
            listed |= {(page.parent / f"{entry}.md").resolve() for entry in entries}
    return [str(page) for page in sources() if docs in page.parents and page not in listed]


if __name__ == "__main__":
    for found in sorted({link.target for page in sources() for link in links(page)}):
        if "://" in found:
            print(found)
