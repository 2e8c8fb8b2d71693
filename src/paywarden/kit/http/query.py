"""Reading what stands beside a body: the query string and the Idempotency-Key.

Guards: names are known, given once and at most 50; an operation that declares no query takes none.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl

import msgspec
from starlette.types import Scope as AsgiScope

from paywarden.core.errors import InvalidRequest, Unparsable


def query_of(kind: Any, scope: AsgiScope) -> Any:
    """The query as a `kind`; None for an operation without. Errors: InvalidRequest, Unparsable."""
    text = scope.get("query_string", b"").decode("latin-1")
    if kind is None:
        if text:
            raise InvalidRequest("unknown_parameter", "this operation takes no query parameters")
        return None
    try:
        pairs = parse_qsl(
            text, keep_blank_values=True, max_num_fields=50, strict_parsing=bool(text)
        )
    except ValueError:
        raise Unparsable("malformed_query", "the query string cannot be read") from None
    given = dict(pairs)
    if len(given) != len(pairs):
        raise InvalidRequest("parameter_repeated", "a query parameter is given twice")
    try:
        return msgspec.convert(given, kind, strict=False)
    except msgspec.ValidationError:
        raise InvalidRequest(
            "parameter_invalid", "a query parameter is unknown or out of range; see /docs"
        ) from None


def require_idempotency_key(key: str) -> None:
    """Pass for a key of the documented form. Errors: InvalidRequest."""
    if not (1 <= len(key) <= 255 and key.isascii() and key.isprintable()):
        raise InvalidRequest(
            "idempotency_key_invalid", "Idempotency-Key must be 1 to 255 printable ASCII characters"
        )
