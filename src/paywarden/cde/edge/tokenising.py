"""One card to one token: checks, limits, the vault; the same for servers and for hosted fields.

Order: form of number, expiry and code (a refusal costs a try and reaches no vault), limits by who
asks, then the vault. What a refusal says is a code; no text of the card is kept, logged or digested
(the limits hold a keyed digest that ends with the process).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from paywarden.cde.card import CardRefusal, Cvv, Expiry, Pan
from paywarden.cde.edge.messages import CardBody, Form, Token
from paywarden.cde.edge.ports import Vault
from paywarden.cde.edge.problems import CARD_CODES, POINTERS
from paywarden.cde.edge.tries import Allowance, Tries
from paywarden.cde.frame_format import Refused
from paywarden.cde.vault import wire
from paywarden.core.clock import Clock
from paywarden.core.errors import (
    InvalidRequest,
    LimitExceeded,
    NotFound,
    PaywardenError,
    Unavailable,
)
from paywarden.core.instants import format_rfc3339
from paywarden.kit.log import logger

_FORMS: Final[dict[str, wire.Form]] = {"multi_use": "tk", "single_use": "ot", "numeric": "numeric"}
_LIMITS: Final = frozenset({"card_cap_alike", "card_cap_caller"})


@dataclass(frozen=True, slots=True)
class For:
    """Whom a token is for: `scope` as text; `caller` is the key whose cards the vault counts."""

    scope: str
    merchant: str
    caller: str


class Tokenising:
    """Turns checked cards into tokens."""

    def __init__(self, vault: Vault, tries: Tries, clock: Clock) -> None:
        self._vault, self._tries, self._clock = vault, tries, clock

    async def make(
        self,
        whom: For,
        card: CardBody,
        form: Form,
        subjects: Sequence[tuple[Allowance, str]] = (),
    ) -> Token:
        """The token of a card. Errors: InvalidRequest, LimitExceeded, Unavailable."""
        self._tries.count_try(subjects)
        given = checked(card, form, self._clock.now_us())
        self._tries.count_card(subjects, given.pan)
        answers = await self._vault.tokenise(whom.scope, whom.merchant, whom.caller, [given])
        return token_of(_only(answers))

    async def describe(self, scope: str, merchant: str, token: str) -> Token:
        """What a token stands for. Errors: NotFound `token_unknown`, Unavailable."""
        return token_of(_only(await self._vault.describe(scope, merchant, [token])))

    async def delete(self, scope: str, merchant: str, token: str) -> None:
        """End a token. Errors: NotFound `token_unknown`, Unavailable."""
        answer = await self._vault.delete(scope, merchant, token)
        if isinstance(answer, Refused):
            raise error_of(answer.code)


def checked(card: CardBody, form: Form, now_us: int) -> wire.CardGiven:
    """A card in the vault's form. Errors: InvalidRequest with the code of the rule it broke."""
    pan, expiry = Pan.of(card.number), Expiry.of(card.expiry, now_us)
    code = None if card.cvv is None else Cvv.of(card.cvv)
    if isinstance(pan, CardRefusal):
        raise error_of(pan.value)
    if isinstance(expiry, CardRefusal):
        raise error_of(expiry.value)
    if isinstance(code, CardRefusal):
        raise error_of(code.value)
    octets = None if code is None else code.expose()
    return wire.CardGiven(pan.expose(), expiry.text, octets, _FORMS[form])


def token_of(answer: wire.TokenAnswer) -> Token:
    """The answer's body. Errors: as the refusal says."""
    if isinstance(answer, wire.TokenRefused):
        raise error_of(answer.code)
    ends = None if answer.expires_at_us is None else format_rfc3339(answer.expires_at_us)
    return Token(
        answer.token, answer.fingerprint, answer.bin, answer.last4, answer.brand, answer.expiry,
        answer.funding, answer.country, answer.facts, answer.existing, ends,
    )  # fmt: skip


def error_of(code: str) -> PaywardenError:
    """The error that a refusal becomes; its text is ours, never the other process's."""
    if code in CARD_CODES:
        detail = "the card is not taken; the code names the rule that it broke"
        return InvalidRequest(code, detail, pointer=POINTERS[code])
    if code == "card_refused":
        return InvalidRequest("card_refused", "the vault does not take this card", pointer="/card")
    if code == "token_unknown":
        return NotFound("token_unknown", "no such token of this merchant")
    if code in _LIMITS:
        return LimitExceeded("cards_too_many", "too many different cards", retry_after_seconds=60)
    logger().error("vault_refused", code=code)
    return Unavailable("vault_refused", "the vault refused; its log says why")


def _only(answers: list[wire.TokenAnswer] | Refused) -> wire.TokenAnswer:
    if isinstance(answers, Refused):
        raise error_of(answers.code)
    if len(answers) != 1:
        raise Unavailable("cde_unreachable", "the vault answered another question")
    return answers[0]
