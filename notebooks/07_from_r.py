# %% [markdown]
# # From R to mixexp, side by side
#
# R has several packages for mixtures of experts: flexmix, mixtools, meteorits, MoEClust and, for
# Gaussian gates, xLLiM. This notebook puts the calls beside each other, fits the same models to the
# same data, and compares the numbers. R is not needed to run it.
#
# The numbers of the R packages come from runs of flexmix 2.3-18, mixtools 2.0.0, meteorits
# 0.1.1.9000, MoEClust 1.6.0 and xLLiM 2.3 with 50 to 60 starts each. Log-likelihoods were
# recomputed from the parameters that each package returned, by one formula with all constants, so
# that they can be compared (`tests/reference` in the repository says how).

# %%
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from mixexp import BinomialMoE, GaussianMoE, GLoME, PoissonMoE
from mixexp.datasets import (
    load_ethanol,
    load_faithful,
    load_npreg,
    load_tonedata,
    load_tribolium,
)
from mixexp.plotting import plot_experts

# %% [markdown]
# ## Which call is which
#
# | R | mixexp |
# |---|---|
# | `flexmix(y ~ x, k = 2)` | `GaussianMoE.from_formula("y ~ x \| 1", data)` |
# | `... concomitant = FLXPmultinom(~ z)` | the formula `"y ~ x \| z"` |
# | `... FLXMRglm(family = "poisson")`, `"binomial"` | `PoissonMoE`, `BinomialMoE` |
# | `initFlexmix(..., nrep = 10)` | `n_init=10`, the default |
# | `initFlexmix(..., k = 1:5)`, `MoE_compare` | `ModelSelector(..., "bic")` |
# | `refit()`, `summary()` | `model.results().summary()` |
# | `mixtools::hmeEM(y, x, k = 2)` | the formula `"y ~ x"`, gate and experts in x |
# | `meteorits::emNMoE(X, Y, K, p = 1, q = 1)` | the same |
# | `MoE_clust(y, G = 2, gating = ~ z, expert = ~ x)` | the formula `"y ~ x \| z"` |
# | `xLLiM::gllim(t(y), t(X), in_K = 2)` | `GLoME(2).fit(X, y)` |
# | `posterior()`, `clusters()` | `model.responsibilities(...)` |

# %% [markdown]
# ## flexmix and MoEClust: NPreg
#
# The example of flexmix: two curves, constant weights.
#
# ```r
# flexmix(yn ~ x + I(x^2), data = NPreg, k = 2)
# MoE_clust(NPreg$yn, G = 2, expert = ~ x + I(x^2), network.data = NPreg)
# ```

# %%
npreg = load_npreg()
moe = GaussianMoE.from_formula("yn ~ x + I(x**2) | 1", npreg, n_experts=2, random_state=0).fit()
results = moe.results()
print(results.params.round(4).to_string())

# %%
# Coefficients of the two packages, experts in the order of their constants.
published = pd.DataFrame(
    {
        "flexmix": [-0.20851, 4.81651, 0.03628, 3.47567, 14.71791, 9.84581, -0.96827, 3.48023],
        "MoEClust": [-0.20857, 4.81449, 0.03654, 3.44441, 14.71291, 9.84844, -0.96853, 3.45093],
    },
    index=pd.MultiIndex.from_product([["line", "parabola"], ["const", "x", "x²", "sigma"]]),
)
expert = moe.params_.expert
ours = []
for k in np.argsort(expert.intercept):
    ours += [expert.intercept[k], *expert.coef[k], np.sqrt(expert.variance[k])]
published["mixexp"] = ours
published.round(4)

# %% [markdown]
# MoEClust and mixexp agree to the digits at which the former stops. flexmix's standard deviations
# are larger: its M-step multiplies the variances by $n/(n-p) = 200/197$, as in a single regression,
# so it is not quite maximum likelihood and ends 0.013 nats below:

# %%
pd.Series({"flexmix": -642.545166, "MoEClust": -642.532014, "mixexp": moe.loglik_}).round(6)

# %% [markdown]
# Standard errors: of the five packages, flexmix has them from a Hessian (`refit`) and mixtools from
# a bootstrap. The second column below is not a package's: it is the exact observed information,
# computed for the tests of mixexp by automatic differentiation in another program.

# %%
# Coefficients of the line, then of the parabola.
reference = [1.00921, 0.50961, 0.04976, 1.32377, 0.59159, 0.05526]
first = int(np.argmin(expert.intercept))
names = [
    name
    for k in (first, 1 - first)
    for name in results.params.index
    if name.startswith(f"mean[{k}]")
]
pd.DataFrame(
    {
        "coefficient": results.params[names],
        "standard error": results.bse[names],
        "independent": reference,
    }
).round(4)

# %% [markdown]
# ## mixtools and meteorits: tone perception
#
# ```r
# hmeEM(tonedata$tuned, tonedata$stretchratio, k = 2)                        # mixtools
# emNMoE(tonedata$stretchratio, tonedata$tuned, K = 2, p = 1, q = 1)         # meteorits
# ```

# %%
tone = load_tonedata()
octave = GaussianMoE.from_formula("tuned ~ stretchratio", tone, n_experts=2, random_state=0).fit()
octave.optima_[["loglik", "certified", "shares", "scales"]].round(4)

# %%
pd.Series(
    {
        "mixtools, 1 of its 50 starts": 145.650315,
        "meteorits, all of 50 starts": 142.848014,
        "MoEClust, all of 50 starts": 142.848014,
        "flexmix, all of 50 starts": 142.838231,
        "mixexp, best": octave.optima_["loglik"][0],
        "mixexp, second": octave.optima_["loglik"][1],
    }
).round(6)

# %% [markdown]
# Both values are local maxima. Starts from clusterings all end in the lower one; the higher one has
# an expert with a standard deviation of 0.0045, and was found by the random scales of mixtools.
# mixexp lists both. Which one to use is a question about the data and not about the software: the
# ratios are rounded to three decimals, and a line that fits to 0.0045 may be rounding rather than
# music. The figure shows the two.

# %%
figure, axes = plt.subplots(1, 2, figsize=(9, 3.4), sharey=True, layout="constrained")
for index, ax in enumerate(axes):
    octave.use_optimum(index)
    plot_experts(octave, tone, ax=ax)
    ax.set_title(f"optimum {index}: {octave.loglik_:.2f} nats", pad=20)
plt.show()

# %% [markdown]
# ## Gates that run off to infinity: ethanol
#
# ```r
# flexmix(NOx ~ E + C10, data = ethanol, k = 2, concomitant = FLXPmultinom(~ E))
# MoE_clust(ethanol$NOx, G = 2, gating = ~ E, expert = ~ E + C10, network.data = ethanol)
# ```
#
# (C10 is the compression ratio divided by ten.) The two branches of the curve do not overlap, so
# the likelihood rises for ever as the gate becomes a step. Where a package stops depends on its
# stopping rule, and its gate coefficients mean nothing:

# %%
ethanol = load_ethanol()
ethanol["C10"] = ethanol["C"] / 10.0
engine = GaussianMoE.from_formula("NOx ~ E + C10 | E", ethanol, n_experts=2, random_state=0).fit()
slope = float(np.abs(engine.params_.gate.coef[:, 0]).max())
pd.DataFrame(
    {
        "log-likelihood": [-4.711059, -3.870537, engine.loglik_],
        "slope of the gate": ["78", "154", f"above {10 ** int(np.log10(slope))}"],
    },
    index=["flexmix", "MoEClust", "mixexp"],
).round(3)

# %%
print(engine.certificate_.separation.message)

# %% [markdown]
# The supremum is −3.44212, found independently. `gate_penalty=` gives finite coefficients if a
# smooth gate is wanted.
#
# ## Counts: flexmix with Poisson and binomial experts
#
# ```r
# flexmix(yp ~ x, data = NPreg, k = 2, model = FLXMRglm(family = "poisson"),
#         concomitant = FLXPmultinom(~ x))
# flexmix(cbind(Remaining, Total - Remaining) ~ Species, data = tribolium, k = 2,
#         model = FLXMRglm(family = "binomial"), concomitant = FLXPmultinom(~ Replicate))
# ```

# %%
poisson = PoissonMoE(2, random_state=0).fit(npreg[["x"]], npreg["yp"])
beetles = load_tribolium()
binomial = BinomialMoE(
    2,
    expert_features=["confusum", "madens"],
    gate_features=["replicate2", "replicate3"],
    random_state=0,
).fit(beetles.drop(columns=["remaining", "total"]), beetles["remaining"], trials=beetles["total"])
pd.DataFrame(
    {
        "flexmix": [-440.551290, -77.571145],
        "mixexp": [poisson.loglik_, binomial.loglik_],
        "certified": [poisson.converged_, binomial.converged_],
        "gate separates": [
            poisson.certificate_.separation.found,
            binomial.certificate_.separation.found,
        ],
    },
    index=["NPreg, Poisson", "tribolium, binomial"],
).round(6)

# %% [markdown]
# ## xLLiM: Gaussian gates
#
# ```r
# gllim(t(faithful$eruptions), t(faithful$waiting), in_K = 2, cstr = list(Sigma = ""))
# ```
#
# The joint law of (x, y), parametrised by x given y; as in xLLiM, y is the variable of the gate,
# here the length of an eruption. xLLiM stops when a step gains less than a thousandth of the total
# gain, here 0.0015 nats early; restarted, it reaches the same value. Its equal covariances
# (`Sigma = "*"`) were averaged with the wrong weights: −994.4 on the iris data instead of −244.7.

# %%
faithful = load_faithful()
gaussian = GLoME(2, random_state=0).fit(faithful[["waiting"]], faithful["eruptions"])
pd.Series(
    {
        "xLLiM, first stop": -1130.265481,
        "xLLiM, restarted": -1130.263960,
        "mixexp": gaussian.joint_loglik_,
    }
).round(6)

# %% [markdown]
# ## What else differs
#
# - **What is called convergence.** A small change of the log-likelihood in R; a certificate here:
#   remaining gain, curvature, bounds, separation, how often the best optimum was found.
# - **meteorits** reports the log-likelihood before the last M-step, with a ridge term (up to 0.011
#   nats away from that of the parameters it returns), and criteria with the opposite sign, divided
#   by two. Its t experts update the degrees of freedom of the first expert only. mixexp has no t or
#   skew experts.
# - **mixtools**' `hmeEM` has two experts and uses the first covariate in the gate; where the gate
#   separates, its Newton steps do not end.
# - **What R has and mixexp has not**: random effects and penalised experts (flexmix), noise
#   components and 14 covariance structures (MoEClust), t, skew-normal and skew-t experts
#   (meteorits).
#
# These are findings about the versions named at the top; later ones may differ.
