"""
How many experts?
=================

Three criteria, each shown as what it lacks of its best value. AIC asks which model predicts well,
BIC which is the law, ICL which has groups that are well separated. Only honest maxima can be
compared.
"""

import matplotlib.pyplot as plt

from mixexp import GaussianMoE, ModelSelector
from mixexp.datasets import load_faithful

faithful = load_faithful()
X, y = faithful[["eruptions"]], faithful["waiting"]
moe = GaussianMoE(n_init=2, random_state=0)
selector = ModelSelector(moe, {"n_experts": [1, 2, 3]}, criterion="bic").fit(X, y)
table = selector.table_

figure, ax = plt.subplots(figsize=(7, 4), layout="constrained")
for name, marker in (("aic", "o"), ("bic", "s"), ("icl", "^")):
    ax.plot(table["n_experts"], table[name] - table[name].min(), marker=marker, label=name.upper())
ax.set(xlabel="number of experts", ylabel="above the best value", xticks=table["n_experts"])
ax.legend(frameon=False)

# %%
# The certificate of every fit is in the table.
print(table[["n_experts", "loglik", "bic", "icl", "certified", "flags"]].round(1))
