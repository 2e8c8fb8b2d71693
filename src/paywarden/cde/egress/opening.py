"""From token to number: take the sealed record, open its data key, decrypt here, wipe afterwards.

Guards: the vault never decrypts and the agent never sees a record; the record's associated data
must name this scope and merchant, so that a vault that hands out another's record is found out.
Unknown, foreign, deleted and spent tokens are one refusal with one text. Wiping covers the buffers
made here; CPython and OpenSSL make copies (decoded frames, `bytes` on their way into a socket) that
nobody can overwrite: they live until their memory is used again, which is why this process dumps no
core and is not traceable. Source: PCI DSS 4.0.1, 3.3 and 3.5.1.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from paywarden.cde.card import Cvv, Pan
from paywarden.cde.egress.ports import OpensDataKeys, Reason, TakesCards
from paywarden.cde.frame_format import Refused
from paywarden.cde.keys.wire import WrappedItem
from paywarden.cde.vault.wire import Taken
from paywarden.core.errors import Corrupt, LimitExceeded, NotFound, PaywardenError, Unavailable
from paywarden.core.scope import Scope

NONCE_OCTETS: Final = 12
NOT_FOUND_TEXT: Final = "this merchant has no such token; unknown, foreign and spent look alike"
_GONE: Final = frozenset(
    {"token_unknown", "token_foreign", "token_spent", "token_expired", "token_deleted",
     "card_not_found", "token_not_found"}
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Asked:
    """For whom and for what a card is opened."""

    scope: Scope
    merchant: str
    token: str
    reason: Reason
    ticket: str = ""
    want_cvv: bool = False


@dataclass(frozen=True, slots=True)
class CardInUse:
    """A card while it is used: never printed, wiped at the end. `expiry` is YYYY-MM."""

    pan: Pan
    expiry: str
    cvv: Cvv | None
    fingerprint: str


class Opening:
    """Opens cards through the two ports."""

    def __init__(self, vault: TakesCards, keys: OpensDataKeys) -> None:
        self._vault = vault
        self._keys = keys

    @asynccontextmanager
    async def card(self, asked: Asked) -> AsyncIterator[CardInUse]:
        """The card, wiped when the block ends.

        Errors: NotFound `card_not_found`, LimitExceeded `decrypt_budget_exceeded`, Unavailable,
        Corrupt `record_unreadable`.
        """
        opened = await self._open(asked)
        try:
            yield opened
        finally:
            opened.pan.wipe()
            if opened.cvv is not None:
                opened.cvv.wipe()

    async def _open(self, asked: Asked) -> CardInUse:
        scope = asked.scope.text
        taken = await self._vault.take_for_use(
            scope, asked.merchant, asked.token, want_cvv=asked.want_cvv, use=asked.reason
        )
        if isinstance(taken, Refused):
            raise _refusal(taken)
        if not _is_of(taken, asked):
            raise Corrupt("record_foreign", "the vault gave a record of another owner")
        item = WrappedItem(taken.record_id.encode(), taken.wrapped, taken.kek_version)
        keys = await self._keys.open_data_keys(
            scope, "pan", taken.period, [item], asked.reason, asked.ticket
        )
        if isinstance(keys, Refused):
            raise _refusal(keys)
        cvv = Cvv.of(taken.cvv) if taken.cvv is not None and asked.want_cvv else None
        if cvv is not None and not isinstance(cvv, Cvv):
            raise _unreadable()
        return CardInUse(_decrypted(keys[0].expose(), taken), taken.expiry, cvv, taken.fingerprint)


def _decrypted(key: bytes, taken: Taken) -> Pan:
    nonce, sealed = taken.sealed[:NONCE_OCTETS], taken.sealed[NONCE_OCTETS:]
    try:
        digits = bytearray(AESGCM(key).decrypt(nonce, sealed, taken.aad))
    except (InvalidTag, ValueError):
        raise _unreadable() from None
    try:
        pan = Pan.of(digits)
    finally:
        digits[:] = bytes(len(digits))
    if not isinstance(pan, Pan):
        raise _unreadable()
    return pan


def _is_of(taken: Taken, asked: Asked) -> bool:
    """Whether the associated data names environment, tenant, merchant and record as asked."""
    parts, at, aad = [], 0, taken.aad
    while at + 4 <= len(aad):
        end = at + 4 + int.from_bytes(aad[at : at + 4], "big")
        parts.append(aad[at + 4 : end])
        at = end
    wanted = [
        asked.scope.environment.value, asked.scope.tenant, asked.merchant, taken.record_id
    ]  # fmt: skip
    return at == len(aad) and parts[1:5] == [one.encode() for one in wanted]


def _refusal(refused: Refused) -> PaywardenError:
    if refused.code in _GONE:
        return NotFound("card_not_found", NOT_FOUND_TEXT)
    if refused.code == "decrypt_budget_exceeded":
        return LimitExceeded(
            "decrypt_budget_exceeded", "the budget of decryptions is spent", retry_after_seconds=60
        )
    return Unavailable("card_environment_refused", "vault or key agent refused; see their logs")


def _unreadable() -> Corrupt:
    return Corrupt("record_unreadable", "a stored card does not open; a person has to look")
