"""`Secret[T]`: a value that never prints, pickles or compares in variable time.

Guards: repr, str, format, JSON and pickle cannot leak what is inside. The only way out is
`.expose()`, which is what a reviewer greps for. Equality is constant-time for bytes and text
(CWE-208). Not done here: keeping the bytes out of swap or core dumps (the key agent does that).

>>> key = Secret(b"abc")
>>> key
<secret>
>>> key == Secret(b"abc")
True
"""

from __future__ import annotations

import hmac
from typing import Any, Generic, NoReturn, TypeVar

T = TypeVar("T", bytes, str)


class Secret(Generic[T]):
    """A secret of bytes or text; `.expose()` gives the value, nothing else does."""

    __slots__ = ("_held",)
    _held: T

    def __init__(self, value: T) -> None:
        self._held = value

    def expose(self) -> T:
        """Return the value itself. Every call site is a place to review."""
        return self._held

    def __repr__(self) -> str:
        return "<secret>"

    __str__ = __repr__

    def __format__(self, _spec: str) -> str:
        return "<secret>"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        mine, theirs = _octets(self._held), _octets(other.expose())
        return hmac.compare_digest(mine, theirs)

    def __hash__(self) -> int:
        raise TypeError("a Secret has no hash: it must not become a dictionary key")

    def __reduce_ex__(self, _protocol: Any) -> NoReturn:
        raise TypeError("a Secret cannot be pickled or copied")


def _octets(value: object) -> bytes:
    if isinstance(value, str):
        return value.encode("utf-8", "surrogatepass")  # an encoding error would quote the secret
    if isinstance(value, bytes):
        return value
    raise TypeError("a Secret holds bytes or text")
