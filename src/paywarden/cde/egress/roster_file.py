"""The roster that egress pins: a file of its own, which no other process writes.

Guards: owned by this process' user or root, not a link, not writable by others; read at the start.
Whoever may write it decides who approves: it is handed over like a key (docs/operate/reveal.md).
Its form: `cde.roster_form`; what makes a file safe: `cde.pinned_file`.
"""

from __future__ import annotations

from pathlib import Path

from paywarden.cde.pinned_file import pinned_octets
from paywarden.cde.roster_form import LIMIT_OCTETS, roster_of
from paywarden.cde_client.roster import PinnedRoster, RelyingParty
from paywarden.core.errors import Unavailable


def load_roster(path: Path) -> PinnedRoster:
    """The roster; nobody may approve where there is no file. Errors: Unavailable."""
    if not path.exists():
        return PinnedRoster(RelyingParty("", frozenset()), {})
    try:
        return roster_of(pinned_octets(path, LIMIT_OCTETS, "roster_unsafe"))
    except ValueError:
        raise Unavailable("roster_unreadable", f"{path.name} is not a roster") from None
