"""
Does the model fit?
===================

Quantile residuals are standard normal, whatever the experts are, if the model is right. Residuals
of one line through head accelerations in a crash follow a curve; those of four experts do not.
"""

import matplotlib.pyplot as plt

from mixexp import GaussianMoE
from mixexp.datasets import load_mcycle
from mixexp.plotting import plot_residuals

mcycle = load_mcycle()
X, y = mcycle[["times"]], mcycle["accel"]

figure, axes = plt.subplots(2, 2, figsize=(9, 7), layout="constrained")
for n_experts, row in zip((1, 4), axes, strict=True):
    moe = GaussianMoE(n_experts=n_experts, n_init=2, random_state=0).fit(X, y)
    plot_residuals(moe, X, y, ax=row)
    row[0].set_title(f"{n_experts} expert{'s' if n_experts > 1 else ''}")
