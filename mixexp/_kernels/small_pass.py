"""Likelihood, score and information of many small problems in one call, without a loop above it.

A *job* is a problem and a point θ. The rows of problem m are ``starts[m]:starts[m + 1]``, n of
them, and everything about them lies in one piece of memory: ``features`` holds (T, n), ``products``
the products φ_j φ_l (j <= l) of the features, (T(T+1)/2, n), ``y`` the encoded responses (D, n).

``coordinates`` (1 + E, 4) describes the gate's predictor and the E local coordinates of the
experts: first feature, number of terms, where in θ the coefficients of the first expert begin, and
how far those of the next one are from there (0 if they are shared). The last expert's logit is 0.

``family``: 0 Gaussian (mean, log-variance), 1 classes, 2 counts, 3 successes, as in the kernels
:mod:`~mixexp._kernels.gaussian`, :mod:`~mixexp._kernels.multinomial`, :mod:`~mixexp._kernels.glm`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from mixexp._kernels.elementary import exp, log

CALLS = {"elementary": "03bff116a2b9"}

_MATH = {"contract", "nsz", "arcp"}
_LOG_2PI = float(np.log(2.0 * np.pi))
_CAP = 300.0

# Functions that only others of this file call: without what Python would need to call them.
_INNER: Any = {"nogil": True, "error_model": "numpy", "no_cpython_wrapper": True}


@njit(cache=True, nogil=True, error_model="numpy")
def pack(starts, table, responses, features, products, y):
    """Fill what the jobs read from the features (T, N) and the responses (D, N) of all rows."""
    at, after, of_y = 0, 0, 0
    for m in range(len(starts) - 1):
        start, stop = starts[m], starts[m + 1]
        n = stop - start
        for t in range(table.shape[0]):
            for i in range(n):
                features[at + i] = table[t, start + i]
            at += n
            for s in range(t, table.shape[0]):
                for i in range(n):
                    products[after + i] = table[t, start + i] * table[s, start + i]
                after += n
        for j in range(responses.shape[0]):
            for i in range(n):
                y[of_y + i] = responses[j, start + i]
            of_y += n


@njit(fastmath=_MATH, **_INNER)
def _normal(y, u, f, d, h):
    """f = log N(y; u_0, e^u_1), first derivatives d (2, n) and second h (3, n)."""
    constant = -0.5 * (_LOG_2PI + u[1, 0])
    precision = np.exp(-u[1, 0])
    for i in range(f.shape[0]):
        e = y[0, i] - u[0, i]
        scaled = e * precision
        half_square = 0.5 * scaled * e
        f[i] = constant - half_square
        d[0, i] = scaled
        d[1, i] = half_square - 0.5
        h[0, i] = -precision
        h[1, i] = -scaled
        h[2, i] = -half_square


@njit(fastmath=_MATH, **_INNER)
def _classes(y, u, f, d, h):
    """f = log p_y of the logits u (J - 1, n); nothing cancels, as in the kernels of classes."""
    n_free = u.shape[0]
    p = np.empty(n_free + 1)
    for i in range(f.shape[0]):
        code = int(y[0, i])
        top, last = 0.0, n_free
        for j in range(n_free):
            if u[j, i] > top:
                top, last = u[j, i], j
        rest = 0.0
        for j in range(n_free + 1):
            p[j] = exp((u[j, i] if j < n_free else 0.0) - top)
            if j != last:
                rest += p[j]
        f[i] = (u[code, i] if code < n_free else 0.0) - top - np.log1p(rest)
        for j in range(n_free + 1):
            p[j] /= 1.0 + rest
        row = 0
        for a in range(n_free):
            others = 0.0
            for b in range(n_free + 1):
                if b != a:
                    others += p[b]
            d[a, i] = others if code == a else -p[a]
            h[row, i] = -p[a] * others
            for b in range(a + 1, n_free):
                h[row + b - a, i] = p[a] * p[b]
            row += n_free - a


@njit(fastmath=_MATH, **_INNER)
def _counts(y, u, f, d, h):
    """f = y t - e^t - log y!, t = u + log exposure."""
    for i in range(f.shape[0]):
        t = u[0, i] + y[1, i]
        mean = np.exp(min(t, _CAP))
        f[i] = y[0, i] * t - mean - y[2, i]
        d[0, i] = y[0, i] - mean
        h[0, i] = -mean


@njit(fastmath=_MATH, **_INNER)
def _successes(y, u, f, d, h):
    """f = log C(m, s) + s log p + (m - s) log(1 - p), u the logit of p."""
    for i in range(f.shape[0]):
        logit, successes, trials = u[0, i], y[0, i], y[1, i]
        small = exp(-abs(logit))
        linear = successes * min(logit, 0.0) - (trials - successes) * max(logit, 0.0)
        f[i] = y[2, i] + (linear - trials * np.log1p(small))
        large = 1.0 / (1.0 + small)
        small *= large
        p, q = (large, small) if logit > 0.0 else (small, large)
        d[0, i] = successes * q - (trials - successes) * p
        h[0, i] = -trials * p * q


@njit(fastmath=_MATH, **_INNER)
def _predict(theta, phi, coordinates, u):
    """u (K, 1 + E, n) from the features ``phi`` (T, n); the last expert's logit is zero."""
    for k in range(u.shape[0]):
        for c in range(u.shape[1]):
            first, n_terms = coordinates[c, 0], coordinates[c, 1]
            base, stride = coordinates[c, 2], coordinates[c, 3]
            for i in range(u.shape[2]):
                u[k, c, i] = 0.0
            if c == 0 and k == u.shape[0] - 1:
                continue
            for t in range(n_terms):
                b = theta[base + k * stride + t]
                for i in range(u.shape[2]):
                    u[k, c, i] += b * phi[first + t, i]


@njit(fastmath=_MATH, **_INNER)
def _posterior(u, f, work, r, g):
    """r = softmax(a + f), g = softmax(a), work[0] = lse(a + f) - lse(a), a = u[:, 0]."""
    n_experts, n_rows = f.shape
    top_a, top_t, sum_a, sum_t = work[0], work[1], work[2], work[3]
    for i in range(n_rows):
        top_a[i] = u[0, 0, i]
        top_t[i] = u[0, 0, i] + f[0, i]
        sum_a[i] = 0.0
        sum_t[i] = 0.0
    for k in range(1, n_experts):
        for i in range(n_rows):
            t = u[k, 0, i] + f[k, i]
            top_a[i] = max(top_a[i], u[k, 0, i])
            top_t[i] = max(top_t[i], t)
    for i in range(n_rows):
        # -inf - (-inf) is nan: a row that every expert excludes is shifted by zero instead.
        top_t[i] = top_t[i] if top_t[i] != -np.inf else 0.0
    for k in range(n_experts):
        for i in range(n_rows):
            p = exp(u[k, 0, i] - top_a[i])
            q = exp(u[k, 0, i] + f[k, i] - top_t[i])
            g[k, i] = p
            r[k, i] = q
            sum_a[i] += p
            sum_t[i] += q
    for i in range(n_rows):
        top_a[i] = top_t[i] - top_a[i] + log(sum_t[i] / sum_a[i])
        sum_a[i] = 1.0 / sum_a[i]
        sum_t[i] = 1.0 / sum_t[i] if sum_t[i] > 0.0 else 0.0
    for k in range(n_experts):
        for i in range(n_rows):
            g[k, i] *= sum_a[i]
            q = r[k, i] * sum_t[i]
            r[k, i] = q if sum_t[i] > 0.0 else g[k, i]


@njit(fastmath=_MATH, **_INNER)
def _weights(w, r, g, d, h, louis, scores, pairs):
    """Weights of the gradient (K (1 + E), n) and of pairs of coordinates, in a triangle's order.

    With ``louis`` those of Louis' identity, without those of the expected complete likelihood.
    """
    n_experts, n_expert = d.shape[0], d.shape[1]
    n_pairs = (n_expert + 1) * (n_expert + 2) // 2
    for k in range(n_experts):
        own, row = k * (n_expert + 1), k * n_pairs
        for i in range(w.shape[0]):
            scores[own, i] = w[i] * (r[k, i] - g[k, i])
            pairs[row, i] = scores[own, i] if louis else -w[i] * g[k, i]
        for c in range(n_expert):
            for i in range(w.shape[0]):
                scores[own + 1 + c, i] = w[i] * r[k, i] * d[k, c, i]
                pairs[row + 1 + c, i] = scores[own + 1 + c, i] if louis else 0.0
        row += 1 + n_expert
        local = 0
        for a in range(n_expert):
            for b in range(a, n_expert):
                for i in range(w.shape[0]):
                    both = d[k, a, i] * d[k, b, i] if louis else 0.0
                    pairs[row + local, i] = w[i] * r[k, i] * (h[k, local, i] + both)
                local += 1


@njit(fastmath=_MATH, **_INNER)
def _rows(root, r, g, d, phi, coordinates, posterior, prior):
    """Mean scores under r, (P, n), and of the gate under g, (P_gate, n), times roots of weights."""
    n_experts, n_rows = r.shape
    for p in range(posterior.shape[0]):
        for i in range(n_rows):
            posterior[p, i] = 0.0
    for k in range(n_experts):
        for c in range(coordinates.shape[0]):
            first, n_terms = coordinates[c, 0], coordinates[c, 1]
            base, stride = coordinates[c, 2], coordinates[c, 3]
            if c == 0 and k == n_experts - 1:
                continue
            for t in range(n_terms):
                where = base + k * stride + t
                for i in range(n_rows):
                    mean = root[i] * r[k, i] * phi[first + t, i]
                    posterior[where, i] += mean if c == 0 else mean * d[k, c - 1, i]
                if c == 0:
                    for i in range(n_rows):
                        prior[where, i] = root[i] * g[k, i] * phi[first + t, i]


@njit(**_INNER)
def _assemble(slopes, moments, coordinates, n_experts, gradient, hessian):
    """Add sums of weights times features, and times products of features, to their places."""
    n_coordinates, n_features = coordinates.shape[0], slopes.shape[1]
    for k in range(n_experts):
        row = k * n_coordinates * (n_coordinates + 1) // 2
        for a in range(n_coordinates):
            first, n_terms = coordinates[a, 0], coordinates[a, 1]
            base, stride = coordinates[a, 2], coordinates[a, 3]
            here = base + k * stride
            pinned = a == 0 and k == n_experts - 1
            for t in range(0 if pinned else n_terms):
                gradient[here + t] += slopes[k * n_coordinates + a, first + t]
            for b in range(a, n_coordinates):
                first_b, n_b = coordinates[b, 0], coordinates[b, 1]
                there = coordinates[b, 2] + k * coordinates[b, 3]
                for t in range(0 if pinned else n_terms):
                    for s in range(t if a == b else 0, n_b):
                        low, high = min(first + t, first_b + s), max(first + t, first_b + s)
                        place = low * n_features - low * (low - 1) // 2 + high - low
                        hessian[here + t, there + s] += moments[row, place]
                row += 1
    for a in range(hessian.shape[0]):
        for b in range(a):
            hessian[a, b] = hessian[b, a]


@njit(**_INNER)
def _expectation(point, phi, y, w, family, coordinates, u, f, d, h, work, r, g):
    """The E-step of one problem; returns the log-likelihood."""
    _predict(point, phi, coordinates, u)
    for k in range(len(f)):
        if family == 0:
            _normal(y, u[k, 1:], f[k], d[k], h[k])
        elif family == 1:
            _classes(y, u[k, 1:], f[k], d[k], h[k])
        elif family == 2:
            _counts(y, u[k, 1:], f[k], d[k], h[k])
        else:
            _successes(y, u[k, 1:], f[k], d[k], h[k])
    _posterior(u, f, work, r, g)
    total = 0.0
    for i in range(len(w)):
        total += w[i] * work[0, i]
    return total


@njit(**_INNER)
def _cut(space, at, n_rows, n):
    """The next ``n_rows`` rows (n_rows, n) of the work space, and where the rest begins."""
    end = at + n_rows * n
    return space[at:end].reshape((n_rows, n)), end


@njit(**_INNER)
def _pull(penalty, theta, gradient):
    """Fill ``gradient`` with -Sθ, if there is memory for it; returns θᵀSθ."""
    total = 0.0
    for a in range(len(theta)):
        slope = 0.0
        for b in range(len(theta)):
            slope += penalty[a, b] * theta[b]
        total += theta[a] * slope
        if len(gradient):
            gradient[a] = -slope
    return total


@njit(cache=True, nogil=True, error_model="numpy")
def evaluate(
    jobs, problem, order, family, n_experts, coordinates, starts, features, products, y, weight,
    penalty, theta, value, mass, gradient, hessian,
):  # fmt: skip
    """Fill value (M,), mass (M, K), gradient (M, P) and hessian (M, P, P) of some jobs.

    Parameters
    ----------
    jobs : which of the M jobs
    problem : (M,) the problem of each job
    order : 0 the value ℓ - ½ θᵀSθ and the mass Σ w r alone; 1 also the score, without penalty, and
        the Hessian of the expected complete log-likelihood, without penalty; 2 also gradient and
        Hessian of the value
    penalty : S (P, P)
    theta : (M, P)
    """
    k, n_terms, n_free = n_experts, coordinates.shape[0], theta.shape[1]
    n_expert, n_gate, n_pairs = n_terms - 1, coordinates[1, 2], n_terms * (n_terms + 1) // 2
    n_local, n_all = n_pairs - n_terms, len(weight)
    n_features, n_products, n_y = len(features) // n_all, len(products) // n_all, len(y) // n_all
    most = 0
    for job in jobs:
        most = max(most, starts[problem[job] + 1] - starts[problem[job]])
    space = np.empty((5 + k * (3 + 3 * n_terms + 2 * n_pairs) + 2 * n_free) * most)
    for job in jobs:
        start, stop = starts[problem[job]], starts[problem[job] + 1]
        n, w, point = stop - start, weight[start:stop], theta[job]
        phi, _ = _cut(features, start * n_features, n_features, n)
        rows, _ = _cut(y, start * n_y, n_y, n)
        work, at = _cut(space, 0, 5, n)
        f, at = _cut(space, at, k, n)
        r, at = _cut(space, at, k, n)
        g, at = _cut(space, at, k, n)
        u, at = _cut(space, at, k * n_terms, n)
        d, at = _cut(space, at, k * n_expert, n)
        h, at = _cut(space, at, k * n_local, n)
        d, h = d.reshape((k, n_expert, n)), h.reshape((k, n_local, n))
        loglik = _expectation(
            point, phi, rows, w, family, coordinates, u.reshape((k, n_terms, n)), f, d, h,
            work, r, g,
        )  # fmt: skip
        value[job] = loglik - 0.5 * _pull(penalty, point, gradient[job])
        for e in range(k):
            mass[job, e] = 0.0
            for i in range(n):
                mass[job, e] += w[i] * r[e, i]
        if order == 0:
            continue
        root = work[4]
        for i in range(n):
            root[i] = np.sqrt(w[i])
        scores, at = _cut(space, at, k * n_terms, n)
        pairs, at = _cut(space, at, k * n_pairs, n)
        posterior, at = _cut(space, at, n_free, n)
        prior, at = _cut(space, at, n_gate, n)
        _weights(w, r, g, d, h, order > 1, scores, pairs)
        _rows(root, r, g, d, phi, coordinates, posterior, prior)
        products_of, _ = _cut(products, start * n_products, n_products, n)
        slopes, moments = np.dot(scores, phi.T), np.dot(pairs, products_of.T)
        of_gate, of_all = np.dot(prior, prior.T), np.dot(posterior, posterior.T)
        for a in range(n_free):
            gradient[job, a] *= 1.0 if order > 1 else 0.0
            for b in range(n_free):
                hessian[job, a, b] = -of_all[a, b] - penalty[a, b] if order > 1 else 0.0
                if a < n_gate and b < n_gate:
                    hessian[job, a, b] += of_gate[a, b]
        _assemble(slopes, moments, coordinates, k, gradient[job], hessian[job])
