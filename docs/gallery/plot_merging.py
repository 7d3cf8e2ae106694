"""
Merging experts
===============

One fit with too many experts, merged down: the two that are most alike become one, again and
again. Long branches are experts that the data tell apart. Three experts made this sample; the
criterion on the right keeps two of them, and long branches three: a dendrogram is a view of one
fit, not a proof.
"""

from mixexp import GaussianMoE
from mixexp.datasets import load_sim_k3_p3
from mixexp.plotting import plot_dendrogram
from mixexp.selection import dendrogram_of

sim = load_sim_k3_p3()
X, y = sim.filter(like="x"), sim["y"]
large = GaussianMoE(n_experts=5, n_init=1, random_state=0).fit(X, y)

tree = dendrogram_of(large, X, y)
plot_dendrogram(tree)
