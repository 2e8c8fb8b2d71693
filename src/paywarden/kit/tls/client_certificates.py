"""Client certificates that a proxy on this machine has verified: the `Client-Cert` header.

Guards: the header is believed only where this process listens on a unix socket that the proxy alone
may open; over TCP any such header is refused, since only an attacker would send it. It must stand
once, be one byte sequence of RFC 8941 and hold one certificate of its time. The proxy checks the
chain and that the client holds the key. Source: RFC 9440 sections 2.2 and 4. Not done here: which
API key a certificate belongs to (the identity room).
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256

from paywarden.core.errors import InvalidRequest, NotAuthenticated
from paywarden.core.instants import from_datetime

HEADER: Final = b"client-cert"
CHAIN_HEADER: Final = b"client-cert-chain"
LONGEST: Final = 16_384
_FORM = re.compile(rb":([A-Za-z0-9+/]+={0,2}):\Z")
_LOOKS_LIKE = re.compile(rb"client[-_. ]?cert|x-(?:ssl-)?client-(?:cert|verify)|x-forwarded-client")


class ClientCertificates:
    """Reads the header; `believed` only behind a unix socket."""

    def __init__(self, *, believed: bool) -> None:
        self._believed = believed

    def thumbprint(self, headers: Iterable[tuple[bytes, bytes]], now_us: int) -> str | None:
        """SHA-256 of the client's certificate in hex; None when there is none.

        `headers`: all of the request, lower-case names, repeats included. Errors: InvalidRequest
        `client_certificate_unexpected` or `client_certificate_malformed`, NotAuthenticated
        `client_certificate_ended`.
        """
        found = [(name, value) for name, value in headers if _LOOKS_LIKE.match(name)]
        if not found:
            return None
        if not self._believed or any(name != HEADER for name, _ in found):
            raise InvalidRequest(
                "client_certificate_unexpected",
                "headers that speak of client certificates are set by the proxy alone",
            )
        if len(found) != 1:
            raise _malformed()
        made = _parsed(found[0][1])
        if (
            not from_datetime(made.not_valid_before_utc)
            <= now_us
            < from_datetime(made.not_valid_after_utc)
        ):
            raise NotAuthenticated(
                "client_certificate_ended", "the client certificate is not valid at this time"
            )
        return made.fingerprint(SHA256()).hex()


def _parsed(value: bytes) -> x509.Certificate:
    form = _FORM.match(value) if len(value) <= LONGEST else None
    if form is None:
        raise _malformed()
    try:
        return x509.load_der_x509_certificate(base64.b64decode(form[1], validate=True))
    except (binascii.Error, ValueError):
        raise _malformed() from None


def _malformed() -> InvalidRequest:
    return InvalidRequest(
        "client_certificate_malformed", "Client-Cert is one certificate in the form of RFC 9440"
    )
