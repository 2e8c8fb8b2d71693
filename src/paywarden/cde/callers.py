"""Who calls the edge and the egress: the same API keys as everywhere, behind one port.

Guards: nothing here knows how keys are stored, for the card data environment imports no room that
knows persons; the entry point wires the key store, opened read only. An unknown, ended or malformed
key is one answer, so that nobody learns which keys exist. Sessions of persons are not taken: only
programs call here. Not done here: budgets, grants for revealing (the egress checks them itself).
Standard: PCI DSS 4.0.1, 7.2.5 and 8.6.

>>> bearer_of({"authorization": "Bearer pw_test_x"})
'pw_test_x'
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from paywarden.cde_client.facts import TENANT_WIDE
from paywarden.core.errors import InvalidRequest, NotAuthenticated, NotPermitted
from paywarden.core.scope import Scope
from paywarden.kit.http.authenticator import Principal

TOKENISE: Final = "cards:tokenise"
DESCRIBE: Final = "cards:describe"
FORWARD: Final = "cards:forward"
REVEAL: Final = "cards:reveal"
DESTINATIONS: Final = "cards:destinations"
BEARER_CHARACTERS: Final = 256


@dataclass(frozen=True, slots=True)
class Caller:
    """A proven key: its scope, and the merchant it is bound to (None: the whole tenant)."""

    scope: Scope
    merchant: str | None
    key_id: str
    permissions: frozenset[str]


class Callers(Protocol):
    """Port to the API keys."""

    def of(self, bearer: str) -> Caller | None:
        """The caller of a key's text; None when it is not a live key. Errors: Unavailable."""
        ...


class CallerAuthenticator:
    """`Authenticator` of `kit.http` over `Callers`."""

    def __init__(self, callers: Callers) -> None:
        self._callers = callers

    def authenticate(self, headers: Mapping[str, str]) -> Principal:
        """Principal of a request. Errors: NotAuthenticated `key_missing`, `key_unknown`."""
        found = self._callers.of(bearer_of(headers))
        if found is None:
            raise NotAuthenticated(
                "key_unknown", "this is no live API key of this installation; make one with `keys`"
            )
        return Principal(found.key_id, found.scope, found.permissions, found.merchant)


def bearer_of(headers: Mapping[str, str]) -> str:
    """The key in `Authorization: Bearer <key>`. Errors: NotAuthenticated `key_missing`."""
    scheme, _, text = headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not 0 < len(text) <= BEARER_CHARACTERS:
        raise NotAuthenticated(
            "key_missing", "send the header 'Authorization: Bearer pw_test_...' with an API key"
        )
    return text


def merchant_of(asker: Principal, named: str | None, *, tenant_wide: bool = False) -> str:
    """The merchant that a request is for: the key's own, or the one that a tenant's key names.

    With `tenant_wide` a tenant's key asks for the tenant itself, and names no merchant. Errors:
    NotPermitted `merchant_foreign`, InvalidRequest `merchant_missing`, `merchant_superfluous`.
    """
    if asker.merchant is not None:
        if tenant_wide or (named is not None and named != asker.merchant):
            raise NotPermitted("merchant_foreign", "this key is bound to another merchant")
        return asker.merchant
    if tenant_wide:
        if named is not None:
            raise InvalidRequest(
                "merchant_superfluous", "name a merchant or ask tenant_wide, not both",
                pointer="/merchant",
            )  # fmt: skip
        return TENANT_WIDE
    if named is None or named == TENANT_WIDE:
        raise InvalidRequest(
            "merchant_missing",
            "this key is bound to no merchant: name one, or set tenant_wide",
            pointer="/merchant",
        )
    return named
