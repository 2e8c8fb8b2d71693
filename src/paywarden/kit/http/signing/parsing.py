"""Reading Signature-Input, Signature and Content-Digest: one anchored pattern per header.

Guards: exactly what the profile allows is understood and everything else is refused with a code of
its own: several signatures, other parameters or another order of them, headers given twice or too
long. Patterns have no nested repetition, so their time is linear in the (bounded) length. Values
are texts as received (latin-1); nothing is decoded twice. Source: RFC 9421 section 4, RFC 9530
section 2, RFC 9651 for the syntax of which these are a subset.
Not done here: whether a signature is true (`verifier`).
"""

from __future__ import annotations

import binascii
import hashlib
import hmac
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final, NamedTuple

from paywarden.core.errors import NotAuthenticated, Unparsable
from paywarden.core.message_signature import (
    LIFETIME_LIMIT_SECONDS,
    NONCE_LEAST_CHARACTERS,
    TAG,
    RequestParts,
    authority,
    content_digest,
)

LENGTH_LIMIT: Final = 1_024
"""Of each header; an RSA signature of 4,096 bits takes 684 characters."""
_LABEL = r"[a-z*][a-z0-9_.*-]{0,31}"
_INPUT = re.compile(
    rf"({_LABEL})=(\(([ -'*-~]{{0,256}})\)"
    r';created=([1-9][0-9]{9});keyid="([A-Za-z0-9_-]{1,64})";alg="([a-z0-9_-]{1,32})"'
    r';expires=([1-9][0-9]{9});nonce="([A-Za-z0-9+/=_-]{1,128})";tag="([!#-\[\]-~]{1,32})")'
)
_SIGNATURE = re.compile(rf"({_LABEL})=:([A-Za-z0-9+/]{{1,1000}}={{0,2}}):")
_DIGEST = re.compile(r"sha-(?:256=:([A-Za-z0-9+/]{43}=)|512=:([A-Za-z0-9+/]{86}==)):")
_INNER_LIST = re.compile(rf"{_LABEL}=\([ -'*-~]{{0,512}}\)")
_HOST = re.compile(r"(?:[A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?")
_ONCE = (
    "signature", "signature-input", "content-digest", "content-type", "host", "idempotency-key",
    "authorization",
)  # fmt: skip


class SignatureInput(NamedTuple):
    """A read Signature-Input; `parameters` is the value of "@signature-params" as received."""

    label: str
    parameters: str
    components: str
    created: int
    keyid: str
    algorithm: str
    expires: int
    nonce: str


def check_headers(request: Mapping[str, Any], headers: Mapping[str, str]) -> None:
    """Each header that a signature rests on is there at most once and is not too long.

    `headers` are those of the ASGI scope by name in lower case. Errors: Unparsable
    `signature_header_repeated`, `signature_header_too_long`.
    """
    if len(headers) != len(request["headers"]):
        _check_once(request)
    for name in _ONCE:
        if len(headers.get(name, "")) > LENGTH_LIMIT:
            raise Unparsable(
                "signature_header_too_long", f"{name} has over {LENGTH_LIMIT} characters"
            )


def _check_once(request: Mapping[str, Any]) -> None:
    names = [name.decode("latin-1").lower() for name, _ in request["headers"]]
    for name in _ONCE:
        if names.count(name) > 1:
            raise Unparsable("signature_header_repeated", f"a signed request has one {name} header")


def read_input(value: str) -> SignatureInput:
    """Parse Signature-Input. Errors: Unparsable with the code of what is wrong."""
    match = _INPUT.fullmatch(value)
    if match is None:
        raise _wrong_input(value)
    label, parameters, components, created, keyid, algorithm, expires, nonce, tag = match.groups()
    if tag != TAG:
        raise Unparsable("signature_tag_wrong", f'the tag of a signature here is "{TAG}"')
    if len(nonce) < NONCE_LEAST_CHARACTERS:
        raise Unparsable(
            "signature_nonce_short",
            f"a nonce has 128 random bits: {NONCE_LEAST_CHARACTERS} characters or more",
        )
    began, ends = int(created), int(expires)
    if not began < ends <= began + LIFETIME_LIMIT_SECONDS:
        raise Unparsable(
            "signature_lifetime_wrong",
            f"expires comes after created, by {LIFETIME_LIMIT_SECONDS} seconds at most",
        )
    return SignatureInput(label, parameters, components, began, keyid, algorithm, ends, nonce)


def _wrong_input(value: str) -> Unparsable:
    if value.count("=(") > 1:
        return Unparsable("signature_several", "a request carries one signature")
    if _INNER_LIST.match(value):
        return Unparsable(
            "signature_parameters_wrong",
            "the parameters are created, keyid, alg, expires, nonce, tag, in this order",
        )
    return Unparsable("signature_input_malformed", "Signature-Input is not of the profile's form")


def read_signature(value: str, label: str) -> bytes:
    """Octets of the Signature header. Errors: Unparsable `signature_malformed`."""
    match = _SIGNATURE.fullmatch(value)
    if match is None or match[1] != label:
        if value.count("=:") > 1:
            raise Unparsable("signature_several", "a request carries one signature")
        raise Unparsable(
            "signature_malformed", "Signature holds one byte sequence under Signature-Input's label"
        )
    octets = _octets(match[2])
    if octets is None:
        raise Unparsable("signature_malformed", "the signature is not canonical base 64")
    return octets


def check_digest(told: str, body: bytes, found: str | None = None) -> None:
    """Content-Digest is that of `body`; `found` is its SHA-256 form where it was made already.

    Errors: Unparsable `content_digest_malformed`, NotAuthenticated `content_digest_wrong`.
    """
    if hmac.compare_digest(told.encode("latin-1"), (found or content_digest(body)).encode()):
        return
    match = _DIGEST.fullmatch(told)
    octets = _octets(match[1] or match[2]) if match else None
    if match is None or octets is None:
        raise Unparsable(
            "content_digest_malformed", "Content-Digest is one sha-256 or sha-512 byte sequence"
        )
    digest = hashlib.sha256 if match[1] else hashlib.sha512
    if not hmac.compare_digest(octets, digest(body).digest()):
        raise NotAuthenticated("content_digest_wrong", "Content-Digest is not that of the body")


def request_parts(
    request: Mapping[str, Any], headers: Mapping[str, str], body: bytes
) -> RequestParts:
    """Component values of an ASGI request. Errors: Unparsable `signature_component_missing`."""
    path = request.get("raw_path") or request["path"].encode("ascii", "backslashreplace")
    return RequestParts(
        request["method"],
        _authority(headers.get("host", ""), request.get("scheme", "http")),
        _text(path) or "/",
        "?" + _text(request.get("query_string", b"")),
        _field(headers, "content-digest") if body else "",
        _field(headers, "content-type") if body else "",
        _field(headers, "idempotency-key") if "idempotency-key" in headers else None,
    )


def _field(headers: Mapping[str, str], name: str) -> str:
    value = headers.get(name, "").strip(" \t")
    if not (value and value.isascii() and value.isprintable()):
        raise Unparsable(
            "signature_component_missing", f"a signed request like this needs a plain {name}"
        )
    return value


@lru_cache(1_024)
def _authority(host: str, scheme: str) -> str:
    value = host.strip(" \t")
    if not _HOST.fullmatch(value):
        raise Unparsable("signature_component_missing", "a signed request needs a plain Host")
    return authority(value, scheme)


def _text(octets: bytes) -> str:
    text = octets.decode("latin-1")
    if not (text.isascii() and text.isprintable()):
        raise Unparsable("signature_component_missing", "path and query are percent-encoded ASCII")
    return text


def _octets(text: str) -> bytes | None:
    """Canonical base 64 (RFC 4648), else None: one value has one text."""
    try:
        octets = binascii.a2b_base64(text, strict_mode=True)
    except binascii.Error:
        return None
    return octets if binascii.b2a_base64(octets, newline=False).decode() == text else None
