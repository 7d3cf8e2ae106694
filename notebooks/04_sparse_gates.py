# %% [markdown]
# # Sparse gates, temperatures and activations
#
# A softmax gate gives every expert a positive weight at every x. Other gates change that:
#
# - `TopK(K)` keeps the K experts with the highest scores at x and switches the others off;
# - `Temperature(gate)` divides the scores by a number, which makes the gate harder or softer;
# - `Activation()` bends the scores by a function such as tanh before they are compared.
#
# Every gate goes with every family of experts. This notebook shows what each one does, and what of
# it the data can and cannot tell.

# %%
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.colors import ListedColormap

from mixexp import Activation, GaussianMoE, Temperature, TopK
from mixexp.datasets import load_mcycle
from mixexp.theory import TRUTHS

COLOURS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7"]
mcycle = load_mcycle()
X, y = mcycle[["times"]], mcycle["accel"]

# %% [markdown]
# ## One, two or all experts at a time
#
# The motorcycle data: the head is at rest, then is thrown back, rebounds, and settles. Four lines,
# and three gates. With `select="logit"` the whole linear score decides which experts are active.

# %%
fits = {
    "softmax: all active": GaussianMoE(4, n_init=3, random_state=0),
    "top 2": GaussianMoE(4, gate=TopK(2, select="logit"), n_init=3, random_state=0),
    "top 1": GaussianMoE(4, gate=TopK(1, select="logit"), n_init=3, random_state=0),
}
for model in fits.values():
    model.fit(X, y)

pd.DataFrame(
    [
        (name, model.loglik_, model.n_free_, model.bic(X, y), model.converged_)
        for name, model in fits.items()
    ],
    columns=["gate", "log-likelihood", "parameters", "BIC", "certified"],
).round(2)

# %% [markdown]
# All three say nearly the same. The next figure shows the weights over time. The top-1 gate cuts
# the time axis into intervals, one line in each; the softmax gate comes close to that by itself.

# %%
times = pd.DataFrame({"times": np.linspace(2.0, 58.0, 600)})


def by_time(model):
    """Experts in the order in which they are the likeliest."""
    weight = model.gate_proba(times)
    return np.argsort((weight * times.to_numpy()).sum(0) / weight.sum(0))


figure, axes = plt.subplots(2, 3, figsize=(9, 4.4), sharex=True, sharey="row", layout="constrained")
for column, (name, model) in zip(axes.T, fits.items(), strict=True):
    order = by_time(model)
    weight = model.gate_proba(times)[:, order]
    lines = np.where(weight > 0.02, model.predict_expert(times)[:, order], np.nan)
    column[0].plot(X, y, ".", color="0.6", ms=3)
    for line, colour in zip(lines.T, COLOURS, strict=True):
        column[0].plot(times, line, color=colour, lw=2)
    column[1].stackplot(times["times"], weight.T, colors=COLOURS, alpha=0.8)
    column[0].set(title=name, ylim=(-150, 100))
    column[1].set(xlabel="time after impact (ms)", ylim=(0, 1))
axes[0, 0].set_ylabel("acceleration (g)")
axes[1, 0].set_ylabel("weight of each line")
plt.show()

# %% [markdown]
# Where does the top-1 gate switch? At the change points of the active expert:

# %%
active = fits["top 1"].gate_proba(times).argmax(axis=1)
times["times"].to_numpy()[1:][np.diff(active) != 0].round(1)

# %% [markdown]
# A change point is not an ordinary parameter. The likelihood does not change while the point moves
# between two observations, and jumps when it passes one. So there is no curvature and no standard
# error for it; its error is of the order 1/n instead of 1/√n (derived in the theory page of the
# documentation, not taken from the literature). The certificate says how the boundaries were
# searched:

# %%
print(fits["top 1"].certificate_.summary())

# %% [markdown]
# ## Selection without the bias
#
# In the literature (arXiv 2309.13850) the experts are selected by the scores *without* their
# biases. That is `TopK(K)`, the default. With one covariate all scores are then zero at x = 0, the
# only place where the active experts can change. Times are all positive, so here the same experts
# are active in every row, and two of the four experts are not used at all. The fit says so:

# %%
unbiased = GaussianMoE(4, gate=TopK(2), n_init=1, random_state=0).fit(X, y)
print(f"log-likelihood {unbiased.loglik_:.1f}")
for finding in unbiased.certificate_.findings:
    print("-", finding)

# %% [markdown]
# ## Regions in the plane
#
# With two covariates the same rule cuts the plane into sectors around the origin. The data below
# come from three experts of which two are active anywhere; we know the truth and can compare. A
# softmax gate has as many parameters, and a likelihood 41 nats lower.

# %%
truth = TRUTHS["topk-plane"]
x2, y2 = truth.sample(1000, np.random.default_rng(0))
sparse = GaussianMoE(3, gate=TopK(2), n_init=3, random_state=0).fit(x2, y2)
dense = GaussianMoE(3, n_init=3, random_state=0).fit(x2, y2)
truth_loglik = truth.model.log_prob(truth.params, x2, y2).sum()
pd.DataFrame(
    {
        "log-likelihood": [sparse.loglik_, dense.loglik_, truth_loglik],
        "parameters": [sparse.n_free_, dense.n_free_, np.nan],
    },
    index=["top-2 fit", "softmax fit", "truth"],
).round(1)

# %%
side = np.linspace(-1.0, 1.0, 161)
plane = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)


def inactive(weight):
    """The expert that is switched off."""
    return (weight == 0.0).argmax(axis=1)


# Labels are arbitrary: the fit's experts are matched to the truth's by their intercepts.
match = np.argsort(sparse.params_.expert.intercept)[
    np.argsort(np.argsort(truth.params.expert.intercept))
]
figure, axes = plt.subplots(1, 2, figsize=(7, 3.4), sharey=True, layout="constrained")
maps = {
    "truth": inactive(truth.model.weights(truth.params, plane)),
    "fit": inactive(sparse.gate_proba(plane)[:, match]),
}
for ax, (name, off) in zip(axes, maps.items(), strict=True):
    ax.pcolormesh(side, side, off.reshape(161, 161), cmap=ListedColormap(COLOURS[:3]), alpha=0.5)
    for k in range(3):
        ax.text(*np.median(plane[off == k], axis=0), f"expert {k + 1} off", ha="center")
    ax.set(title=name, xlabel="$x_1$", aspect="equal")
axes[0].set_ylabel("$x_2$")
plt.show()
print(f"same active experts on {np.mean(maps['truth'] == maps['fit']):.1%} of the square")

# %% [markdown]
# ## A temperature
#
# `Temperature()` divides all scores by τ. If τ is free, (β0, β1, τ) and c(β0, β1, τ) are one and
# the same law for every c > 0: the data cannot tell them apart, whatever their number. So mixexp
# fits at τ = 1, which is the softmax gate, and says so. Only ratios such as β1/τ mean something.

# %%
scaled = TRUTHS["temperature"]
x1, y1 = scaled.sample(1000, np.random.default_rng(0))
plain = GaussianMoE(2, n_init=2, random_state=0).fit(x1, y1)
tempered = GaussianMoE(2, gate=Temperature(), n_init=2, random_state=0).fit(x1, y1)
print(f"softmax {plain.loglik_:.4f}, with a temperature {tempered.loglik_:.4f}")
print("reported temperature:", tempered.params_.gate.temperature)
print("-", tempered.certificate_.findings[0])

# %% [markdown]
# ## An activation identifies the temperature
#
# If the score is bent before it is divided, scale and temperature are no longer the same thing.
# The gate below is exp{(tanh(β1 x) + β0)/τ}. With 1,000 rows β1 and τ come out near the truth (the
# two experts may come in either order, which turns the signs of β0 and β1).

# %%
bent = TRUTHS["activation"]
x3, y3 = bent.sample(1000, np.random.default_rng(0))
tanh = GaussianMoE(2, gate=Temperature(Activation()), n_init=3, random_state=0).fit(x3, y3)


def gate_row(params):
    gate = params.gate
    return abs(gate.base.coef[0, 0]), abs(gate.base.intercept[0]), gate.temperature


pd.DataFrame(
    [gate_row(bent.params), gate_row(tanh.params_)],
    columns=["|β1|", "|β0|", "τ"],
    index=["truth", "fit"],
).round(3)

# %% [markdown]
# ## Which gate?
#
# - **Softmax**, the default: smooth, and it hardens by itself where the data want a step.
# - **TopK** when at most K experts may speak at a time, or a row should be explained by one line.
#   Use `select="logit"` unless the origin of x has a meaning.
# - **Temperature** around a softmax adds nothing to the law. With `tau=` fixed it sets a scale;
#   around an `Activation` it is a parameter.
# - Compare them as any other setting: `ModelSelector(GaussianMoE(), {"gate": [...]})`.
