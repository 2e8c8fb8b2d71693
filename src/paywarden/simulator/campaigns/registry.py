"""Registry: every module of this package that has a `CAMPAIGN` is one; no list to keep."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Collection, Iterator
from types import ModuleType

from paywarden.core.errors import InvalidRequest
from paywarden.simulator import campaigns
from paywarden.simulator.campaigns import laundering
from paywarden.simulator.campaigns.model import Campaign


def discover(*, aml: bool = False) -> dict[str, Campaign]:
    """All campaigns by type, in alphabetical order; with those of laundering where asked for."""
    found: dict[str, Campaign] = {}
    for package in (campaigns, laundering) if aml else (campaigns,):
        for campaign in _within(package):
            if campaign.type in found:
                raise InvalidRequest("campaign_duplicate", f"two campaigns are {campaign.type}")
            found[campaign.type] = campaign
    return dict(sorted(found.items()))


def _within(package: ModuleType) -> Iterator[Campaign]:
    for entry in pkgutil.iter_modules(package.__path__):
        module = importlib.import_module(f"{package.__name__}.{entry.name}")
        campaign: Campaign | None = getattr(module, "CAMPAIGN", None)
        if campaign is not None:
            yield campaign


def chosen(
    without: Collection[str], only: Collection[str] | None = None, *, aml: bool = False
) -> dict[str, Campaign]:
    """The campaigns in `only` (None: all) but those in `without`; `aml`: laundering too.

    Both hold out whole types: train without some, judge with only those."""
    every = discover(aml=aml)
    unknown = sorted((set(without) | set(only or ())) - set(every))
    if unknown:
        raise InvalidRequest(
            "campaign_unknown", f"there is no such campaign; known are: {', '.join(every)}"
        )
    wanted = (set(every) if only is None else set(only)) - set(without)
    return {name: campaign for name, campaign in every.items() if name in wanted}
