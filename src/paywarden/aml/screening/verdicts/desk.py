"""Giving verdicts, ending them, and asking what holds for a party and an entry.

Guards: what is asked in the payment path is in memory and a look at one dictionary; what is given
is durable, and in the audit log, before it counts. A later verdict on the same party and entry
takes the earlier one's place. A verdict counts for the scope (tenant, environment) it was given in.
Not done here: who may give one (`identity`), which decision it rests on (`decision`).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Final, Literal

from paywarden.aml.screening.serving.messages import AskedParty, Found
from paywarden.aml.screening.serving.remembering import digest_of
from paywarden.aml.screening.verdicts.model import LONGEST_US, MOST_REASON, Verdict, Word
from paywarden.aml.screening.verdicts.ports import VerdictStore
from paywarden.core.clock import Clock, Randomness
from paywarden.core.errors import Conflict, InvalidRequest, NotFound
from paywarden.core.scope import Scope
from paywarden.core.secret import Secret
from paywarden.kit.audit import AuditEvent, AuditLog, AuditOutcome, Scalar
from paywarden.kit.db.unit import UnitOfWork
from paywarden.kit.db.writer import Writer

MOST_VERDICTS: Final = 1_000_000
_Key = tuple[Scope, str, str]


class VerdictDesk:
    """Verdicts of every scope over one store."""

    def __init__(
        self, store: VerdictStore, key: Secret[bytes], writer: Writer, audit: AuditLog,
        clock: Clock, randomness: Randomness,
    ) -> None:  # fmt: skip
        self._store = store
        self._key = key
        self._writer = writer
        self._audit = audit
        self._clock = clock
        self._randomness = randomness
        self._living: dict[_Key, Verdict] = {}

    def load(self) -> None:
        """Take what is kept into memory; blocking."""
        ranked = sorted(self._store.living(self._clock.now_us()), key=lambda one: one.decided_at_us)
        self._living = {(one.scope, one.party_key, one.entry): one for one in ranked}

    def word(
        self, scope: Scope, party: AskedParty, found: Found
    ) -> tuple[Literal["", "different", "same"], str, str]:
        """What holds now of a party and an entry, the verdict's id, and the party's key."""
        key = self.party_key(party, found)
        one = self._living.get((scope, key, found.entry))
        if one is None or not one.holds(self._clock.now_us(), found.content_hash):
            return "", "", key
        return one.word, one.id, key

    def party_key(self, party: AskedParty, found: Found) -> str:
        """The keyed digest under which a party stands; of free text, the words that were found."""
        if party.free_text:
            party = AskedParty(found.asked.casefold(), free_text=True)
        return digest_of(self._key, party).hex()

    async def give(
        self, scope: Scope, party_key: str, role: str, found: Found, word: Word, *, person: str,
        reason: str, decision_seq: int, expires_at_us: int | None,
    ) -> Verdict:  # fmt: skip
        """Give a verdict; durable when this returns.

        Errors: InvalidRequest `verdict_unexplained`, `verdict_expiry`; Conflict `verdicts_full`.
        """
        now = self._clock.now_us()
        _check(word, reason, expires_at_us, now)
        if len(self._living) >= MOST_VERDICTS:
            raise Conflict("verdicts_full", "too many verdicts stand; end some that are not needed")
        verdict = Verdict(
            "sv_" + self._randomness.octets(16).hex(), scope, party_key, role,
            found.entry, found.source, found.content_hash, word, person, reason[:MOST_REASON],
            decision_seq, now, expires_at_us,
        )  # fmt: skip
        unit = UnitOfWork()
        self._store.add(unit, verdict)
        self._note(unit, verdict, f"give_{word}", person, now)
        await self._writer.commit(unit)
        self._living[(scope, verdict.party_key, verdict.entry)] = verdict
        return verdict

    async def end(self, scope: Scope, verdict_id: str, person: str) -> Verdict:
        """End a verdict. Errors: NotFound `verdict_unknown`; Conflict `verdict_ended`."""
        found = self._store.find(scope, verdict_id)
        if found is None:
            raise NotFound("verdict_unknown", "no such verdict for this tenant and environment")
        if found.ended_at_us is not None:
            raise Conflict("verdict_ended", "this verdict was ended before")
        now, unit = self._clock.now_us(), UnitOfWork()
        ended = dataclasses.replace(found, ended_at_us=now, ended_by=person)
        self._store.end(unit, ended)
        self._note(unit, ended, "end", person, now)
        await self._writer.commit(unit)
        key = (scope, ended.party_key, ended.entry)
        standing = self._living.get(key)
        if standing is not None and standing.id == ended.id:
            del self._living[key]
        return ended

    def page(self, scope: Scope, after: str, limit: int) -> Sequence[Verdict]:
        """Verdicts in order of id, ended and expired ones too."""
        return self._store.page(scope, after=after, limit=limit)

    def _note(self, unit: UnitOfWork, verdict: Verdict, act: str, person: str, now: int) -> None:
        detail: dict[str, Scalar] = {
            "verdict": verdict.id,
            "entry": verdict.entry,
            "list": verdict.source,
            "role": verdict.role,
            "seq": verdict.decision_seq,
        }
        action = f"screening:verdict:{act}"
        event = AuditEvent(verdict.scope, action, person, AuditOutcome.DONE, now, detail)
        self._audit.record(unit, event)


def _check(word: Word, reason: str, expires_at_us: int | None, now: int) -> None:
    if not reason.strip():
        raise InvalidRequest("verdict_unexplained", "say why", pointer="/reason")
    if expires_at_us is None:
        if word == "different":
            detail = "what sets hits aside has an end; give expires_at within 366 days"
            raise InvalidRequest("verdict_expiry", detail, pointer="/expires_at")
    elif not now < expires_at_us <= now + LONGEST_US:
        detail = "a verdict expires in the future, within 366 days"
        raise InvalidRequest("verdict_expiry", detail, pointer="/expires_at")
