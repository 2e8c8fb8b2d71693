"""`POST /v1/tokens`, `GET` and `DELETE /v1/tokens/{token}`.

Guards: a body with a card is neither digested nor kept, so this operation takes no Idempotency-Key;
a repeat is safe all the same: for a multi-use form the vault answers the token that the merchant
holds for that card and expiry (`existing`), a single-use token is a fresh one and the old one ends
by itself after 15 minutes. A card number in the address is refused before the vault is asked. A
token that is unknown, another merchant's or deleted is one and the same answer.
"""

from __future__ import annotations

import re
from typing import Final

from paywarden.cde.callers import DESCRIBE, TOKENISE, merchant_of
from paywarden.cde.card import luhn_passes
from paywarden.cde.edge.messages import PATTERN_OF_TOKENS, Deleted, Token, TokenQuery, TokenRequest
from paywarden.cde.edge.tokenising import For, Tokenising, error_of
from paywarden.core.errors import InvalidRequest
from paywarden.kit.http.operation import Answer, Call, Operation

BODY_LIMIT: Final = 4_096
TAG: Final = "tokens"
_FEWEST_DIGITS: Final = 12
_FORM: Final = re.compile(PATTERN_OF_TOKENS.removeprefix("^").removesuffix("$"), re.ASCII)
_TEXTS: Final = {"token": "A token of this merchant"}


class TokenOperations:
    """The operations on tokens."""

    def __init__(self, tokenising: Tokenising) -> None:
        self._tokenising = tokenising

    def operations(self) -> list[Operation]:
        """Every operation of this module."""
        return [
            Operation(
                "POST", "/v1/tokens", "tokenise", "Turn a card number into a token", self.tokenise,
                Token, body=TokenRequest, permission=TOKENISE, status=201, tag=TAG,
                body_limit=BODY_LIMIT, idempotent=False,
            ),
            Operation(
                "GET", "/v1/tokens/{token}", "describe_token", "What a token stands for",
                self.describe, Token, query=TokenQuery, permission=DESCRIBE, tag=TAG,
                path_texts=_TEXTS, path_patterns={"token": PATTERN_OF_TOKENS},
            ),
            Operation(
                "DELETE", "/v1/tokens/{token}", "delete_token", "End a token and what it stood for",
                self.delete, Deleted, query=TokenQuery, permission=TOKENISE, tag=TAG,
                path_texts=_TEXTS, path_patterns={"token": PATTERN_OF_TOKENS},
            ),
        ]  # fmt: skip

    async def tokenise(self, call: Call) -> Answer:
        """POST /v1/tokens."""
        asker, body = call.asker, call.body
        whom = For(
            asker.scope.text,
            merchant_of(asker, body.merchant, tenant_wide=body.tenant_wide),
            asker.key_id,
        )
        return Answer(await self._tokenising.make(whom, body.card, body.form), 201)

    async def describe(self, call: Call) -> Answer:
        """GET /v1/tokens/{token}."""
        token, merchant = named(call.path["token"]), _owner(call)
        return Answer(await self._tokenising.describe(call.asker.scope.text, merchant, token))

    async def delete(self, call: Call) -> Answer:
        """DELETE /v1/tokens/{token}."""
        token, merchant = named(call.path["token"]), _owner(call)
        await self._tokenising.delete(call.asker.scope.text, merchant, token)
        return Answer(Deleted(token))


def _owner(call: Call) -> str:
    return merchant_of(call.asker, call.query.merchant, tenant_wide=call.query.tenant_wide)


def named(token: str) -> str:
    """A token as the address names it. Errors: InvalidRequest `card_number_in_address`, NotFound.

    >>> named("4111 1111 1111 1111")
    Traceback (most recent call last):
    paywarden.core.errors.InvalidRequest: card_number_in_address: a card number stood in the address
    """
    digits = "".join(one for one in token if one.isdigit() and one.isascii())
    if len(digits) >= _FEWEST_DIGITS and luhn_passes(digits.encode()) and not token.isidentifier():
        raise InvalidRequest("card_number_in_address", "a card number stood in the address")
    if not _FORM.fullmatch(token):
        raise error_of("token_unknown")
    return token
