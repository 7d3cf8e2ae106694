"""
A law with two branches
=======================

Which richness of the mixture gave this much NOx? Two answers are right for most values, and a
mean of both is wrong. GLoME models both variables and shows the law of one given the other.
"""

import numpy as np

from mixexp import GLoME
from mixexp.datasets import load_ethanol
from mixexp.plotting import plot_forward_density

ethanol = load_ethanol()
X, y = ethanol[["NOx"]].to_numpy(), ethanol["E"].to_numpy()
glome = GLoME(n_experts=4, n_init=4, random_state=0).fit(X, y)

ax = plot_forward_density(
    glome, np.linspace(0.3, 4.1, 120), np.linspace(0.5, 1.3, 160), data=(X[:, 0], y)
)
ax.set(xlabel="NOx (μg/J)", ylabel="equivalence ratio E")
