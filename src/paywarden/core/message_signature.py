"""What a signed request or answer says, as text: one fixed profile of RFC 9421.

Guards: client and server build the same octets, because both call these functions. Which components
are covered follows from the message alone and nobody chooses: "@method" "@authority" "@path"
"@query" always; "content-digest" "content-type" when there is a body; "idempotency-key" when that
header is there. An answer covers its status, digest and content type, and of the request that it
answers the signature and the target (`;req`, section 2.4), so that it fits no other request.
Not done here: keys and signatures (`kit.http.signing`, `client.signing`), reading headers.
Source: RFC 9421 sections 2.2 to 2.5, RFC 9530 section 2.

>>> request = RequestParts("GET", "risk.example", "/v1/lists", "?")
>>> print(request.base('("@method");created=1').decode())
"@method": GET
"@authority": risk.example
"@path": /v1/lists
"@query": ?
"@signature-params": ("@method");created=1
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from typing import Final, NamedTuple

TAG: Final = "paywarden"
LABEL: Final = "sig1"
LIFETIME_LIMIT_SECONDS: Final = 300
NONCE_LEAST_CHARACTERS: Final = 22
"""22 characters of base 64 hold 128 bits."""
DEFAULT_PORTS: Final = {"http": ":80", "https": ":443"}

_ALWAYS = '"@method" "@authority" "@path" "@query"'
_BODY = ' "content-digest" "content-type"'
_KEY = ' "idempotency-key"'
REQUEST_COMPONENTS: Final = {
    (body, key): _ALWAYS + (_BODY if body else "") + (_KEY if key else "")
    for body in (False, True)
    for key in (False, True)
}
"""Covered components by (has a body, has an Idempotency-Key)."""
ANSWER_COMPONENTS: Final = (
    '"@status" "content-digest" "content-type" "signature";req'
    ' "@method";req "@authority";req "@path";req "@query";req'
)


class RequestParts(NamedTuple):
    """Component values of a request; digest and content type are empty without a body."""

    method: str
    authority: str
    path: str
    query: str
    content_digest: str = ""
    content_type: str = ""
    idempotency_key: str | None = None

    @property
    def components(self) -> str:
        """The covered components of this request, as the text within the inner list."""
        return REQUEST_COMPONENTS[bool(self.content_digest), self.idempotency_key is not None]

    def base(self, parameters: str) -> bytes:
        """The signature base; `parameters` is the value of "@signature-params"."""
        text = (
            f'"@method": {self.method}\n"@authority": {self.authority}\n'
            f'"@path": {self.path}\n"@query": {self.query}\n'
        )
        if self.content_digest:
            text += (
                f'"content-digest": {self.content_digest}\n"content-type": {self.content_type}\n'
            )
        if self.idempotency_key is not None:
            text += f'"idempotency-key": {self.idempotency_key}\n'
        return f'{text}"@signature-params": {parameters}'.encode("latin-1")


class AnswerParts(NamedTuple):
    """Component values of an answer; `signature` is the request's whole Signature header."""

    status: int
    content_digest: str
    content_type: str
    signature: str
    request: RequestParts

    def base(self, parameters: str) -> bytes:
        """The signature base; `parameters` is the value of "@signature-params"."""
        asked = self.request
        return (
            f'"@status": {self.status}\n"content-digest": {self.content_digest}\n'
            f'"content-type": {self.content_type}\n"signature";req: {self.signature}\n'
            f'"@method";req: {asked.method}\n"@authority";req: {asked.authority}\n'
            f'"@path";req: {asked.path}\n"@query";req: {asked.query}\n'
            f'"@signature-params": {parameters}'
        ).encode("latin-1")


def request_parameters(
    request: RequestParts, created: int, keyid: str, algorithm: str, expires: int, nonce: str
) -> str:
    """Value of "@signature-params" of a request; instants in seconds since 1970."""
    return (
        f'({request.components});created={created};keyid="{keyid}";alg="{algorithm}"'
        f';expires={expires};nonce="{nonce}";tag="{TAG}"'
    )


def answer_parameters(created: int, keyid: str, algorithm: str) -> str:
    """Value of "@signature-params" of an answer."""
    return f'({ANSWER_COMPONENTS});created={created};keyid="{keyid}";alg="{algorithm}";tag="{TAG}"'


def signature_field(signature: bytes) -> str:
    """Value of the Signature header."""
    return f"{LABEL}=:{base64.b64encode(signature).decode()}:"


def signature_base(lines: Iterable[tuple[str, str]], parameters: str) -> bytes:
    """Signature base of any components (RFC 9421, 2.5): identifiers as serialised, and values.

    Only `explain` needs it, to show what a sender of another profile has signed.
    """
    text = "".join(f"{identifier}: {value}\n" for identifier, value in lines)
    return f'{text}"@signature-params": {parameters}'.encode("latin-1")


def content_digest(body: bytes) -> str:
    """Value of the Content-Digest header (RFC 9530), SHA-256."""
    return f"sha-256=:{base64.b64encode(hashlib.sha256(body).digest()).decode()}:"


def authority(host: str, scheme: str) -> str:
    """ "@authority" of a Host header or the host and port of an address (RFC 9421, 2.2.3)."""
    return host.lower().removesuffix(DEFAULT_PORTS.get(scheme, "\n"))
