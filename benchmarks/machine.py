"""What has to be known about a machine to read its timings: no host names, no paths."""

from __future__ import annotations

import os
import platform
import re
from pathlib import Path
from typing import Any

import numba
import numpy as np
import scipy
import sklearn


def facts() -> dict[str, Any]:
    """Processor, cores, load when asked, and versions."""
    return {
        "cpu": cpu_model(),
        "cores": n_cores(),
        "simd": simd(),
        "system": platform.system(),
        "load": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "scipy": scipy.__version__,
        "scikit-learn": sklearn.__version__,
        "numba": numba.__version__,
    }


def cpu_model() -> str:
    """Name of the processor as its maker spells it, or at least its architecture."""
    info = Path("/proc/cpuinfo")
    if info.exists():
        found = re.search(r"^model name\s*:\s*(.+)$", info.read_text("utf-8"), re.MULTILINE)
        if found:
            return found[1].strip()
    return platform.processor() or platform.machine()


def n_cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def simd() -> list[str]:
    """Instruction sets numpy found: its exponential is several times faster with AVX-512."""
    config: Any = np.show_config(mode="dicts")
    return list(config.get("SIMD Extensions", {}).get("found", []))


def short_name(known: dict[str, Any]) -> str:
    """The machine in a file name.

    Examples
    --------
    >>> short_name({"cpu": "AMD EPYC 7R13 Processor", "cores": 2})
    'amd-epyc-7r13-2-cores'
    """
    name = re.sub(r"\(r\)|\(tm\)|\b(cpu|processor)\b|@.*|\d+-core", "", known["cpu"].lower())
    words = re.findall(r"[a-z0-9.]+", name)
    return "-".join([*words, str(known["cores"]), "cores"])


def kind(known: dict[str, Any]) -> tuple[str, tuple[str, ...]]:
    """What two machines must share for their ratios to be compared.

    Examples
    --------
    >>> kind({"cpu": "AMD EPYC", "cores": 2, "simd": ["X86_V3"]})
    ('amd-epyc-2-cores', ('X86_V3',))
    """
    return short_name(known), tuple(known["simd"])
