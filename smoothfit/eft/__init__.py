"""Effective-field-theory morphing: a prediction quadratic in Wilson coefficients.

* :class:`Dim6EFTMorphing`: the factors of basis templates, for ``process.scale_by_fn``.
* :func:`propose_basis`, :func:`choose_basis`, :func:`condition_number`: which points to simulate.
* :func:`templates_from_events`: weighted events to templates with their covariance.
* :class:`Quadratic`, by :func:`fit_quadratic` or :func:`from_quadratic`: coefficients of each bin.
* :func:`from_combine`, :func:`from_eft2obs`: coefficients in the formats of these two programs.

With H(c) = sum_k f_k(c) T_k over M = 1 + n + n(n+1)/2 basis templates T_k = H(c_k), the monomials
w(c) = (1, c_1 .. c_n, c_1 c_1, c_1 c_2 .. c_n c_n) and W_kl = w_l(c_k), f(c) = W^-T w(c). At a basis
point f is a unit vector.
"""

from __future__ import annotations

from .basis import choose_basis, condition_number, propose_basis
from .events import EventTemplates, templates_from_events
from .formats import CombineScaling, from_combine, from_eft2obs
from .monomials import monomial_names, monomials, n_monomials
from .morphing import Dim6EFTMorphing
from .quadratic import NegativeBin, Quadratic, fit_quadratic, from_quadratic

__all__ = [
    "CombineScaling",
    "Dim6EFTMorphing",
    "EventTemplates",
    "NegativeBin",
    "Quadratic",
    "choose_basis",
    "condition_number",
    "fit_quadratic",
    "from_combine",
    "from_eft2obs",
    "from_quadratic",
    "monomial_names",
    "monomials",
    "n_monomials",
    "propose_basis",
    "templates_from_events",
]
