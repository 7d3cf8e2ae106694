"""
Why the highest likelihood is not always the answer
===================================================

Two certified optima of the same model on tones that musicians tuned. The higher one has an expert
with a standard deviation of 0.005 on data that were rounded; the lower one is what most software
reports. A certificate says that both are maxima. Which one means something, the data cannot say.
"""

import matplotlib.pyplot as plt

from mixexp import GaussianMoE
from mixexp.datasets import load_tonedata
from mixexp.plotting import plot_experts

tone = load_tonedata()
X, y = tone[["stretchratio"]], tone["tuned"]
moe = GaussianMoE(n_experts=2, random_state=0).fit(X, y)
print(moe.optima_[["loglik", "certified", "scales"]])

figure, axes = plt.subplots(1, 2, figsize=(10, 4.2), sharey=True, layout="constrained")
for index, ax in enumerate(axes):
    moe.use_optimum(index)
    plot_experts(moe, X, y, ax=ax)
    ax.set_title(f"log-likelihood {moe.loglik_:.1f}", pad=22)
