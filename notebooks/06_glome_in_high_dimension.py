# %% [markdown]
# # Many covariates, one response: GLoME and BLoME
#
# A spectrum with dozens of channels, and a concentration to be read off it: many covariates, one
# response, few rows. A regression of y on x with a gate in x would need a covariance matrix of all
# channels in every expert. `GLoME` turns the problem round: it models x given y, which is a few
# lines for each channel, and gets the law of y given x by Bayes' rule, in closed form. In the
# literature this is GLLiM, and the inversion is inverse regression.

# %%
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.linear_model import RidgeCV

from mixexp import BLoME, GLoME, ModelSelector
from mixexp.models.covariances import Diagonal
from mixexp.plotting import plot_partition

# %% [markdown]
# ## Spectra
#
# Simulated, so that the truth is known: 24 channels, three ranges of the concentration y with a
# bump at different places that grows with y, and noise that is shared by channels 1 to 6, by 7 to
# 12 and by 13 to 18, and independent in the last six. 250 spectra to learn from, 500 to judge by.

# %%
P, EDGES = 24, [0.35, 0.65]


def spectra(y, rng):
    place = np.searchsorted(EDGES, y)
    centre = np.array([0.2, 0.5, 0.8])[place]
    height = 1.0 + 3.0 * (y - np.array([0.175, 0.5, 0.825])[place])
    wave = np.linspace(0.0, 1.0, P)
    bump = height[:, None] * np.exp(-0.5 * ((wave - centre[:, None]) / 0.12) ** 2)
    noise = rng.normal(size=(len(y), P))
    for first in (0, 6, 12):
        shared = rng.normal(size=(len(y), 1))
        noise[:, first : first + 6] = 0.8 * shared + 0.6 * noise[:, first : first + 6]
    return bump + 0.35 * noise


rng = np.random.default_rng(0)
y = rng.uniform(0.0, 1.0, size=750)
X = spectra(y, rng)
X_fit, y_fit, X_test, y_test = X[:250], y[:250], X[250:], y[250:]

figure, ax = plt.subplots(figsize=(6, 3), layout="constrained")
for low, high, colour in ((0.0, 0.35, "#0072B2"), (0.35, 0.65, "#D55E00"), (0.65, 1.0, "#009E73")):
    some = X_fit[(y_fit > low) & (y_fit < high)][:4]
    lines = ax.plot(np.arange(1, P + 1), some.T, color=colour, lw=1)
    lines[0].set_label(f"y in ({low}, {high})")
ax.set(xlabel="channel", ylabel="signal", title="Twelve of the 250 spectra")
ax.legend(fontsize=8, ncols=3, loc="upper center")
ax.set_ylim(-1.5, 3.4)
plt.show()

# %% [markdown]
# ## How many experts?
#
# With diagonal covariances fits are fast. BIC on the joint likelihood:

# %%
selector = ModelSelector(
    GLoME(covariance=Diagonal(), n_init=2), {"n_experts": range(1, 6)}, "bic", random_state=0
).fit(X_fit, y_fit)
selector.table_[["n_experts", "n_parameters", "loglik", "bic", "certified", "selected"]].round(1)

# %% [markdown]
# ## Which covariances?
#
# What is left of x given y has a covariance for each expert. Full ones have 300 parameters each,
# with about 80 spectra for each expert to estimate them from. Diagonal ones ignore that channels
# share noise. `BLoME` looks for blocks in between: nested partitions from the correlations of each
# expert's residuals, each fitted, one chosen by BIC here.

# %%
models = {
    "ridge regression": RidgeCV(alphas=np.logspace(-3, 3, 13)),
    "GLoME, full": GLoME(3, n_init=4, random_state=0),
    "GLoME, diagonal": GLoME(3, covariance=Diagonal(), n_init=4, random_state=0),
    "BLoME, blocks": BLoME(3, criterion="bic", max_candidates=15, n_init=4, random_state=0),
}
rows = {}
for name, model in models.items():
    model.fit(X_fit, y_fit)
    error = np.sqrt(np.mean((model.predict(X_test) - y_test) ** 2))
    rows[name] = {"error on new rows": error}
    if name.startswith("ridge"):
        continue
    low, high = model.predict_interval(X_test, level=0.9).T
    rows[name] |= {
        "log density of new rows": model.score_samples(X_test, y_test).mean(),
        "coverage of 90 % intervals": np.mean((low <= y_test) & (y_test <= high)),
        "parameters": model.n_parameters_,
        "BIC": model.bic(X_fit, y_fit),
    }
pd.DataFrame(rows).T.round(3)

# %% [markdown]
# Blocks give the smallest error and the best densities with a third of the parameters that
# full covariances have. Note the coverage: intervals take the fit for the truth, and a fit with
# too many parameters, or with the wrong covariances, is too sure of itself. No fit here is free of
# that; the one with the right structure is nearest.
#
# The certificate says what it could not do, and that the rows are few:

# %%
for name in ("GLoME, full", "BLoME, blocks"):
    print(name, "certified:", models[name].converged_)
    for finding in models[name].certificate_.findings:
        print("  -", finding)

# %% [markdown]
# ## The blocks
#
# Each panel is an expert; coloured cells are pairs of channels in one block. The truth has the
# blocks 0–5, 6–11 and 12–17 in every expert and nothing else (channels counted from 0).

# %%
blome = models["BLoME, blocks"]
axes = plot_partition(blome)
for ax in np.ravel(axes):
    ax.set(xticks=range(0, P, 6), yticks=range(0, P, 6), xlabel="channel", ylabel="channel")
np.ravel(axes)[0].figure.set_size_inches(9, 3.4)
plt.show()

# %%
blome.table_[["n_parameters", "n_blocks", "largest_block", "bic", "selected"]].iloc[
    max(0, int(blome.table_["selected"].to_numpy().argmax()) - 3) :
].head(7).round(1)

# %% [markdown]
# ## Prediction
#
# The law of y given a spectrum is a mixture of normal laws, with a mean, quantiles, a density. At
# the edges between the three ranges it can have two peaks, and an interval says more than a mean.

# %%
order = np.argsort(y_test)[::8]
low, high = blome.predict_interval(X_test[order], level=0.9).T
figure, axes = plt.subplots(1, 2, figsize=(9, 3.4), layout="constrained")
axes[0].vlines(y_test[order], low, high, color="0.7", label="90 % interval")
axes[0].plot(y_test[order], blome.predict(X_test[order]), ".", color="#0072B2", label="mean")
axes[0].plot([0, 1], [0, 1], color="black", lw=1, ls="--")
axes[0].set(xlabel="true concentration", ylabel="predicted", title="63 new spectra")
axes[0].legend(fontsize=8)
# The spectrum whose law is most evenly divided between experts.
weight = blome.gate_proba(X_test)
divided = int(weight.max(axis=1).argmin())
grid = np.linspace(0.0, 1.0, 300)
density = blome.predict_dist(np.repeat(X_test[[divided]], 300, axis=0)).pdf(grid)
axes[1].plot(grid, density, color="#0072B2")
axes[1].axvline(y_test[divided], color="black", lw=1, ls="--")
axes[1].set(xlabel="concentration", ylabel="density", title="The most doubtful of them")
axes[1].text(y_test[divided], 0.02 * density.max(), " truth", fontsize=9)
plt.show()

# %% [markdown]
# `predict_inverse` goes the other way, from a concentration to the mean spectrum;
# `joint_score_samples` tells spectra that look like none of those seen; and
# `GLoME(direction="direct")` parametrises the same family by y given x, for few covariates.
