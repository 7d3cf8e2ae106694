"""Links to the derivations of ``docs/theory.md``."""

from __future__ import annotations

import re

from mixexp.simulation.claims.report.elements import Link

THEORY = "docs/theory.md"


def theory_link(heading: str) -> Link:
    """The section of ``docs/theory.md`` with that heading.

    Examples
    --------
    >>> theory_link("Gates, and a bound (derived)")
    Link(text='Gates, and a bound (derived)', target='docs/theory.md#gates-and-a-bound-derived')
    """
    return Link(heading, f"{THEORY}#{anchor(heading)}")


def anchor(heading: str) -> str:
    """The anchor that GitHub gives a heading.

    Examples
    --------
    >>> anchor("r(m) = 2m for every m")
    'rm--2m-for-every-m'
    """
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")
