"""The public interface is the recorded one."""

from __future__ import annotations

import subprocess
import sys

import mixexp
from tests.api.surface import FILE, REMEDY, changes, recorded, surface


def test_public_names_and_signatures_are_the_recorded_ones() -> None:
    lines = changes(recorded()["names"], surface())
    assert not lines, "the public interface changed:\n" + "\n".join([*lines, REMEDY])


def test_the_record_is_of_this_version() -> None:
    version = recorded()["version"]
    assert version == mixexp.__version__, f"{FILE.name} is of {version}. {REMEDY}"


def test_names_users_import_are_recorded() -> None:
    names = recorded()["names"]
    assert {f"mixexp.{name}" for name in mixexp.__all__ if not name.startswith("_")} <= set(names)
    assert "mixexp.GaussianMoE.predict_interval" in names
    assert names["mixexp.models.Softmax"] == "= mixexp.Softmax"
    assert names["mixexp.GaussianMoE"].startswith("class(n_experts=2, ")
    assert not [name for name in names if name.endswith("_request")]


def test_changes_are_told_apart() -> None:
    old = {"a": "(x)", "b": "(x)", "c": "(x)"}
    assert changes(old, dict(old)) == []
    assert changes(old, {"a": "(x, y=1)", "b": "(x)", "d": "()"}) == [
        "- c (x)",
        "+ d ()",
        "~ a\n    was (x)\n    is  (x, y=1)",
    ]


def test_signatures_do_not_depend_on_the_process() -> None:
    code = "import json; from tests.api.surface import surface; print(json.dumps(surface()))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=FILE.parents[2],
    )
    import json

    assert json.loads(done.stdout) == surface()
