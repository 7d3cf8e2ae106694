"""Write cases.json, the reference fits of mixtures of experts with one response.

Usage: ``MIXEXP_REFERENCE=/folder/of/results python tests/reference/make_cases.py``
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

TARGET = Path(__file__).with_name("cases.json")

# Where a table is shipped: its loader, and for each column of the reference the column of the
# loader and the number it was divided by.
SHIPPED: dict[str, tuple[str, dict[str, tuple[str, float]]]] = {
    "ethanol": ("load_ethanol", {"y": ("NOx", 1), "E": ("E", 1), "c10": ("C", 10)}),
    "faithful": ("load_faithful", {"y": ("waiting", 1), "x": ("eruptions", 1)}),
    "mcycle": ("load_mcycle", {"y": ("accel", 1), "x": ("times", 10)}),
    "tonedata": ("load_tonedata", {"y": ("tuned", 1), "x": ("stretchratio", 1)}),
    "NPreg": ("load_npreg", {name: (name, 1) for name in ("yn", "yp", "x")}),
    "sim_k3_p3": ("load_sim_k3_p3", {name: (name, 1) for name in ("y", "x1", "x2", "x3")}),
    "tribolium": (
        "load_tribolium",
        {
            "y": ("remaining", 1),
            "total": ("total", 1),
            "spConf": ("confusum", 1),
            "spMad": ("madens", 1),
            "r2": ("replicate2", 1),
            "r3": ("replicate3", 1),
        },
    ),
}
NAMES = [
    "beps_multinom_k2",
    "ethanol_k2",
    "faithful_k2",
    "mcycle_k4",
    "npreg_k2_const",
    "npreg_pois_k2",
    "rmoe_gaussian_k2_homoscedastic",
    "sim_k3_p3",
    "tempanomalies_k2",
    "tonedata_k2",
    "tonedata_k2_const",
    "tonedata_k2_const_main",
    "tonedata_k2_main",
    "tribolium_binom_k2",
]
# In this table the column V1 is the constant one.
CONSTANT = {"rmoe_gaussian": "V1"}


def best_peer(case: dict[str, Any]) -> dict[str, Any] | None:
    """The highest log-likelihood of another package, recomputed from its parameters if possible."""
    found = []
    for package, fit in case.get("peers", {}).items():
        restart = fit.get("continued_from_reference_posterior", {})
        if "recomputed_loglik" in fit:
            kind, source, loglik = "recomputed", fit, fit["recomputed_loglik"]
        elif "loglik" in restart:
            kind, source, loglik = "continued", restart, restart["loglik"]
        else:
            continue
        found.append((loglik, package, source["version"], kind))
    if "RMoE_reported" in case:
        found.append((case["RMoE_reported"], "RMoE", case["RMoE_version"], "reported"))
    if not found:
        return None
    loglik, package, version, kind = max(found)
    return {"package": package, "version": version, "loglik": loglik, "kind": kind}


def extract(case: dict[str, Any]) -> dict[str, Any]:
    """What a test needs of one reference fit."""
    table = Path(case["data"]).stem
    loader, columns = SHIPPED.get(table, (None, None))
    params = case["params"]
    one = CONSTANT.get(table, "1")
    blocks = [name for name in ("gate", "beta", "sigma") if name in params]
    chosen: dict[str, Any] = {
        "data": f"peers/{case['data']}",
        "loader": loader,
        "loader_columns": columns,
        "response": case["response"],
        "family": case["family"].split()[0],
        "trials": case.get("trials"),
        "n_experts": case["K"],
        "gate_terms": ["1" if term == one else term for term in params["gate_terms"]],
        "expert_terms": ["1" if term == one else term for term in params["expert_terms"]],
        "shared_variance": len(params.get("sigma") or range(case["K"])) < case["K"],
        "n": case["n"],
        "n_free": case["npar"],
        "loglik": case["loglik"],
        "aic": case["AIC"],
        "bic": case["BIC"],
        "separated": case["gate_separation_suspected"],
        "local": "LOCAL" in case.get("note", ""),
        "best_peer": best_peer(case),
        "expert_sizes": case["resp_column_sums"],
        "params": {name: params[name] for name in blocks},
    }
    errors = case.get("se_observed_information")
    if errors:
        chosen["standard_errors"] = {name: errors[name] for name in blocks}
    return chosen


def text(reference: Path) -> str:
    """The content of cases.json: one line for each entry of a case."""
    blocks = []
    for name in NAMES:
        case = json.loads((reference / f"peers/cases/{name}.json").read_text("utf-8"))
        lines = [f"  {json.dumps(k)}: {json.dumps(v)}" for k, v in extract(case).items()]
        blocks.append(f"{json.dumps(name)}: {{\n" + ",\n".join(lines) + "\n}")
    return "{\n" + ",\n".join(blocks) + "\n}\n"


if __name__ == "__main__":
    TARGET.write_text(text(Path(os.environ["MIXEXP_REFERENCE"])), "utf-8")
