"""Headers in the OpenAPI document: what a request may carry to be signed, what each answer carries.

Guards: whatever `operation` may send on an answer is declared for it here, by who may get it: every
answer, answers behind an API key (rates, signatures), one status, one operation. Not here: content
type and length, which OpenAPI leaves out, and what the server adds (`Date`, `Server`).
Source: OpenAPI 3.1, 4.8.21; RFC 9421 section 4; RFC 9530; RFC 9110 sections 10.2 and 11.6.1;
draft-ietf-httpapi-ratelimit-headers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from paywarden.kit.http.operation import Operation

_TEXT: Final = {"type": "string"}
_COMPONENTS: Final[Mapping[str, tuple[dict[str, str], str]]] = {
    "Request-Id": (_TEXT, "Id of the request"),
    "Cache-Control": (_TEXT, "`no-store`"),
    "X-Content-Type-Options": (_TEXT, "`nosniff`"),
    "RateLimit": (_TEXT, 'The nearest limit: `"key";r=148;t=1`, what is left and seconds until '
                  "all is back"),
    "RateLimit-Policy": (_TEXT, 'The same limit: `"key";q=200;w=2`, burst and seconds until whole'),
    "Content-Digest": (_TEXT, "SHA-256 of the body, on answers to signed requests"),
    "Signature-Input": (_TEXT, "What the signature covers, on answers to signed requests"),
    "Signature": (_TEXT, "On answers to signed requests; see docs/reference/signatures.md"),
    "Client-Id": (_TEXT, "Partner profile alone: the partner's id"),
    "Response-Time": (_TEXT, "Partner profile alone: when the answer was signed"),
    "Retry-After": ({"type": "integer"}, "Seconds until another try"),
    "WWW-Authenticate": (_TEXT, "`Bearer`"),
    "Idempotent-Replayed": (_TEXT, "`true` when an Idempotency-Key gives its first answer again"),
    "Location": (_TEXT, "Where the request for approval stands"),
}  # fmt: skip
ALWAYS: Final = ("Request-Id", "Cache-Control", "X-Content-Type-Options")
RATES: Final = ("RateLimit", "RateLimit-Policy")
SIGNED: Final = ("Content-Digest", "Signature-Input", "Signature", "Client-Id", "Response-Time")
_BY_STATUS: Final[Mapping[int, tuple[str, ...]]] = {
    401: ("WWW-Authenticate",),
    409: ("Retry-After",),
    429: ("Retry-After",),
    503: ("Retry-After",),
}
_PARAMETERS: Final = {
    "Signature": "RFC 9421, label `sig1`; see docs/reference/signatures.md",
    "Signature-Input": "What the signature covers: the exact list of the profile",
    "Content-Digest": "RFC 9530, SHA-256 of the body; needed when the request is signed",
}


def components() -> dict[str, dict[str, Any]]:
    """`headers` and `parameters` of the components."""
    headers = {
        name: {"schema": shape, "description": text} for name, (shape, text) in _COMPONENTS.items()
    }
    parameters = {
        name: {
            "name": name, "in": "header", "required": False, "description": text,
            "schema": {"type": "string", "minLength": 1, "maxLength": 4_096},
        }
        for name, text in _PARAMETERS.items()
    }  # fmt: skip
    return {"headers": headers, "parameters": parameters}


def signing_parameters(operation: Operation) -> list[dict[str, str]]:
    """Parameters of a request that may be signed: one behind an API key."""
    if operation.public:
        return []
    return [{"$ref": f"#/components/parameters/{name}"} for name in _PARAMETERS]


def of_refusal(status: int, *, public: bool) -> dict[str, Any]:
    """Headers of a problem of that status."""
    names = [*ALWAYS, *_BY_STATUS.get(status, ())]
    if not public:
        names += [*RATES, *SIGNED]
    elif status == 429:
        names += RATES
    return _referred(names)


def of_answer(operation: Operation, status: int) -> dict[str, Any]:
    """Headers of an answer that is no problem."""
    names = list(ALWAYS) if operation.public else [*ALWAYS, *RATES, *SIGNED]
    if status in operation.also_answers:
        names.append("Location")
    if operation.takes_idempotency_key:
        names.append("Idempotent-Replayed")
    own = {
        name: {"schema": _TEXT, "description": text}
        for name, text in operation.answer_headers.items()
    }
    return _referred(names) | own


def _referred(names: Iterable[str]) -> dict[str, Any]:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}
