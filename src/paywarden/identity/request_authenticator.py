"""Who a request comes from: an API key in `Authorization`, or a session in its cookie.

Guards: the cookie's prefix `__Host-` makes browsers refuse it without Secure, with a domain or for
another path, so no sibling host can plant one (RFC 6265bis, 4.1.3.2); of two equal names neither is
believed. A request with an `Authorization` header is judged by that alone. Not done here: the check
that a browser's request comes from our own pages (`kit.http.same_origin`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from paywarden.core.secret import Secret
from paywarden.identity.api_keys import ApiKeyAuthenticator
from paywarden.identity.sessions import Sessions
from paywarden.kit.http.authenticator import Principal

COOKIE: Final = "__Host-pw_session"
TOKEN_CHARACTERS: Final = 43


class RequestAuthenticator:
    """`Authenticator` for keys and sessions."""

    def __init__(self, keys: ApiKeyAuthenticator, sessions: Sessions) -> None:
        self._keys = keys
        self._sessions = sessions

    def authenticate(self, headers: Mapping[str, str]) -> Principal:
        """Principal of a request. Errors: NotAuthenticated."""
        authorization = headers.get("authorization")
        token = None if authorization is not None else token_of(headers.get("cookie", ""))
        if token is None:
            return self._keys.authenticate(authorization)
        return self._sessions.principal(token)


def token_of(cookies: str) -> str | None:
    """The session's token among the cookies of a request."""
    found = [
        value.strip()
        for name, _, value in (one.partition("=") for one in cookies.split(";"))
        if name.strip() == COOKIE
    ]
    return found[0] if len(found) == 1 and len(found[0]) == TOKEN_CHARACTERS else None


def set_cookie(token: Secret[str]) -> tuple[str, str]:
    """Header that gives a browser its session; it ends with the browser, or here."""
    value = f"{COOKIE}={token.expose()}; Path=/; Secure; HttpOnly; SameSite=Strict"
    return "set-cookie", value


def drop_cookie() -> tuple[str, str]:
    """Header that takes it away."""
    return "set-cookie", f"{COOKIE}=; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=0"
