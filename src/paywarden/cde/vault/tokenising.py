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

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from paywarden.cde.card import BIN_DIGITS, CardRefusal, Cvv, Expiry, Pan
from paywarden.cde.frame_format import Refused
from paywarden.cde.keys.wire import CardIndex
from paywarden.cde.vault import tokens, wire
from paywarden.cde.vault.caps import Caps
from paywarden.cde.vault.codes import SecurityCodes
from paywarden.cde.vault.facts import FactsSigner
from paywarden.cde.vault.groups import Act, Plan
from paywarden.cde.vault.model import IndexRow, Record, Sighting, WrappedKey, aad_of
from paywarden.cde.vault.ports import CardKeys, OriginOf, StableKey, VaultStore
from paywarden.core.clock import Randomness
from paywarden.core.errors import Unavailable

REVISION = 1


@dataclass(frozen=True, slots=True)
class CheckedCard:
    """A card that passed its own checks."""

    pan: Pan
    expiry: Expiry
    cvv: Cvv | None
    form: wire.Form
    anew: bool


@dataclass(frozen=True, slots=True)
class Workshop:
    """What tokenising needs."""

    store: VaultStore
    agent: CardKeys
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


class TokeniseAct(Act):
    """One request's cards; the answers stand in their order."""

    def __init__(self, shop: Workshop, asked: wire.Tokenise) -> None:
        self._shop, self._asked = shop, asked
        self.weight = len(asked.cards)

    async def plan(self, plan: Plan) -> Callable[[], Awaitable[wire.TokensMade]]:
        """See `Act`."""
        checked = [check_card(given, plan.now_us) for given in self._asked.cards]
        cards = {n: card for n, card in enumerate(checked) if isinstance(card, CheckedCard)}
        results: list[wire.TokenAnswer | tuple[Record, bool]] = [
            wire.TokenRefused(card.value)
            if isinstance(card, CardRefusal)
            else wire.TokenRefused("card_refused")
            for card in checked
        ]
        if cards:
            await self._keep(plan, cards, results)
        for card in cards.values():
            card.pan.wipe()
        return lambda: self._answered(results)

    async def _keep(self, plan: Plan, cards: dict[int, CheckedCard], results: list[Any]) -> None:
        indexes = await self._indexes(cards)
        admitted = {}
        for n, card in cards.items():
            refusal = self._capped(plan, card, indexes[n])
            if refusal:
                results[n] = wire.TokenRefused(refusal)
            else:
                admitted[n] = card
        prints = await self._fingerprints(plan, {n: indexes[n] for n in admitted})
        fresh: dict[int, CheckedCard] = {}
        await self._reuse(plan, admitted, prints, results, fresh)
        for n, record in (await self._records(plan, fresh, prints)).items():
            results[n] = (record, False)
        for n, card in admitted.items():
            self._keep_code(card, results, n)

    async def _indexes(self, cards: dict[int, CheckedCard]) -> dict[int, list[CardIndex]]:
        answer = await self._shop.agent.index_cards(
            self._asked.scope, [card.pan.expose() for card in cards.values()]
        )
        if isinstance(answer, Refused):
            raise _refused(answer)
        return dict(zip(cards, answer, strict=True))

    def _capped(self, plan: Plan, card: CheckedCard, index: list[CardIndex]) -> str | None:
        if card.cvv is not None and self._shop.codes.is_full:
            return "card_codes_full"
        # The oldest living version: its digest stays the same when a newer one comes up.
        sighting = Sighting(
            self._asked.scope, self._asked.caller, index[-1].digest,
            card.pan.expose()[:BIN_DIGITS].decode() + card.pan.last4, plan.now_us,
        )  # fmt: skip
        admitted = self._shop.caps.admit(sighting)
        if isinstance(admitted, str):
            return admitted
        if admitted:
            plan.group.sightings.append(sighting)
        return None

    async def _fingerprints(
        self, plan: Plan, indexes: dict[int, list[CardIndex]]
    ) -> dict[int, str]:
        scope = self._asked.scope
        wanted = [(scope, i.version, i.digest) for index in indexes.values() for i in index]
        stored = await self._shop.store.indexed(wanted)
        known = {(row.scope, row.version, row.digest): row.fingerprint for row in stored}
        known |= plan.fingerprints
        prints = {}
        for n, index in indexes.items():
            keys = [(scope, i.version, i.digest) for i in index]
            found = next((known[key] for key in keys if key in known), None)
            prints[n] = found or tokens.new_fingerprint(self._shop.randomness)
            for key in keys:
                if key not in known:
                    known[key] = plan.fingerprints[key] = prints[n]
                    plan.group.index.append(IndexRow(*key, prints[n]))
        return prints

    async def _reuse(
        self, plan: Plan, cards: dict[int, CheckedCard], prints: dict[int, str],
        results: list[Any], fresh: dict[int, CheckedCard],
    ) -> None:  # fmt: skip
        keys = {n: self._stable_key(card, prints[n]) for n, card in cards.items()}
        wanted = [keys[n] for n, card in cards.items() if _is_stable(card)]
        stored = await self._shop.store.stable(wanted) if wanted else {}
        first: dict[StableKey, int] = {}
        for n, card in cards.items():
            record = plan.stable.get(keys[n]) or stored.get(keys[n])
            if not _is_stable(card):
                fresh[n] = card
            elif record is not None and record.record_id not in plan.gone:
                results[n] = (record, True)
            elif keys[n] in first:
                results[n] = first[keys[n]]  # the same card twice in one request
            else:
                fresh[n], first[keys[n]] = card, n

    def _stable_key(self, card: CheckedCard, fingerprint: str) -> StableKey:
        asked = self._asked
        return StableKey(asked.scope, asked.merchant, fingerprint, card.expiry.text, card.form)

    async def _records(
        self, plan: Plan, fresh: dict[int, CheckedCard], prints: dict[int, str]
    ) -> dict[int, Record]:
        if not fresh:
            return {}
        names = {n: tokens.new_record_id(self._shop.randomness) for n in fresh}
        period = period_of(plan.now_us)
        keys = await self._shop.agent.new_data_keys(
            self._asked.scope, "pan", period, [name.encode() for name in names.values()]
        )
        if isinstance(keys, Refused):
            raise _refused(keys)
        made = {}
        for (n, card), key in zip(fresh.items(), keys, strict=True):
            sealed = self._sealed(card.pan, key.key.expose(), names[n])
            token = await self._token(plan, card)
            made[n] = self._record(plan, card, names[n], prints[n], token, sealed)
            plan.group.records.append(made[n])
            plan.stable[self._stable_key(card, prints[n])] = made[n]
            plan.group.keys.append(
                WrappedKey(names[n], self._asked.scope, period, key.kek_version, key.wrapped)
            )
        return made

    def _sealed(self, pan: Pan, data_key: bytes, record_id: str) -> bytes:
        nonce = self._shop.randomness.octets(12)
        aad = aad_of(self._asked.scope, self._asked.merchant, record_id, REVISION)
        return nonce + AESGCM(data_key).encrypt(nonce, pan.expose(), aad)

    async def _token(self, plan: Plan, card: CheckedCard) -> str:
        """A token that nobody has; only the numeric form can meet another."""
        while True:
            token = tokens.new_token(
                card.form, self._asked.scope, card.pan.expose(), self._shop.randomness
            )
            if card.form != "numeric":
                return token
            taken = any(record.token == token for record in plan.group.records)
            if not taken and not await self._shop.store.by_tokens([token]):
                return token

    def _record(
        self, plan: Plan, card: CheckedCard, name: str, fingerprint: str, token: str, sealed: bytes
    ) -> Record:
        funding, country = self._shop.origin_of(card.pan.bin)
        ends = plan.now_us + tokens.SINGLE_USE_SECONDS * 1_000_000
        return Record(
            name, self._asked.scope, self._asked.merchant, token, card.form, fingerprint,
            card.pan.bin, card.pan.last4, card.pan.brand, card.expiry.text, funding, country,
            period_of(plan.now_us), sealed, REVISION, plan.now_us,
            ends if card.form == "ot" else None,
        )  # fmt: skip

    def _keep_code(self, card: CheckedCard, results: list[Any], n: int) -> None:
        if isinstance(results[n], int):
            record = results[results[n]][0]
            results[n] = (record, True)
        if card.cvv is not None and isinstance(results[n], tuple):
            self._shop.codes.keep(results[n][0].record_id, card.cvv)
            card.cvv.wipe()

    async def _answered(self, results: Sequence[Any]) -> wire.TokensMade:
        made = [one for one in results if isinstance(one, tuple)]
        described = iter(
            await self._shop.signer.describe([r for r, _ in made], [known for _, known in made])
        )
        answers = [next(described) if isinstance(one, tuple) else one for one in results]
        return wire.TokensMade(answers)


def period_of(now_us: int) -> str:
    """The month whose key wraps a data key made now."""
    return datetime.fromtimestamp(now_us // 1_000_000, UTC).strftime("%Y-%m")


def _is_stable(card: CheckedCard) -> bool:
    return card.form != "ot" and not card.anew


def _refused(answer: Refused) -> Unavailable:
    return Unavailable("key_agent_refused", f"the key agent refused ({answer.code})")
