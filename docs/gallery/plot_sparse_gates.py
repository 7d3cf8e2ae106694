"""
Gates: smooth, sparse, saturating
=================================

The same data and experts, four gates. A top-1 gate gives each x to one expert alone; the
activation gate cannot put its step where it likes, because it has no intercept inside.
"""

import matplotlib.pyplot as plt

from mixexp import Activation, GaussianMoE, Softmax, TopK
from mixexp.datasets import load_faithful
from mixexp.plotting import plot_gate

faithful = load_faithful()
X, y = faithful[["eruptions"]], faithful["waiting"]
gates = {
    "softmax": Softmax(),
    "softmax of a quadratic": Softmax(degree=2),
    "top-1": TopK(1, select="logit"),
    "activation": Activation(),
}

figure, axes = plt.subplots(2, 2, figsize=(9, 6.5), sharex=True, sharey=True, layout="constrained")
for (name, gate), ax in zip(gates.items(), axes.flat, strict=True):
    moe = GaussianMoE(n_experts=2, gate=gate, n_init=2, random_state=0).fit(X, y)
    plot_gate(moe, X, ax=ax)
    ax.set_title(f"{name}: {moe.loglik_:.1f} nats", pad=22)
