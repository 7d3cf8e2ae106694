"""What an installer sees: version, type marker, and pins for every dependency."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

import mixexp

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
CONSTRAINTS = (ROOT / "constraints.txt").read_text("utf-8")


def requirements() -> list[Requirement]:
    """The direct dependencies, those of the extras included, without the project itself."""
    extras = PROJECT["optional-dependencies"].values()
    texts = [*PROJECT["dependencies"], *(text for extra in extras for text in extra)]
    found = map(Requirement, texts)
    return [r for r in found if canonicalize_name(r.name) != PROJECT["name"]]


def pins() -> dict[str, set[Version]]:
    """The pinned versions of each package: more than one where they differ between Pythons."""
    found: dict[str, set[Version]] = {}
    for line in CONSTRAINTS.splitlines():
        requirement = Requirement(line)
        (pin,) = requirement.specifier
        assert pin.operator == "==", line
        found.setdefault(canonicalize_name(requirement.name), set()).add(Version(pin.version))
    return found


def test_version_is_valid_and_in_normal_form() -> None:
    assert str(Version(mixexp.__version__)) == mixexp.__version__


def test_package_declares_its_types() -> None:
    assert Path(mixexp.__file__).with_name("py.typed").is_file()


@pytest.mark.parametrize("requirement", requirements(), ids=str)
def test_dependency_is_pinned_within_its_bounds(requirement: Requirement) -> None:
    versions = pins().get(canonicalize_name(requirement.name), set())
    assert versions, f"{requirement.name} has no pin in constraints.txt"
    assert all(version in requirement.specifier for version in versions)


def test_constraints_name_no_address() -> None:
    assert re.search(r"https?:|://|^-|@", CONSTRAINTS, re.MULTILINE) is None


def test_licence_and_readme_exist() -> None:
    for name in (*PROJECT["license-files"], PROJECT["readme"]):
        assert (ROOT / name).is_file()
