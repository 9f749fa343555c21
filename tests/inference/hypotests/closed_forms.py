"""Models of which everything asked of a test has a closed form, or a short numpy transcription."""

from __future__ import annotations

import numpy as np
from scipy.optimize import brentq
from scipy.stats import norm

from smoothfit.model import Model, Process, Variable

# -- one Gaussian number: n = S mu + B, with an error ----------------------------------------

S, B, SIGMA = 10.0, 40.0, 5.0
"""Signal, background, and the error of the count: that of mu is SIGMA / S."""
ERROR = SIGMA / S


def gaussian(lower=None, upper=None):
    """n = S mu + B with a Gaussian error: the estimate of mu is Gaussian, exactly."""
    mu = Variable("mu", 0.5, lower_bound=lower, upper_bound=upper)
    model = Model().add_proc(Process("sig", [S]).scale_by(mu)).add_proc(Process("bkg", [B]))
    return model.set_data_term("gaussian", [SIGMA**2]).prepare()


def count_for(best):
    """The count whose best fit is ``best``."""
    return [S * best + B]


def gaussian_limit(best, alpha, rule="cls", n_sigma=None):
    """The upper limit of a Gaussian estimate, one-sided (arXiv:1007.1727, eqs. for sigma constant)."""
    at = best if n_sigma is None else n_sigma * ERROR
    content = norm.cdf(at / ERROR) if rule == "cls" else 1.0
    return at + ERROR * norm.isf(alpha * content)


# -- counts with a sideband: n_on = mu s + b, n_off = tau b, b free ----------------------------------------

ON_S, TAU = 8.0, 2.5


def sideband(lower=0.0, upper=100.0):
    """Two bins, the background known from the second only."""
    mu, norm_ = Variable("mu", 1.0, lower_bound=lower, upper_bound=upper), Variable("b", 1.0, lower_bound=0.0)
    model = Model().add_proc(Process("sig", [ON_S, 0.0]).scale_by(mu))
    return model.add_proc(Process("bkg", [10.0, 10.0 * TAU]).scale_by(norm_)).prepare()


def _poisson(n, nu):
    """-log of the Poisson probability, without constants."""
    return nu - n * np.log(nu) if n > 0.0 else nu


def sideband_nll(mu, n_on, n_off):
    """The NLL minimised over b, by its quadratic equation."""
    s = mu * ON_S
    # d/db: 1 + TAU - n_on/(s + b) - n_off/b = 0.
    p = (1.0 + TAU) * s - n_on - n_off
    b = (-p + np.sqrt(p * p + 4.0 * (1.0 + TAU) * n_off * s)) / (2.0 * (1.0 + TAU))
    return _poisson(n_on, s + b) + _poisson(n_off, TAU * b), b


class SidebandTest:
    """The formulae of FORMULAS.md section 7, from that NLL alone."""

    def __init__(self, n_on, n_off):
        self.data = n_on, n_off
        b = sideband_nll(0.0, n_on, n_off)[1]
        self.asimov = b, TAU * b
        self.best = max(0.0, (n_on - n_off / TAU) / ON_S)

    def _q(self, mu, data, best):
        rise = sideband_nll(mu, *data)[0] - sideband_nll(best, *data)[0]
        return 2.0 * rise if mu > best else 0.0

    def roots(self, mu):
        """Of q and of q_A."""
        return np.sqrt(self._q(mu, self.data, self.best)), np.sqrt(self._q(mu, self.asimov, 0.0))

    def cls(self, mu):
        root, a = self.roots(mu)
        if root <= a:
            return norm.sf(root) / norm.cdf(a - root)
        return norm.sf((root**2 + a**2) / (2.0 * a)) / norm.sf((root**2 - a**2) / (2.0 * a))

    def expected_cls(self, mu, n):
        return norm.sf(self.roots(mu)[1] - n) / norm.cdf(n)

    def limit(self, alpha=0.05):
        return brentq(lambda mu: self.cls(mu) - alpha, self.best + 1e-3, 60.0, xtol=1e-12)

    def expected(self, n, alpha=0.05):
        return brentq(lambda mu: self.expected_cls(mu, n) - alpha, 1e-3, 60.0, xtol=1e-12)


def li_ma(n_on, n_off):
    """The significance of an excess over a sideband: T. Li, Y. Ma, ApJ 272 (1983) 317, eq. 17."""
    total = n_on + n_off
    on = n_on * np.log((1.0 + TAU) * n_on / total)
    off = n_off * np.log((1.0 + TAU) / TAU * n_off / total)
    return np.sqrt(2.0 * (on + off))
