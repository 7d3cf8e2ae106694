"""One function for each data set; all return a data frame with one row for each observation."""

from __future__ import annotations

import csv
from importlib.resources import files
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd


def _read(name: str) -> pd.DataFrame:
    """Read a table of the package; columns of whole numbers become integers."""
    import pandas as pd

    with files("mixexp.datasets").joinpath("data", f"{name}.csv").open(encoding="utf-8") as table:
        names, *rows = csv.reader(table)
    # Not by pandas' reader: its default may miss the nearest double by one unit in the last place.
    columns = [np.array(cells, dtype=np.float64) for cells in zip(*rows, strict=True)]
    whole = [column.astype(np.int64) if (column % 1 == 0).all() else column for column in columns]
    return pd.DataFrame(dict(zip(names, whole, strict=True)))


def load_ethanol() -> pd.DataFrame:
    """Exhaust of a one-cylinder test engine burning ethanol: 88 runs, 3 columns.

    Nitrogen oxides rise and fall with the equivalence ratio; the two branches respond differently
    to the compression ratio.

    Returns
    -------
    pandas.DataFrame
        - ``NOx``: nitric oxide and nitrogen dioxide in the exhaust per work done by the engine, in
          micrograms per joule;
        - ``C``: compression ratio of the engine, no unit (7.5 to 18, five levels);
        - ``E``: equivalence ratio, the richness of the air and ethanol mixture, no unit.

    Notes
    -----
    The table ``ethanol`` of the R package lattice (GPL-2 or later), as packaged by Debian.

    References
    ----------
    Brinkman, N. D. (1981). Ethanol fuel: a single-cylinder engine study of efficiency and exhaust
    emissions. SAE Transactions 90, paper 810345, 1410-1424.

    Examples
    --------
    >>> from mixexp.datasets import load_ethanol
    >>> load_ethanol().head(2)
         NOx     C      E
    0  3.741  12.0  0.907
    1  2.295  12.0  0.761
    """
    return _read("ethanol")


def load_faithful() -> pd.DataFrame:
    """Eruptions of the Old Faithful geyser, Yellowstone: 272 eruptions, 2 columns.

    Returns
    -------
    pandas.DataFrame
        - ``eruptions``: duration of the eruption, in minutes;
        - ``waiting``: time to the next eruption, in minutes (whole numbers).

    Notes
    -----
    The table ``faithful`` of R's package datasets (GPL-2 or GPL-3).

    References
    ----------
    Azzalini, A. and Bowman, A. W. (1990). A look at some data on the Old Faithful geyser. Applied
    Statistics 39, 357-365.
    Härdle, W. (1991). Smoothing Techniques with Implementation in S. Springer.

    Examples
    --------
    >>> from mixexp.datasets import load_faithful
    >>> load_faithful().head(2)
       eruptions  waiting
    0        3.6       79
    1        1.8       54
    """
    return _read("faithful")


def load_mcycle() -> pd.DataFrame:
    """Head acceleration in simulated motorcycle crashes that test helmets: 133 rows, 2 columns.

    The acceleration is flat before the impact, then falls, rebounds and settles; its spread
    changes with time. Several measurements share a time.

    Returns
    -------
    pandas.DataFrame
        - ``times``: time after the impact, in milliseconds;
        - ``accel``: acceleration of the head, in units of standard gravity.

    Notes
    -----
    The table ``mcycle`` of the R package MASS (GPL-2 or GPL-3).

    References
    ----------
    Silverman, B. W. (1985). Some aspects of the spline smoothing approach to non-parametric
    regression curve fitting. Journal of the Royal Statistical Society B 47, 1-52.

    Examples
    --------
    >>> from mixexp.datasets import load_mcycle
    >>> load_mcycle().head(2)
       times  accel
    0    2.4    0.0
    1    2.6   -1.3
    """
    return _read("mcycle")


def load_tonedata() -> pd.DataFrame:
    """Tuning an octave against stretched overtones: 150 trials of one musician, 2 columns.

    A fundamental tone was played with overtones stretched by a ratio; the musician tuned an
    adjustable tone to the octave above. Some trials follow the overtones (slope one), others keep
    to the true octave (slope zero).

    Returns
    -------
    pandas.DataFrame
        - ``stretchratio``: stretching ratio of the overtones, no unit (2 is the harmonic pattern);
        - ``tuned``: ratio of the tuned tone to the fundamental, no unit (2 is the octave).

    Notes
    -----
    The table ``tonedata`` of the R package mixtools (GPL-2 or later), as packaged by Debian.

    References
    ----------
    Cohen, E. A. (1980). Inharmonic Tone Perception. Ph.D. dissertation, Stanford University.
    De Veaux, R. D. (1989). Mixtures of linear regressions. Computational Statistics & Data
    Analysis 8, 227-245.

    Examples
    --------
    >>> from mixexp.datasets import load_tonedata
    >>> load_tonedata().head(2)
       stretchratio  tuned
    0          1.35  1.461
    1          1.40  1.407
    """
    return _read("tonedata")


def load_npreg() -> pd.DataFrame:
    """Artificial mixture of two regressions with three kinds of response: 200 rows, 5 columns.

    The normal response is linear in x in class 1 and quadratic in class 2.

    Returns
    -------
    pandas.DataFrame
        - ``x``: covariate, between 0 and 10;
        - ``yn``: normal response;
        - ``yp``: Poisson response, counts;
        - ``yb``: binary response, 0 or 1;
        - ``class``: class that generated the row, 1 or 2 (100 rows each). No part of a model: it
          serves to judge one.

    Notes
    -----
    The table ``NPreg`` of the R package flexmix (GPL-2 or later), as packaged by Debian, without
    its two grouping columns.

    References
    ----------
    Leisch, F. (2004). FlexMix: a general framework for finite mixture models and latent class
    regression in R. Journal of Statistical Software 11 (8).

    Examples
    --------
    >>> from mixexp.datasets import load_npreg
    >>> load_npreg()["class"].value_counts().to_dict()
    {1: 100, 2: 100}
    """
    return _read("npreg")


def load_pima() -> pd.DataFrame:
    """Diabetes among Pima women near Phoenix, Arizona: 532 women, 6 columns.

    Women of at least 21 years, tested by the criteria of the World Health Organization.

    Returns
    -------
    pandas.DataFrame
        - ``npreg``: number of pregnancies;
        - ``glu``: plasma glucose two hours into an oral glucose tolerance test, in milligrams per
          decilitre;
        - ``bmi``: body mass index, in kilograms per square metre;
        - ``ped``: a score of diabetes among relatives, no unit;
        - ``age``: age, in years;
        - ``diabetes``: 1 for a woman with diabetes, else 0.

    Notes
    -----
    The training table (200 rows, first) and the test table (332 rows) of the R package MASS (GPL-2
    or GPL-3), without blood pressure and skin fold.

    References
    ----------
    Smith, J. W., Everhart, J. E., Dickson, W. C., Knowler, W. C. and Johannes, R. S. (1988). Using
    the ADAP learning algorithm to forecast the onset of diabetes mellitus. Proceedings of the
    Symposium on Computer Applications in Medical Care, 261-265.

    Examples
    --------
    >>> from mixexp.datasets import load_pima
    >>> load_pima().head(2)
       npreg  glu   bmi    ped  age  diabetes
    0      5   86  30.2  0.364   24         0
    1      7  195  25.1  0.163   55         1
    """
    return _read("pima")


def load_sim_k3_p3() -> pd.DataFrame:
    """Rows simulated from a softmax-gated Gaussian mixture of experts: 1000 rows, 5 columns.

    Three experts with linear means and scales of their own, three covariates that all enter the
    gate and the experts.

    Returns
    -------
    pandas.DataFrame
        - ``x1``, ``x2``, ``x3``: covariates, no unit;
        - ``y``: response, no unit;
        - ``expert``: expert that generated the row, 1 to 3. No part of a model: it serves to
          judge one.

    Notes
    -----
    Simulated for mixexp; under the licence of mixexp.

    Examples
    --------
    >>> from mixexp.datasets import load_sim_k3_p3
    >>> load_sim_k3_p3().head(2)
             x1        x2        x3         y  expert
    0  0.151529  1.069434 -0.705010 -2.147668       2
    1  0.395465 -1.329990  3.211247  7.605352       3
    """
    return _read("sim_k3_p3")


def load_tribolium() -> pd.DataFrame:
    """Eggs that flour beetles left uneaten: 27 counts out of 50, 6 columns.

    Adults of Tribolium castaneum were given 50 eggs each of three species, their own among them. If
    they avoid eating their own kind, more of those remain.

    Returns
    -------
    pandas.DataFrame
        - ``remaining``: eggs of the species that are left after two days;
        - ``total``: eggs of the species that were offered, always 50;
        - ``confusum``, ``madens``: 1 for the eggs of that species, else 0; both are 0 for the eggs
          of castaneum;
        - ``replicate2``, ``replicate3``: 1 for the second and the third occasion on which the
          experiment was made, else 0.

    Notes
    -----
    The table ``tribolium`` of the R package flexmix (GPL-2 or later), as packaged by Debian, with
    its two factors written as indicators.

    References
    ----------
    Wang, P. and Puterman, M. L. (1998). Mixed logistic regression models. Journal of Agricultural,
    Biological, and Environmental Statistics 3, 175-200.

    Examples
    --------
    >>> from mixexp.datasets import load_tribolium
    >>> load_tribolium().head(2)
       remaining  total  confusum  madens  replicate2  replicate3
    0         25     50         0       0           0           0
    1         26     50         0       0           0           0
    """
    return _read("tribolium")
