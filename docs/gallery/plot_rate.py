"""
A theorem in a picture
======================

With one expert too many, the parameters of a mixture converge more slowly than the law does. This
is the committed study of the softmax gate with Gaussian experts, read from its table: certified
fits only, geometric means, slopes with their intervals, and the exponents that theory predicts as
dashed lines.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

import mixexp
from mixexp.simulation import Expectation, Quantity, report_rates

folder = Path(mixexp.__file__).parents[1] / "experiments" / "results" / "claims"
rows = pd.read_parquet(folder / "p0_over_one.parquet")
report = report_rates(
    rows[rows["arm"] == "search"],
    [
        Quantity("hellinger", "law (Hellinger distance)", Expectation(-1 / 2)),
        Quantity("pair_coef", "slopes of the split expert", Expectation(-1 / 4)),
        Quantity("pair_intercept", "its intercepts", Expectation(-1 / 8)),
    ],
)

figure, ax = plt.subplots(figsize=(7, 4.5), layout="constrained")
for rate in report.rates:
    n = np.array(list(rate.errors.by_size))
    means = [np.exp(np.mean(np.log(errors))) for errors in rate.errors.by_size.values()]
    slope = rate.slopes["mean_log"]
    label = f"{rate.quantity.label}: {slope.estimate:.2f} [{slope.low:.2f}, {slope.high:.2f}]"
    (line,) = ax.loglog(n, means, "o-", label=label)
    ax.loglog(
        n, means[0] * (n / n[0]) ** rate.quantity.expectation.slope, "--", color=line.get_color()
    )
ax.set(xlabel="rows n", ylabel="error (geometric mean)")
ax.legend(frameon=False, title="slope with 95 % interval", fontsize="small", loc="lower left")
