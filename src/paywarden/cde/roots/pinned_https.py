"""HTTPS to one service whose public key is known beforehand.

Guards: the certificate chain and host name verify against the given authority *and* the leaf's
public key is one of the pins (SHA-256 of SubjectPublicKeyInfo, a backup among them), checked before
an octet is sent; TLS 1.2 at least; every request on a fresh connection with one time limit for each
step; no redirects; no more of the answer is read than its limit.
Source: RFC 7469 section 2.4 (what a pin is).
"""

from __future__ import annotations

import hashlib
import hmac
import http.client
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509 import load_der_x509_certificate

from paywarden.core.errors import Unavailable

ANSWER_LIMIT_OCTETS: Final = 65_536
TIMEOUT_SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True)
class PinnedService:
    """Host, port, file of the authority (PEM), and accepted pins (32 octets each)."""

    host: str
    port: int
    authority: Path
    pins: frozenset[bytes]
    timeout_seconds: float = TIMEOUT_SECONDS


def post(
    service: PinnedService, path: str, headers: Mapping[str, str], body: bytes
) -> tuple[int, bytes]:
    """(status, body) of one POST. Errors: Unavailable `key_backend_gone`."""
    try:
        connection = http.client.HTTPSConnection(
            service.host, service.port, timeout=service.timeout_seconds, context=_context(service)
        )
    except (OSError, ssl.SSLError):
        raise _gone("its authority cannot be read") from None
    try:
        connection.connect()
        _check_pin(connection, service)
        connection.request("POST", path, body=body, headers=dict(headers))
        answer = connection.getresponse()
        octets = answer.read(ANSWER_LIMIT_OCTETS + 1)
    except (OSError, http.client.HTTPException) as fault:
        raise _gone(f"no answer ({type(fault).__name__})") from None
    finally:
        connection.close()
    if len(octets) > ANSWER_LIMIT_OCTETS:
        raise _gone("its answer is too long")
    return answer.status, octets


def pin_of(certificate: bytes) -> bytes:
    """The pin of a certificate (DER)."""
    public = load_der_x509_certificate(certificate).public_key()
    octets = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(octets).digest()


def _context(service: PinnedService) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(service.authority))
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _check_pin(connection: http.client.HTTPSConnection, service: PinnedService) -> None:
    certificate = connection.sock.getpeercert(binary_form=True)
    pin = pin_of(certificate) if certificate else b""
    if not any(hmac.compare_digest(pin, one) for one in service.pins):
        raise _gone("its public key is not the pinned one")


def _gone(why: str) -> Unavailable:
    return Unavailable("key_backend_gone", f"the key service does not serve: {why}")
