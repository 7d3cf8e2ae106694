"""The reference: every public name has one home, and docstrings the references they cite."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

DOCS = Path(__file__).resolve().parents[2] / "docs"


@pytest.fixture(autouse=True)
def path_to_docs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [str(DOCS), *sys.path])


def test_a_name_is_documented_once() -> None:
    import conf_reference

    assert conf_reference.home_of("mixexp.models.Softmax") == "mixexp.Softmax"
    assert conf_reference.home_of("mixexp.estimators.GaussianMoE.fit") == "mixexp.GaussianMoE.fit"
    assert conf_reference.home_of("mixexp.models.Gone") is None
    assert "mixexp.Softmax" in conf_reference.listed("mixexp.models")["elsewhere"]


def test_every_exported_name_of_the_reference_has_a_home() -> None:
    import conf_reference

    import mixexp

    listed = conf_reference.listed("mixexp")
    shown = {name for key, names in listed.items() if key != "attributes" for name in names}
    assert set(mixexp.__all__) - {"__version__"} <= shown


def test_a_docstring_gets_the_references_of_its_module() -> None:
    import conf_docstrings

    from mixexp.theory import prove_two_atoms, sign_change_bound

    lines = (sign_change_bound.__doc__ or "").splitlines()
    conf_docstrings.add_references(None, "function", "name", sign_change_bound, None, lines)
    text = "\n".join(lines)
    assert ".. [2]" in text and "[2]_" in text
    unknown = ["A law [9]_."]
    conf_docstrings.add_references(None, "function", "name", prove_two_atoms, None, unknown)
    assert unknown == ["A law [9]."]
