"""Wire types of egress. Structs that carry a token or a number print their name only."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from paywarden.cde_client.card_acts import Destination, Merchant, Token, Word
from paywarden.cde_client.messages import ApprovalGrant


class CardToInsert(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A token, and what goes where: place to `number`, `cvv` or `expiry:MM/YY`.

    Places are JSON pointers into `body`, or names in `form`.
    """

    token: Token
    fields: Annotated[dict[str, Annotated[str, Meta(max_length=20)]], Meta(max_length=32)]

    def __repr__(self) -> str:
        return "<CardToInsert>"


class ForwardAsked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A request to forward; one of `body` (JSON) and `form`.

    A tenant's key names the token's `merchant`, or says that the token is `tenant_wide`.
    """

    destination: Annotated[str, Meta(min_length=1, max_length=63)]
    method: Literal["POST", "PUT", "PATCH"]
    path: Annotated[str, Meta(min_length=1, max_length=1_000)]
    card: CardToInsert
    headers: Annotated[dict[str, str], Meta(max_length=32)] = {}
    body: msgspec.Raw = msgspec.field(default_factory=msgspec.Raw)
    form: Annotated[dict[str, str], Meta(max_length=200)] | None = None
    merchant: Merchant | None = None
    tenant_wide: bool = False

    def __repr__(self) -> str:
        return "<ForwardAsked>"


class ForwardAnswer(msgspec.Struct, frozen=True):
    """What came of it. `sent` is `maybe` when the connection broke: ask the destination first.

    `body` holds the listed fields that came back; items of lists stand under their place.
    `withheld` says why there is no body; `scrubbed` names fields that echoed the card.
    """

    sent: Literal["yes", "no", "maybe"]
    status: int | None = None
    body: Any = None
    failure: str | None = None
    withheld: str | None = None
    scrubbed: list[str] = []


class RevealAsked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A number to reveal, why, and the signed approval of exactly that."""

    token: Token
    purpose: Word
    ticket: Word
    grant: ApprovalGrant
    merchant: Merchant | None = None
    tenant_wide: bool = False

    def __repr__(self) -> str:
        return "<RevealAsked>"


class RevealAnswer(msgspec.Struct, frozen=True):
    """The number. Do not store it."""

    number: str
    expiry: str
    approvers: list[str]

    def __repr__(self) -> str:
        return "<RevealAnswer>"


class DestinationAsked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A destination to add or change, and the signed approval of exactly that."""

    destination: Destination
    grant: ApprovalGrant


class DestinationList(msgspec.Struct, frozen=True):
    """Destinations of the key's tenant and environment."""

    destinations: list[Destination]
