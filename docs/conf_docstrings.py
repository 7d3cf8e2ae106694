"""What the reference changes in docstrings before it shows them."""

from __future__ import annotations

import inspect
import re
import sys
from typing import Any

USED = re.compile(r"\[(\d+)\]_")
# An entry of a list of references: its first line, and the indented ones that follow.
ENTRY = re.compile(r"^\.\. \[(\d+)\].*(?:\n[ \t]+\S.*)*", re.MULTILINE)


def add_references(
    app: Any, what: str, name: str, obj: Any, options: Any, lines: list[str]
) -> None:
    """Give a docstring the references of its module that it cites; others become plain text."""
    text = "\n".join(lines)
    own = {found[1] for found in ENTRY.finditer(text)}
    missing = sorted(set(USED.findall(text)) - own)
    if not missing:
        return
    module = sys.modules.get(getattr(getattr(obj, "fget", obj), "__module__", None) or "")
    entries = {m[1]: m[0] for m in ENTRY.finditer(inspect.getdoc(module) or "")} if module else {}
    for label in missing:
        if label not in entries:
            text = text.replace(f"[{label}]_", f"[{label}]")
    found = [line for label in missing for line in entries.get(label, "").splitlines()]
    if found:
        heading = [] if "\nReferences\n---" in text else ["", "References", "----------"]
        text = "\n".join([text.rstrip(), *heading, *found, ""])
    lines[:] = text.splitlines()


def skip_member(
    app: Any, what: str, name: str, member: Any, skip: bool, options: Any
) -> bool | None:
    """Leave out fields of named tuples and what scikit-learn adds to every estimator."""
    text = str(getattr(member, "__doc__", "") or "")
    if text.startswith("Alias for field number") or name.endswith("_request"):
        return True
    if str(getattr(member, "__module__", "")).startswith("sklearn"):
        return True
    return None
