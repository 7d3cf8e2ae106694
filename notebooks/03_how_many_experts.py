# %% [markdown]
# # How many experts?
#
# Four answers, from quick to slow: information criteria over a grid, the dendrogram of one large
# fit, slope heuristics, and a bootstrap test of K against K + 1. They ask different questions, so
# they may differ; that is information, too.

# %%
import warnings

import matplotlib.pyplot as plt
import numpy as np

from mixexp import GaussianMoE, GLoME, ModelSelector
from mixexp.datasets import load_ethanol, load_npreg, load_sim_k3_p3
from mixexp.plotting import plot_dendrogram, plot_dimension_path
from mixexp.selection import dendrogram_of

# %% [markdown]
# ## Criteria over a grid
#
# `NPreg` was made from two curves, a line and a parabola, 100 points each. `ModelSelector` fits
# every candidate, each also from splits of the one before, makes fits that are not certified again,
# and compares.

# %%
npreg = load_npreg()
X, y = npreg[["x"]], npreg["yn"]
curves = GaussianMoE(degree=2, gate_features=[], n_init=2)
selector = ModelSelector(curves, {"n_experts": range(1, 5)}, "bic", random_state=0).fit(X, y)
columns = ["n_experts", "n_parameters", "loglik", "aic", "bic", "icl", "certified", "selected"]
selector.table_[columns].round(1)

# %% [markdown]
# BIC takes two. AIC hardly tells two from four, as it does not where K grows: its penalty is too
# small for mixtures. ICL adds a price for experts that cannot be told apart at the points, asks for
# *clusters* rather than a density, and goes up steeply after two.
#
# None of the three has its usual theory here: with too many experts the extra parameters are not
# identified and the likelihood ratio has no chi-squared law. BIC has been shown to find the right
# number of components of a mixture in large samples, under conditions such as a bounded parameter
# space (Keribin, 2000, Sankhyā A 62); AIC's argument is gone.
#
# ## One large fit, merged step by step
#
# The dendrogram needs one fit, with more experts than expected, and merges the two nearest experts
# again and again. Experts that are really one merge at small heights. Data: three experts, three
# covariates, n = 1000; fitted with four.

# %%
sim = load_sim_k3_p3()
X3, y3 = sim[["x1", "x2", "x3"]], sim["y"]
four = GaussianMoE(4, n_init=3, random_state=0).fit(X3, y3)
tree = dendrogram_of(four, X3, y3)
tree.to_frame().round(3)

# %%
figure, ax = plt.subplots(figsize=(5.5, 3.2), layout="constrained")
plot_dendrogram(tree, ax)
plt.show()

# %% [markdown]
# The first merge is low in the tree and costs 14 nats; the next one, from three to two, costs six
# hundred: three it is. All rests on the one fit: if it has a spike, or far too many experts, its
# merges mean little. The result keeps notes on what makes it doubtful:

# %%
for note in tree.caveats:
    print("-", note)

# %% [markdown]
# ## Slope heuristics
#
# When a model is large enough, each further parameter gains about the same log-likelihood, by
# fitting noise. That slope is the penalty's natural unit: the heuristics take twice the slope. They
# need many candidates, and mixexp checks what they rest on. The model is GLoME with one to twelve
# experts for the mixture of an engine given its exhaust, as in the published studies of this rule.

# %%
ethanol = load_ethanol()
sizes = ModelSelector(
    GLoME(n_init=1), {"n_experts": range(1, 13)}, "slope", warm_starts=False, random_state=0
)
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    sizes.fit(ethanol[["NOx"]], ethanol["E"])
print(sizes.selection_)

# %% [markdown]
# The checks that are not OK say that 88 rows and twelve candidates are too few for this rule: do
# not believe it here. (With a failed check there is also a warning, caught above so that it does
# not cover the page.) The figure shows why: the selected size should fall in one large jump as the
# penalty grows, and it falls in several of one size.

# %%
figure, ax = plt.subplots(figsize=(6, 3.2), layout="constrained")
plot_dimension_path(sizes.selection_, ax)
plt.show()
best = sizes.table_.sort_values("bic")[["n_experts", "n_parameters", "loglik", "bic"]]
best.head(4).round(1)

# %% [markdown]
# BIC, for comparison, takes four experts.
#
# ## A test of K against K + 1
#
# The likelihood ratio of K against K + 1 experts is not chi-squared. Its law can be simulated: draw
# data from the fit with K, fit both, and look at the ratios. The p-value is the share of simulated
# ratios, counting the data's own, that are at least as large as the one of the data. With 19
# simulations it cannot be below 0.05; use 99 or more in earnest.

# %%
one, two = selector.estimators_[0], selector.estimators_[1]
tests = [fit.results(X, y).test_n_experts(n_boot=19, random_state=1) for fit in (one, two)]
for test in tests:
    print(str(test).splitlines()[0])

# %%
figure, axes = plt.subplots(1, 2, figsize=(8, 3), layout="constrained")
for k, (ax, test) in enumerate(zip(axes, tests, strict=True), start=1):
    ax.hist(test.null, bins=8, color="#56B4E9", label="simulated")
    ax.axvline(test.statistic, color="#D55E00", lw=2, label="the data")
    ax.set(title=f"{k} against {k + 1}", xlabel="likelihood ratio 2(ℓ' − ℓ)")
axes[0].set_ylabel("simulations")
axes[0].legend()
plt.show()
print(f"the middle of the simulated ratios of 2 against 3: {np.median(tests[1].null):.1f}")

# %% [markdown]
# One expert is refused, two are not. Note the size of the simulated ratios: a chi-squared law with
# five degrees of freedom (the five further parameters) has its middle at 4.4, and its 95 % point,
# 11.1, would reject far too often.
#
# ## Which to use
#
# - To start: `ModelSelector(..., "bic")`. It is quick, and every fit in its table is certified or
#   flagged.
# - To see *why*: the dendrogram, from one fit.
# - For many candidates and high dimension: the slope heuristics, if their checks hold.
# - For a p-value: `test_n_experts`.
# - For predictions: `ModelSelector(..., "cv")`, the cross-validated log-likelihood.
