# %% [markdown]
# # Reading a certificate, and what to do when it fails
#
# A likelihood of a mixture of experts has many local maxima, flat ridges, directions in which it
# rises for ever, and sometimes spikes. A number called "converged" says little. Every fit of mixexp
# carries a certificate: what is known about the place where it ended. This notebook reads it line
# by line, and then goes through the ways in which a fit can be less than it seems.

# %%
import warnings

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from mixexp import GaussianMoE
from mixexp.datasets import load_ethanol, load_npreg, load_tonedata
from mixexp.estimation.identifiability import diagnose
from mixexp.plotting import plot_experts
from mixexp.theory import TRUTHS

# %% [markdown]
# ## A certificate

# %%
tone = load_tonedata()
X, y = tone[["stretchratio"]], tone["tuned"]
moe = GaussianMoE(2, random_state=0).fit(X, y)
print(moe.certificate_.summary())

# %% [markdown]
# - **certified optimum**: the lines below hold, so this is a local maximum and the climb is over.
#   `converged_` is True only then.
# - **remaining gain**: by how many nats the log-likelihood could still rise within one standard
#   deviation, according to its exact second-order expansion. A nat is a unit of log-likelihood;
#   differences below 0.01 matter to nobody. Here it is rounding.
# - **observed information**: its smallest eigenvalue tells how well the least known combination of
#   parameters is determined. Zero would mean: not at all.
# - **search**: how many starts, how many different maxima, and how often the best one was found. A
#   best one that was found once asks for more starts (`n_init=`).
#
# A certificate is about *this* maximum. That no other is higher nobody can prove; the table of all
# that were found is the evidence there is:

# %%
moe.optima_[["loglik", "certified", "shares", "scales", "flags", "n_hits"]].round(4)

# %% [markdown]
# ## The highest maximum may be a spike
#
# The first row is 2.8 nats higher and was found by few of the starts. One of its experts has a
# standard deviation of 0.0045: it follows a third of the points nearly exactly. The data are
# rounded to three decimals, so this may be rounding rather than music. The likelihood cannot know;
# you can. Either take the other maximum, or say which scales are possible (in standard deviations
# of the response) and fit again:

# %%
smoother = GaussianMoE(2, bounds={"scale": (0.1, 1000.0)}, random_state=0).fit(X, y)
print(f"second maximum {moe.use_optimum(1).loglik_:.4f}, with a floor {smoother.loglik_:.4f}")

# %% [markdown]
# Spikes with fewer points are dropped to the end of the table by themselves: experts below
# `min_share` (5 % of the rows) are flagged as thin, and scales on their floor as well.
#
# ## A climb that was cut short
#
# EM creeps where experts overlap. Below, 200 EM steps for three experts where the truth has two;
# the last step gained next to nothing, and software that looks at changes would stop:

# %%
x_sim, y_sim = TRUTHS["overlapping"].sample(4000, np.random.default_rng(0))
ends = {}
for steps in (199, 200):
    em = GaussianMoE(3, solver="em", max_iter=steps, n_init=2, random_state=0)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        ends[steps] = em.fit(x_sim, y_sim).loglik_
print(f"relative change in the last step: {(ends[200] - ends[199]) / abs(ends[200]):.1e}")
print(f"remaining gain: {em.certificate_.remaining_gain:.2f} nats")
print("warning:", str(caught[0].message).split(". ")[0])

# %% [markdown]
# The certificate fails, with a warning. The remedy is the default solver, which goes on by Newton's
# method with the exact second derivatives. The certificate promised 1.0 nats, by an expansion of
# second order; 0.8 were there:

# %%
newton = GaussianMoE(3, n_init=2, random_state=0).fit(x_sim, y_sim)
print(f"EM {em.loglik_:.3f} -> {newton.loglik_:.3f}, certified: {newton.converged_}")

# %% [markdown]
# ## A gate that runs off to infinity
#
# Exhaust of an engine against the richness of the mixture: two branches that do not overlap. The
# likelihood rises for ever as the gate becomes a step. There is no maximum, only a supremum, and
# coefficients of the gate are where the climb ended.

# %%
ethanol = load_ethanol()
E, nox = ethanol[["E"]], ethanol["NOx"]
engine = GaussianMoE(2, random_state=0).fit(E, nox)
print(engine.certificate_.summary())

# %% [markdown]
# It still counts as certified: nothing is left to gain, and everything but the gate's coefficients
# is well determined: the experts, the predictions, and where the step is.

# %%
intercept, slope = engine.params_.gate.intercept[0], engine.params_.gate.coef[0, 0]
step = -intercept / slope
below, above = ethanol["E"][ethanol["E"] < step].max(), ethanol["E"][ethanol["E"] > step].min()
print(f"the gate switches between the observations E = {below} and E = {above}")

# %%
ax = plot_experts(engine, E, nox)
ax.figure.set_size_inches(6, 3.2)
plt.show()

# %% [markdown]
# Standard errors of the gate are withheld, with the reason; those of the experts are given:

# %%
results = engine.results(E, nox)
given = results.withheld == ""
pd.DataFrame(
    {
        "estimate": results.params.where(given),
        "standard error": results.bse,
        "withheld": results.withheld.str.split(":").str[0],
    }
).round(3)

# %% [markdown]
# If you want a smooth gate, say so with a ridge on its slopes, in nats. It costs likelihood, and
# the fit is then about the penalised law:

# %%
rows = {}
for penalty in (None, 0.01, 0.1, 1.0):
    fit = GaussianMoE(2, gate_penalty=penalty, n_init=3, random_state=0).fit(E, nox)
    gate = fit.params_.gate
    rows[f"gate_penalty={penalty}"] = {
        "log-likelihood": fit.loglik_,
        "switches at E": -(gate.intercept[0] / gate.coef[0, 0]),
        "separates": fit.certificate_.separation.found,
    }
pd.DataFrame(rows).T

# %% [markdown]
# ## A fit on a bound
#
# The parameter space is a box, wide by default (1000 standard deviations). A fit that ends on its
# wall would go on if it could. Here is a wall that is too near:

# %%
narrow = GaussianMoE(2, bounds={"gate": 5.0}, n_init=3, random_state=0).fit(E, nox)
print("\n".join(narrow.certificate_.summary().splitlines()[5:]))

# %% [markdown]
# On a bound, the multiplier must push outwards for the certificate to hold, and it does. The
# message says what the wall costs. Widen it, unless it is there for a reason.
#
# ## Directions in which nothing changes
#
# The same column in two units: only sums of coefficients are determined. The fit is fine, single
# coefficients are not, and the certificate names them.

# %%
doubled = ethanol.assign(percent=100.0 * ethanol["E"])
twice = GaussianMoE(2, gate_features=["E"], n_init=3, random_state=0)
twice.fit(doubled[["E", "percent"]], nox)
certificate = twice.certificate_
print(certificate.n_null, "null directions in:", ", ".join(certificate.null_blocks))
print(certificate.findings)

# %% [markdown]
# ## More experts than there are
#
# Nothing in a certificate says that three experts are too many: an over-specified fit can have a
# perfectly regular maximum. What fails is the normal theory behind standard errors. So `results`
# compares with the best merger of two experts and withholds what does not exist:

# %%
npreg = load_npreg()
three = GaussianMoE(3, degree=2, gate_features=[], n_init=5, random_state=0)
three.fit(npreg[["x"]], npreg["yn"])
three_results = three.results(npreg[["x"]], npreg["yn"])
print("certified:", three.converged_)
print(three_results.withheld[three_results.withheld != ""].iloc[0])

# %% [markdown]
# `diagnose` asks the question in general: which parameters does a law determine at all, whatever
# the number of rows? Two experts for data of one line have twice the true number, and then there is
# an exact family of gates that all give the same law:

# %%
rng = np.random.default_rng(0)
x_line = rng.uniform(-1.0, 1.0, size=(300, 1))
y_line = 1.0 + 2.0 * x_line[:, 0] + 0.5 * rng.normal(size=300)
pair = GaussianMoE(2, n_init=3, random_state=0).fit(x_line, y_line)
diagnosis = diagnose(pair.model_, pair.params_, (x_line, y_line), k_true=1)
print(diagnosis.findings[0].message)

# %% [markdown]
# ## In short
#
# | the certificate says | it means | what to do |
# |---|---|---|
# | certified: NO, a gain remains | the climb was cut short | `solver="auto"`, more `max_iter` |
# | found once, or few times | other maxima may be higher | more starts: `n_init=` |
# | a tiny scale, or a thin expert | a spike, maybe | `use_optimum`, `bounds={"scale": ...}` |
# | the gate separates | a step; no finite coefficients | read the step, or `gate_penalty=` |
# | on a bound | the box decides | widen `bounds=` |
# | null directions | single coefficients are arbitrary | drop a column; use predictions |
# | all is well, but K is in doubt | nothing | `ModelSelector`, `results.test_n_experts()` |
