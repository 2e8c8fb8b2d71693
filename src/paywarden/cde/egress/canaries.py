"""Cards and tokens that nobody uses honestly: touching one is an alarm.

    {"tokens": ["tk_test_..."], "fingerprints": ["fp_..."]}

Guards: a canary token is refused before the vault is asked, a canary card (by its fingerprint, so
that any token of it counts) when its record came; both exactly as an unknown token is, so that the
thief is not warned. The file holds no number.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from paywarden.core.errors import Unavailable


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    tokens: list[str] = []
    fingerprints: list[str] = []


@dataclass(frozen=True, slots=True)
class Canaries:
    """What must not be touched."""

    tokens: frozenset[str] = field(default_factory=frozenset)
    fingerprints: frozenset[str] = field(default_factory=frozenset)

    @classmethod
    def load(cls, path: Path) -> Canaries:
        """Those of a file; none where there is none. Errors: Unavailable."""
        if not path.exists():
            return cls()
        try:
            found = msgspec.json.decode(path.read_bytes(), type=_File)
        except (OSError, msgspec.MsgspecError):
            raise Unavailable("canaries_unreadable", f"{path.name} cannot be read") from None
        return cls(frozenset(found.tokens), frozenset(found.fingerprints))
