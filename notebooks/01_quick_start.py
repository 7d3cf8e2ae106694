# %% [markdown]
# # Quick start: the exhaust of an engine
#
# A one-cylinder engine was run on ethanol 88 times. How much nitrogen oxide (NOx) comes out depends
# on the richness E of the mixture: it rises, reaches a peak near the ideal mixture, and falls. One
# straight line cannot say that. A **mixture of experts** says it with several simple regressions,
# the experts, and a gate that tells which of them applies where:
#
# $$p(y \mid x) = \sum_k \pi_k(x)\, N(y;\ b_k + a_k^\top x,\ \sigma_k^2).$$
#
# The weights $\pi_k(x)$ of the gate are positive and add up to one.

# %%
import matplotlib.pyplot as plt
import pandas as pd

from mixexp import GaussianMoE
from mixexp.datasets import load_ethanol
from mixexp.plotting import plot_bands, plot_experts, plot_gate

ethanol = load_ethanol()
ethanol.head(3)

# %% [markdown]
# ## Fit
#
# A formula names the response and the columns. The estimator keeps the data frame, so `fit` needs
# nothing more. `random_state` fixes the random starts.

# %%
moe = GaussianMoE.from_formula("NOx ~ E", ethanol, n_experts=2, random_state=0).fit()
print(
    f"log-likelihood {moe.loglik_:.2f} nats, {moe.n_free_} parameters, BIC {moe.results().bic:.1f}"
)

# %%
figure, axes = plt.subplots(1, 2, figsize=(9, 3.4), layout="constrained")
plot_experts(moe, ethanol, ax=axes[0])
plot_gate(moe, ethanol, ax=axes[1])
plt.show()

# %% [markdown]
# A line is drawn as strongly as the gate counts on it. The gate is nearly a step: the rising line
# applies to lean mixtures, the falling one to rich ones.
#
# ## Can it be trusted?
#
# Likelihoods of mixtures have many maxima, and programs stop before they reach one. Each fit
# carries a certificate; notebook 02 reads it line by line.

# %%
print(moe.certificate_.summary())

# %% [markdown]
# Nothing is left to gain, and most starts ended here. The last line is a finding: no observation
# lies between the branches, so the likelihood is highest for an infinitely steep gate. The experts
# are well determined, the steepness is not. The other maxima that were found are far lower:

# %%
moe.optima_[["loglik", "certified", "shares", "n_hits"]].round(3)

# %% [markdown]
# ## What does each expert say, and how sure is it?

# %%
results = moe.results()
print(results.summary())

# %% [markdown]
# One unit of E is far more than the data span (0.5 to 1.2): per tenth of a unit, NOx rises by 0.93
# micrograms per joule on the lean side and falls by 1.07 on the rich side. Standard errors of the
# gate are withheld, with the reason, instead of printing numbers that mean nothing.
#
# ## Where does the gate switch?
#
# The gate is even where its log-odds are zero:

# %%
gate = moe.params_.gate
switch = -(gate.intercept[0] - gate.intercept[1]) / (gate.coef[0, 0] - gate.coef[1, 0])
below, above = ethanol["E"][ethanol["E"] < switch].max(), ethanol["E"][ethanol["E"] > switch].min()
print(f"at E = {switch:.3f}; the data say: between {below} and {above}")

# %% [markdown]
# ## What is predicted?
#
# The law of NOx given E is a mixture of normal laws. It has a mean, quantiles, a density, and can
# be sampled. `results` adds how sure the mean is; `predict_interval` says where a new run will lie.

# %%
new = pd.DataFrame({"E": [0.6, 0.8, 0.9, 1.1]})
low, high = moe.predict_interval(new, level=0.9).T
mean = results.mean(new, level=0.95)
pd.DataFrame(
    {
        "E": new["E"],
        "mean": mean["estimate"].to_numpy(),
        "its std. error": mean["se"].to_numpy(),
        "90 % from": low,
        "to": high,
    }
).round(3)

# %%
ax = plot_bands(moe, ethanol)
ax.figure.set_size_inches(6, 3.4)
plt.show()

# %% [markdown]
# ## A better model
#
# The bands are wide on the left because something is missing: the compression ratio C of the
# engine. In the formula, what stands before the bar is for the experts, what stands behind it for
# the gate.

# %%
fuller = GaussianMoE.from_formula("NOx ~ E + C | E", ethanol, n_experts=2, random_state=0).fit()
pd.DataFrame(
    {
        "log-likelihood": [moe.loglik_, fuller.loglik_],
        "parameters": [moe.n_free_, fuller.n_free_],
        "BIC": [results.bic, fuller.results().bic],
    },
    index=["NOx ~ E", "NOx ~ E + C | E"],
).round(1)

# %% [markdown]
# Smaller BIC is better, and 46 is a lot. Does compression matter in both branches? Here are its two
# coefficients, and a test of each:

# %%
fuller_results = fuller.results()
names = [
    name for name in fuller_results.params.index if name.startswith("mean") and name.endswith("C")
]
interval = fuller_results.conf_int()
pd.DataFrame(
    {
        "rises with E": [fuller.params_.expert.coef[k, 0] > 0 for k in range(2)],
        "effect of C": fuller_results.params[names].to_numpy(),
        "from": interval.loc[names, "lower"].to_numpy(),
        "to": interval.loc[names, "upper"].to_numpy(),
        "p-value": fuller_results.pvalues[names].to_numpy(),
    },
    index=names,
).round(4)

# %% [markdown]
# ## Where to go on
#
# - **02** reads the certificate, and says what to do when it fails.
# - **03** asks how many experts there should be.
# - **04** has sparse gates, temperatures and activations.
# - **05** checks a theorem about rates, step by step.
# - **06** has many covariates and one response.
# - **07** is for those who come from R.
