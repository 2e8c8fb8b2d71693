"""From the fields of an event to its observation: keys, stored values, counted time.

Guards: the one place that decides which entity a field names, so live decisions, files and replay
count the same things. Times follow RULES.md, "Clock" and "Late events"; see `Ticker`.
Not done here: canonical forms (`paywarden.reference.canonical`, through enrichment), digests of
unknown key material (`digests.py` holds the key).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from paywarden.core.instants import MICROSECONDS, MINUTE_US
from paywarden.risk.features.catalogue import (
    EVENT_FIELDS,
    KEY_KINDS,
    OBSERVED,
    OBSERVED_INDEX,
)
from paywarden.risk.features.flows import DIGEST_KIND, sides
from paywarden.risk.features.observation import Observation, ObservedValue

LATENESS_US = 15 * MINUTE_US
EARLINESS_US = 5 * MICROSECONDS

KEY_PATHS: Mapping[str, str] = {
    "card": "card.fingerprint",
    "payer": "payer.id",
    "payee": "payee.id",
    "account": "payee.account",
    "device": "device.id",
    "ip": "ip.address",
    "ip_prefix": "ip.prefix",
    "email": "email.canonical",
    "email_domain": "email.domain",
    "phone": "phone.canonical",
    "merchant": "merchant.id",
    "bin": "card.bin",
    "shipping_address": "shipping_address.key",
}
"""Which field names the entity of each key kind. `phone.canonical` and `shipping_address.key` are
not in the catalogue: they exist only to be digested."""

_KEY_PATHS = tuple(KEY_PATHS[kind] for kind in KEY_KINDS)
_KIND_OF_PATH = {path: kind for kind, path in KEY_PATHS.items()}
_HASHED = tuple(
    (position, field.path) for position, field in enumerate(OBSERVED) if field.storage == "hash"
)
_DIGESTED = {path: kind for kind, path in KEY_PATHS.items()} | {
    path: _KIND_OF_PATH.get(path, path) for _position, path in _HASHED
}
_PATHS = tuple(field.path for field in OBSERVED)
_KIND = OBSERVED_INDEX["event.kind"]
_OWN = tuple(p for p, field in enumerate(OBSERVED) if field.path in EVENT_FIELDS)
Digest = Callable[[str, str], int]


class Ticker:
    """The decision clock of one scope: t never steps back, s says when an event counts."""

    __slots__ = ("t_us",)

    def __init__(self, t_us: int = 0) -> None:
        self.t_us = t_us

    def live(self, occurred_us: int, received_us: int) -> tuple[int, int, bool]:
        """(t, s, late) of a live event. Beyond the lateness bound it counts at its receipt.

        t = max(previous t, s), so the present event always lies inside its own windows.
        """
        late = occurred_us < received_us - LATENESS_US
        if late:
            counted = received_us
        else:
            counted = min(occurred_us, received_us + EARLINESS_US)
        self.t_us = max(self.t_us, counted)
        if counted < self.t_us - LATENESS_US:
            counted, late = self.t_us, True
        return self.t_us, counted, late

    def recorded(self, occurred_us: int) -> tuple[int, int, bool]:
        """(t, s, late) in files, tests and simulation: occurred_at is taken as it is."""
        self.t_us = max(self.t_us, occurred_us)
        if occurred_us < self.t_us - LATENESS_US:
            return self.t_us, self.t_us, True
        return self.t_us, occurred_us, False


def observe_fields(
    fields: Mapping[str, Any],
    digest: Digest,
    *,
    seq: int,
    t_us: int,
    s_us: int,
    identity: int,
) -> Observation:
    """Observation of a payment (no `event.kind` given) or account event from all its fields."""
    get = fields.get
    digests = {
        path: digest(kind, fields[path]) for path, kind in _DIGESTED.items() if path in fields
    }
    keys = [digests.get(path, 0) for path in _KEY_PATHS]
    values: list[ObservedValue] = list(map(get, _PATHS))
    if values[_KIND] is None:
        values[_KIND] = "payment"
    for position, path in _HASHED:
        values[position] = digests.get(path, 0)
    payer, payee = (digest(DIGEST_KIND, name) if name else 0 for name in sides(fields))
    return Observation(seq, t_us, s_us, tuple(keys), tuple(values), identity, 0, payer, payee)


def inherit(
    attempt: Observation,
    own: Mapping[str, Any],
    *,
    seq: int,
    t_us: int,
    s_us: int,
    retracts: int = 0,
) -> Observation:
    """Observation of a result, label or challenge: the attempt's keys and fields, its own words."""
    values = list(attempt.values)
    for position in _OWN:
        values[position] = own.get(OBSERVED[position].path)
    return Observation(
        seq, t_us, s_us, attempt.keys, tuple(values), attempt.identity, retracts,
        attempt.flow_from, attempt.flow_to,
    )  # fmt: skip
