"""Parties that payments spoke of, read from the log in its order; nothing else is kept of them.

Guards: names are opened under their people's keys, one page at a time, and dropped again; who was
erased cannot be opened and is left out, so no second list of people exists that could outlive them.
A party is named by its place: sequence of the payment and number within it, so that re-screening
goes on where it stopped. Remittance texts are left out: they speak of payments, not of parties.
Blocking: for threads.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from paywarden.aml.screening.serving.messages import AskedParty
from paywarden.aml.screening.serving.parties import parties_of
from paywarden.core.scope import Scope
from paywarden.decision import entries
from paywarden.decision.entries import ImportedEntry, PaymentEntry
from paywarden.decision.sealing import Sealer
from paywarden.kit.journal.ports import Journal

ENTRIES_AT_ONCE: Final = 500
_KINDS: Final = frozenset({entries.PAYMENT, entries.IMPORTED})


@dataclass(frozen=True, slots=True)
class KnownParty:
    """A party of a payment: its place `id`, role, and the fields that it came with."""

    id: str
    seq: int
    role: str
    asked: AskedParty
    fields: Mapping[str, Any]
    payment_id: str
    at_us: int


class KnownParties:
    """Parties of one scope up to a sequence of the log."""

    def __init__(self, journal: Journal, sealer: Sealer, scope: Scope, up_to_seq: int) -> None:
        self._journal = journal
        self._sealer = sealer
        self._scope = scope
        self._up_to = up_to_seq

    def after(self, party_id: str, limit: int) -> Sequence[KnownParty]:
        """At most `limit` parties behind that place, in order."""
        found: list[KnownParty] = []
        seq = int(party_id.partition("-")[0]) if party_id else 1
        while len(found) < limit and seq <= self._up_to:
            page = list(self._journal.read(self._scope, seq, ENTRIES_AT_ONCE))
            for entry in page:
                if entry.seq > self._up_to:
                    return found
                if entry.kind in _KINDS:
                    own = self._parties(entries.decode(entry.kind, entry.body), entry.seq)
                    found += [one for one in own if one.id > party_id]
                if len(found) >= limit:
                    return found[:limit]
            if len(page) < ENTRIES_AT_ONCE:
                return found
            seq = page[-1].seq + 1
        return found

    def _parties(self, body: PaymentEntry | ImportedEntry, seq: int) -> Iterator[KnownParty]:
        fields, _erased = self._sealer.open(self._scope, seq, body.clear, body.sealed)
        parties = ((role, one) for role, one in parties_of(fields) if not one.free_text)
        for number, (role, asked) in enumerate(parties):
            place = f"{seq:016d}-{number}"
            yield KnownParty(
                place, seq, role, asked, fields, body.payment_id, body.observation.t_us
            )
