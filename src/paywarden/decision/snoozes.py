"""Snoozes: a rule keeps quiet for one payer, card, device or merchant, for a limited time.

Guards: a snooze is an entry of a list that only this module names, so it is logged, sealed like any
personal value, expires by itself, is replayed, and shows in the list's history; nothing else can
hold a rule back. Hard rules are never snoozed (`conduct.awake`). The list's name holds a digest of
the rule's id: ids are longer than names may be. Pure.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Mapping
from typing import Final

from paywarden.core.errors import NotPermitted
from paywarden.risk.lists.model import ListKind

PREFIX: Final = "snooze_"
MAX_HOURS: Final = 90 * 24
PATHS: Final[Mapping[ListKind, str]] = {
    ListKind.PAYER: "payer.id",
    ListKind.CARD: "card.fingerprint",
    ListKind.DEVICE: "device.id",
    ListKind.MERCHANT: "merchant.id",
}
"""Field that names the entity of each kind for which rules can be snoozed."""


@functools.lru_cache(100_000)
def list_of(rule: str, kind: ListKind) -> str:
    """Name of the list that holds the snoozes of a rule for one kind of entity."""
    return f"{PREFIX}{kind.value}_{hashlib.sha256(rule.encode()).hexdigest()[:24]}"


def refuse_reserved(name: str) -> None:
    """NotPermitted for a list that holds snoozes: it is edited by snoozing alone."""
    if name.startswith(PREFIX):
        raise NotPermitted("list_reserved", "lists of this name hold snoozes; snooze the rule")
