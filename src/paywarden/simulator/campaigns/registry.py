"""Registry: every module of this package that has a `CAMPAIGN` is one; no list to keep."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Collection

from paywarden.core.errors import InvalidRequest
from paywarden.simulator import campaigns
from paywarden.simulator.campaigns.model import Campaign


def discover() -> dict[str, Campaign]:
    """All campaigns by type, in alphabetical order."""
    found: dict[str, Campaign] = {}
    for entry in sorted(pkgutil.iter_modules(campaigns.__path__), key=lambda module: module.name):
        module = importlib.import_module(f"{campaigns.__name__}.{entry.name}")
        campaign: Campaign | None = getattr(module, "CAMPAIGN", None)
        if campaign is not None:
            if campaign.type in found:
                raise InvalidRequest("campaign_duplicate", f"two campaigns are {campaign.type}")
            found[campaign.type] = campaign
    return dict(sorted(found.items()))


def chosen(without: Collection[str], only: Collection[str] | None = None) -> dict[str, Campaign]:
    """The campaigns in `only` (None: all) but those in `without`.

    Both hold out whole types: train without some, judge with only those."""
    every = discover()
    unknown = sorted((set(without) | set(only or ())) - set(every))
    if unknown:
        raise InvalidRequest(
            "campaign_unknown", f"there is no such campaign; known are: {', '.join(every)}"
        )
    wanted = (set(every) if only is None else set(only)) - set(without)
    return {name: campaign for name, campaign in every.items() if name in wanted}
