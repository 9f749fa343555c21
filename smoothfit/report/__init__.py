"""One page of a fit: a single HTML file with tables, pictures and the numbers to download, no network.

* :func:`write_report` writes it; ``result.report(path)`` and ``smoothfit report FILE`` call it.
* :func:`report_page` is its text.

What a page shows is in :class:`.contents.Contents`, made of records; blinding is honoured before anything
is turned into text (:mod:`.hiding`).
"""

from __future__ import annotations

from .contents import SECTIONS
from .writing import report_page, write_report

__all__ = ["SECTIONS", "report_page", "write_report"]
