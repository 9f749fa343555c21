"""Campaigns: toys by the million, fitted block by block into a folder, on one machine or many.

- :mod:`.campaign`: :class:`Campaign`, what users call;
- :mod:`.settings`, :mod:`.manifest`: what was asked for, checked, and as ``campaign.json``;
- :mod:`.folder`, :mod:`.locking`, :mod:`.storage`, :mod:`.tables`: the files, one writer, a block as Parquet;
- :mod:`.making`: toys drawn and fitted, the same wherever that is done;
- :mod:`.recorder`: what comes back is checked, written and reported;
- :mod:`.tasks`, :mod:`.cluster`: the same on ``dask.distributed``;
- :mod:`.status`: how far a campaign is;
- :mod:`.kept`: the toys of tests, limits and goodness of fit in a folder.
"""

from __future__ import annotations

from .campaign import Campaign
from .kept import KeptToys, kept_toys
from .making import Toy
from .memory import fit_toys
from .status import CampaignStatus

__all__ = ["Campaign", "CampaignStatus", "KeptToys", "Toy", "fit_toys", "kept_toys"]
