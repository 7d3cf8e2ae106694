"""
Counts from two sources
=======================

Two Poisson regressions with constant weights: which source a count came from is never seen.
"""

from mixexp import PoissonMoE
from mixexp.datasets import load_npreg
from mixexp.plotting import plot_experts

npreg = load_npreg()
counts = PoissonMoE(n_experts=2, gate_features=[], n_init=4, random_state=0)
counts.fit(npreg[["x"]], npreg["yp"])

ax = plot_experts(counts, npreg[["x"]], npreg["yp"])
ax.set_ylabel("count")
