"""Settings and fixtures shared by all tests."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

# Compilation of a kernel inside an example would trip hypothesis' time limit.
settings.register_profile("mixexp", deadline=None)
settings.load_profile("mixexp")


@pytest.fixture(scope="session")
def reference_dir() -> Path:
    """Folder of published fits and data that may not be copied; skips where there is none."""
    name = os.environ.get("MIXEXP_REFERENCE", "")
    if not name or not Path(name).is_dir():
        pytest.skip(f"MIXEXP_REFERENCE={name!r} is not a folder; set it to the reference results")
    return Path(name)
