"""Measurements that need a process of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).resolve().parents[1]


def run(code: str, **environment: str) -> Any:
    """Run Python code in a new process; what its last line printed, read as JSON.

    Raises
    ------
    RuntimeError
        If the process fails; with what it wrote to standard error.

    Examples
    --------
    >>> run("print(1 + 1)")
    2
    """
    variables = {**os.environ, "OPENBLAS_NUM_THREADS": "1", **environment}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=_ROOT, env=variables, capture_output=True, text=True
    )
    if done.returncode:
        raise RuntimeError(f"a benchmark's process failed:\n{done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])
