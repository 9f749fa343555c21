"""Several models as one: :func:`combine`.

Variables of one name are one parameter, processes of one name one process; everything else is kept apart.
What may not agree is checked, and said with both sides:

* :mod:`.parts`: a model that takes part, with the names that it gets.
* :mod:`.asked`: what is to be correlated.
* :mod:`.variables`: which parameters are one.
* :mod:`.pieces`: processes and channels, settings, correlations, terms of the likelihood.
* :mod:`.combining`: all of it put together.
"""

from __future__ import annotations

from .combining import combine

__all__ = ["combine"]
