"""
Two lines and a gate
====================

What does each expert say, and where does the gate switch? Exhaust of an engine against the
richness of the mixture: one expert rises, the other falls, and lines are faint where the gate
gives an expert no weight.
"""

import matplotlib.pyplot as plt

from mixexp import GaussianMoE
from mixexp.datasets import load_ethanol
from mixexp.plotting import plot_experts, plot_gate

ethanol = load_ethanol()
moe = GaussianMoE(n_experts=2, n_init=4, random_state=0).fit(ethanol[["E"]], ethanol["NOx"])

figure, (upper, lower) = plt.subplots(2, 1, figsize=(7, 6), sharex=True, layout="constrained")
plot_experts(moe, ethanol[["E"]], ethanol["NOx"], ax=upper)
plot_gate(moe, ethanol[["E"]], ax=lower)

# %%
# The gate is a step, as the certificate says: its place is what the data determine.
print(moe.certificate_.separation.message)
