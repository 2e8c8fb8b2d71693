"""The agent's own roster of custodians: `<home>/cde/keys/roster.json`, pinned at a ceremony.

Guards: it comes from people and no process of the house can write it; a file that is not wholly
understood refuses to start. Its form: `cde.roster_form`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from paywarden.cde.roster_form import roster_of
from paywarden.cde_client.roster import PinnedRoster
from paywarden.core.errors import InvalidRequest, Unavailable

FILE: Final = "roster.json"


def read_roster(path: Path) -> PinnedRoster:
    """The roster. Errors: Unavailable `roster_missing`, InvalidRequest `roster_invalid`."""
    try:
        octets = path.read_bytes()
    except OSError as fault:
        raise Unavailable("roster_missing", f"no {path.name}: production needs one") from fault
    try:
        return roster_of(octets)
    except ValueError as fault:
        raise InvalidRequest("roster_invalid", f"{path.name}: {fault}", pointer=FILE) from fault
