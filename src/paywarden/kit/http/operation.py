"""The declaration of a typed HTTP operation, and what its handler takes and gives.

Guards: default deny, an operation without a permission must say `public=True`. Handlers raise
`paywarden.core.errors`; only this package speaks HTTP. Not done here: answering a request
(`endpoint`), what the operations of a process share (`surroundings`).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from paywarden.core.errors import InvalidRequest, NotAuthenticated
from paywarden.kit.http.authenticator import Principal

BODY_LIMIT = 256 * 1024
Headers = tuple[tuple[str, str], ...]


class Answer(NamedTuple):
    """What a handler returns: a struct or raw bytes, a status and extra headers."""

    payload: Any
    status: int = 200
    headers: Headers = ()
    content_type: str = "application/json"


class Call(NamedTuple):
    """One request as a handler sees it; `sender` is its address where a process asks for it."""

    request_id: str
    principal: Principal | None
    body: Any
    raw_body: bytes
    path: Mapping[str, str]
    query: Any
    started_ns: int
    sender: bytes = b""

    @property
    def asker(self) -> Principal:
        """The authenticated principal; a programmer's error on a public operation."""
        if self.principal is None:
            raise NotAuthenticated("not_authenticated", "this operation needs a key")
        return self.principal


Handler = Callable[[Call], Awaitable[Answer]]
Screen = Callable[[bytes], InvalidRequest | None]
"""The refusal of a raw body that holds what may not even be looked at closer, or None."""
ScreenAside = Callable[[bytes], Awaitable[InvalidRequest | None]]
"""The same away from the event loop. The body is then decoded there too: the handler gets it raw,
and whoever decodes it raises what `decoding` raises."""
Cost = Callable[[Any, Any], int]
"""Requests that a decoded body and query count for, at least 1."""


@dataclass(frozen=True, slots=True)
class Operation:
    """Declaration of an operation; the OpenAPI document is made from these alone.

    `weight`: requests that one counts for at the rate limits; `cost`: the same by body and query.
    `answer_headers`: text by name of headers that its handler may add. `body`: `bytes` for one that
    is not JSON and reaches handler and `cost` as it came, in the form `body_content_type`.
    """

    method: str
    path: str
    name: str
    summary: str
    handler: Handler
    answer: Any
    body: Any = None
    query: Any = None
    permission: str | None = None
    public: bool = False
    status: int = 200
    tag: str = "decisions"
    answer_content_type: str = "application/json"
    path_texts: Mapping[str, str] = field(default_factory=dict)
    body_limit: int = BODY_LIMIT
    idempotent: bool = True
    also_declares: Mapping[int, str] = field(default_factory=dict)
    also_answers: Mapping[int, Any] = field(default_factory=dict)
    body_optional: bool = False
    screen: Screen | None = None
    screen_always: bool = False
    screen_aside: ScreenAside | None = None
    path_patterns: Mapping[str, str] = field(default_factory=dict)
    from_browser: bool = False
    weight: int = 1
    cost: Cost | None = None
    answer_headers: Mapping[str, str] = field(default_factory=dict)
    body_content_type: str = "application/json"

    def __post_init__(self) -> None:
        if self.public == (self.permission is not None):
            raise ValueError(f"{self.name}: exactly one of public and permission")

    @property
    def takes_octets(self) -> bool:
        """Whether the body goes to the handler undecoded."""
        return self.body is bytes

    @property
    def takes_idempotency_key(self) -> bool:
        """Whether the same Idempotency-Key gives the same answer here."""
        return self.method == "POST" and self.idempotent and not self.public
