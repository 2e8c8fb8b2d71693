"""Cards become tokens: checked, indexed, capped, looked up, sealed.

Guards, in this order: the card's own checks (no agent is asked about a number that is none), its
keyed index from the agent, the caps on distinct cards, the fingerprint by any living index version,
the merchant's token for this card and expiry, and only for a new one a data key and a record. A
multi-use token is stable: the same card and expiry of the same merchant gives the same token (as
people expect who save a card twice) unless it is asked `anew`; a single-use token is new each time.
The fingerprint is drawn at random once per scope and card; expiry is no part of it, so a renewed
card keeps it. During a rotation of the index key a card found by its old digest gets its new one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from paywarden.cde.card import BIN_DIGITS, CardRefusal, Cvv, Expiry, Pan
from paywarden.cde.keys.wire import CardIndex
from paywarden.cde.vault import tokens, wire
from paywarden.cde.vault.caps import Caps
from paywarden.cde.vault.checked_rows import CheckedRows
from paywarden.cde.vault.codes import SecurityCodes
from paywarden.cde.vault.facts import FactsSigner
from paywarden.cde.vault.group_frames import GroupFrames
from paywarden.cde.vault.groups import Act, Plan, Slot
from paywarden.cde.vault.model import IndexRow, Record, Sighting, WrappedKey, aad_of
from paywarden.cde.vault.ports import OriginOf, StableKey
from paywarden.core.clock import Randomness

REVISION = 1


@dataclass(frozen=True, slots=True)
class CheckedCard:
    """A card that passed its own checks."""

    pan: Pan
    expiry: Expiry
    cvv: Cvv | None
    form: wire.Form
    anew: bool

    @property
    def is_stable(self) -> bool:
        """Whether a token that the merchant has for it serves again."""
        return self.form != "ot" and not self.anew


@dataclass(frozen=True, slots=True)
class Workshop:
    """What tokenising needs."""

    rows: CheckedRows
    frames: GroupFrames
    caps: Caps
    codes: SecurityCodes
    signer: FactsSigner
    randomness: Randomness
    origin_of: OriginOf


def check_card(given: wire.CardGiven, now_us: int) -> CheckedCard | CardRefusal:
    """The card, or the first rule it breaks."""
    pan = Pan.of(given.pan)
    if isinstance(pan, CardRefusal):
        return pan
    expiry = Expiry.of(given.expiry, now_us)
    if isinstance(expiry, CardRefusal):
        return expiry
    cvv = None if given.cvv is None else Cvv.of(given.cvv)
    if isinstance(cvv, CardRefusal):
        return cvv
    return CheckedCard(pan, expiry, cvv, given.form, given.anew)


@dataclass(slots=True)
class Kept:
    """A card on its way: its index, then the record that answers it."""

    card: CheckedCard
    index: list[CardIndex] = field(default_factory=list)
    known: dict[tuple[str, int, bytes], str] = field(default_factory=dict)
    fingerprint: str = ""
    slot: Slot = field(default_factory=Slot)
    existing: bool = False


class TokeniseAct(Act):
    """One request's cards; the answers stand in their order."""

    def __init__(self, shop: Workshop, asked: wire.Tokenise) -> None:
        self._shop, self._asked = shop, asked
        self.weight = len(asked.cards)
        self._results: list[Kept | str] = []
        self._fresh: list[Kept] = []
        self._signing: asyncio.Task[list[wire.TokenMade]] | None = None

    async def prepare(self, plan: Plan) -> None:
        """Check every card; index those that pass."""
        for given in self._asked.cards:
            checked = check_card(given, plan.now_us)
            if isinstance(checked, CardRefusal):
                self._results.append(checked.value)
            else:
                self._results.append(Kept(checked))
        kept = self._kept
        if not kept:
            return
        scope = self._asked.scope
        indexes = await self._shop.frames.index_cards(
            scope, [one.card.pan.expose() for one in kept]
        )
        for one, index in zip(kept, indexes, strict=True):
            one.index = index
        wanted = [(scope, i.version, i.digest) for index in indexes for i in index]
        stored = await self._shop.rows.indexed(wanted)
        known = {(row.scope, row.version, row.digest): row.fingerprint for row in stored}
        for one in kept:
            one.known = known

    async def plan(self, plan: Plan) -> None:
        """Caps, fingerprints, and which cards need a new record."""
        for n, one in enumerate(self._results):
            refusal = self._capped(plan, one) if isinstance(one, Kept) else None
            if refusal:
                self._results[n] = refusal
        kept = self._kept
        for one in kept:
            self._fingerprint(plan, one)
        await self._reuse(plan, kept)

    async def finish(self, plan: Plan) -> None:
        """Seal new records, keep codes, begin to sign what will be answered."""
        if self._fresh:
            await self._records(plan)
        kept = self._kept
        for one in kept:
            self._keep_code(one)
        if kept:
            self._signing = asyncio.create_task(self._signed(kept))
            self._signing.add_done_callback(_looked_at)

    async def answer(self) -> wire.TokensMade:
        """What became of each card."""
        described = iter(await self._signing if self._signing else ())
        return wire.TokensMade(
            [
                wire.TokenRefused(one) if isinstance(one, str) else next(described)
                for one in self._results
            ]
        )

    @property
    def _kept(self) -> list[Kept]:
        return [one for one in self._results if isinstance(one, Kept)]

    async def _signed(self, kept: Sequence[Kept]) -> list[wire.TokenMade]:
        records = [one.slot.record for one in kept if one.slot.record is not None]
        return await self._shop.signer.describe(records, [one.existing for one in kept])

    def _capped(self, plan: Plan, one: Kept) -> str | None:
        card = one.card
        if card.cvv is not None and self._shop.codes.is_full:
            return "card_codes_full"
        # The oldest living version: its digest stays the same when a newer one comes up.
        sighting = Sighting(
            self._asked.scope, self._asked.caller, one.index[-1].digest,
            card.pan.expose()[:BIN_DIGITS].decode() + card.pan.last4, plan.now_us,
        )  # fmt: skip
        admitted = self._shop.caps.admit(sighting)
        if isinstance(admitted, str):
            return admitted
        if admitted:
            plan.group.sightings.append(sighting)
        return None

    def _fingerprint(self, plan: Plan, one: Kept) -> None:
        keys = [(self._asked.scope, i.version, i.digest) for i in one.index]
        known = [one.known.get(key) or plan.fingerprints.get(key) for key in keys]
        found = next((text for text in known if text), None)
        one.fingerprint = found or tokens.new_fingerprint(self._shop.randomness)
        for key, text in zip(keys, known, strict=True):
            if text is None:
                plan.fingerprints[key] = one.fingerprint
                plan.group.index.append(IndexRow(*key, one.fingerprint))

    async def _reuse(self, plan: Plan, kept: Sequence[Kept]) -> None:
        wanted = [self._stable_key(one) for one in kept if one.card.is_stable]
        stored = await self._shop.rows.stable(wanted) if wanted else {}
        for one in kept:
            key = self._stable_key(one)
            found = stored.get(key)
            slot = plan.stable.get(key)
            if slot is None and found is not None and found.record_id not in plan.gone:
                slot = Slot(found)
            if one.card.is_stable and slot is not None:
                one.slot, one.existing = slot, True
                continue
            self._fresh.append(one)
            if one.card.form != "ot":
                plan.stable[key] = one.slot

    def _stable_key(self, one: Kept) -> StableKey:
        asked, card = self._asked, one.card
        return StableKey(asked.scope, asked.merchant, one.fingerprint, card.expiry.text, card.form)

    async def _records(self, plan: Plan) -> None:
        scope, period = self._asked.scope, period_of(plan.now_us)
        names = [tokens.new_record_id(self._shop.randomness) for _ in self._fresh]
        keys = await self._shop.frames.new_data_keys(
            scope, period, [name.encode() for name in names]
        )
        for one, name, key in zip(self._fresh, names, keys, strict=True):
            sealed = self._sealed(one.card.pan, key.key.expose(), name)
            token = await self._token(plan, one.card)
            one.slot.record = self._record(plan, one, name, token, sealed)
            plan.group.records.append(one.slot.record)
            plan.group.keys.append(WrappedKey(name, scope, period, key.kek_version, key.wrapped))
            one.card.pan.wipe()

    def _sealed(self, pan: Pan, data_key: bytes, record_id: str) -> bytes:
        nonce = self._shop.randomness.octets(12)
        aad = aad_of(self._asked.scope, self._asked.merchant, record_id, REVISION)
        return nonce + AESGCM(data_key).encrypt(nonce, pan.expose(), aad)

    async def _token(self, plan: Plan, card: CheckedCard) -> str:
        """A token that nobody has; only the numeric form can meet another."""
        while True:
            token = tokens.new_token(
                card.form, self._asked.scope, card.pan.last4, len(card.pan), self._shop.randomness
            )
            if card.form != "numeric":
                return token
            taken = any(record.token == token for record in plan.group.records)
            if not taken and not await self._shop.rows.by_tokens([token]):
                return token

    def _record(self, plan: Plan, one: Kept, name: str, token: str, sealed: bytes) -> Record:
        card = one.card
        funding, country = self._shop.origin_of(card.pan.bin)
        ends = plan.now_us + tokens.SINGLE_USE_SECONDS * 1_000_000
        return Record(
            name, self._asked.scope, self._asked.merchant, token, card.form, one.fingerprint,
            card.pan.bin, card.pan.last4, card.pan.brand, card.expiry.text, funding, country,
            period_of(plan.now_us), sealed, REVISION, plan.now_us,
            ends if card.form == "ot" else None,
        )  # fmt: skip

    def _keep_code(self, one: Kept) -> None:
        if one.card.cvv is not None and one.slot.record is not None:
            self._shop.codes.keep(one.slot.record.record_id, one.card.cvv)
            one.card.cvv.wipe()


def period_of(now_us: int) -> str:
    """The month whose key wraps a data key made now."""
    return datetime.fromtimestamp(now_us // 1_000_000, UTC).strftime("%Y-%m")


def _looked_at(task: asyncio.Task[list[wire.TokenMade]]) -> None:
    """A group that failed asks for no answer: what went wrong with signing is told by it."""
    if not task.cancelled():
        task.exception()
