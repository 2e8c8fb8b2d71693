"""Bodies of the edge, in and out.

Guards: whatever holds a number prints its name only; lengths are bounded before anything is
checked. Names of merchants and tokens have forms in which no card number fits unseen: what looks
like one is refused by `tokens_http`.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta

PATTERN_OF_TOKENS: Final = r"^(?:(?:tk|ot)_(?:test|live)_[0-9A-Za-z]{22}|[0-9]{16,19})$"
Merchant = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$", max_length=128)]
Form = Literal["multi_use", "single_use", "numeric"]


class _Quiet:
    """Prints a struct's name and nothing that it holds."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return []


class CardBody(_Quiet, msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A card: number of 13-19 ASCII digits without separators, expiry `YYYY-MM`, code if known."""

    number: Annotated[str, Meta(min_length=1, max_length=32)]
    expiry: Annotated[str, Meta(min_length=1, max_length=16)]
    cvv: Annotated[str, Meta(min_length=1, max_length=8)] | None = None


class TokenRequest(_Quiet, msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A card to keep. A key of a whole tenant names a `merchant`, or asks `tenant_wide`."""

    card: CardBody
    form: Form = "multi_use"
    merchant: Merchant | None = None
    tenant_wide: bool = False


class TokenQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """For keys of a whole tenant: the merchant that the token belongs to, or the tenant itself."""

    merchant: Merchant | None = None
    tenant_wide: bool = False


class Token(msgspec.Struct, frozen=True):
    """A token and what may be known of its card; never the number.

    `facts` is the same, signed: the risk API believes it from anyone. `existing`: the merchant held
    this token for this card already. `expires_at` (RFC 3339) is of a single-use token.
    """

    token: str
    fingerprint: str
    bin: str
    last4: str
    brand: str | None
    expiry: str
    funding: str | None
    country: str | None
    facts: str
    existing: bool = False
    expires_at: str | None = None


class Deleted(msgspec.Struct, frozen=True):
    """The token is gone, with everything that it stood for."""

    token: str
    deleted: bool = True
