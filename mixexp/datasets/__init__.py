"""Small data sets on which mixtures of experts and of regressions are usually shown."""

from mixexp.datasets.loaders import (
    load_ethanol,
    load_faithful,
    load_mcycle,
    load_npreg,
    load_pima,
    load_sim_k3_p3,
    load_tonedata,
    load_tribolium,
)

__all__ = [
    "load_ethanol",
    "load_faithful",
    "load_mcycle",
    "load_npreg",
    "load_pima",
    "load_sim_k3_p3",
    "load_tonedata",
    "load_tribolium",
]
