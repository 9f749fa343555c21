"""Hypothesis tests of a parameter of interest: CLs, upper and two-sided limits, significances.

* :mod:`.hypotesting`, :mod:`.limits`, :mod:`.intervals`, :mod:`.significances`: what is asked.
* :mod:`.statistics`: the test statistics; :mod:`.asymptotics`: their distributions for large samples.
* :mod:`.profiles`: fits of one data set along the parameter; :mod:`.asymptotic_tests`: the two data sets of a
  test, the observed and the Asimov one.
* :mod:`.curves` and :mod:`.roots`: the search for where a test just excludes.
"""

from __future__ import annotations

from .hypotesting import hypotest
from .intervals import two_sided_limit
from .limits import upper_limit
from .significances import significance

__all__ = ["hypotest", "significance", "two_sided_limit", "upper_limit"]
