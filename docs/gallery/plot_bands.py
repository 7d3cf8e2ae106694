"""
What is predicted
=================

A mixture predicts a law for every x, and its quantiles need not be those of a normal law: the
bands hold 50, 80 and 95 % of new head accelerations in a simulated motorcycle crash.
"""

from mixexp import GaussianMoE
from mixexp.datasets import load_mcycle
from mixexp.plotting import plot_bands

mcycle = load_mcycle()
X, y = mcycle[["times"]], mcycle["accel"]
moe = GaussianMoE(n_experts=4, n_init=4, random_state=0).fit(X, y)

ax = plot_bands(moe, X, y)
ax.set(xlabel="time after impact (ms)", ylabel="acceleration (g)")
