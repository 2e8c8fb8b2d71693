"""Recovery codes: ten texts of 128 bits, each good once, for nothing but enrolling anew.

Guards: only keyed digests are stored; at 128 random bits a slow hash would protect nothing more
(NIST SP 800-63B, 5.1.2.2). A used code is spent and removed in the unit that opens the session.
"""

from __future__ import annotations

from typing import Final

from paywarden.core.clock import Randomness
from paywarden.core.identifiers import PersonId, encode_128
from paywarden.core.scope import Scope
from paywarden.core.secret import Secret
from paywarden.kit.crypto.digest import KeyedDigest

COUNT: Final = 10
GROUP: Final = 4


def new_codes(randomness: Randomness) -> list[Secret[str]]:
    """Ten codes in groups of four characters."""
    return [Secret(_grouped(encode_128(randomness.octets(16)))) for _ in range(COUNT)]


def code_digest(digest: KeyedDigest, scope: Scope, person: PersonId, code: Secret[str]) -> bytes:
    """Digest of a code as typed: case, spaces and dashes do not count."""
    plain = "".join(code.expose()[:100].casefold().replace("-", " ").split())
    return digest.of(
        scope, b"recovery", person.text.encode(), plain.encode("utf-8", "surrogatepass")
    )


def _grouped(text: str) -> str:
    return "-".join(text[at : at + GROUP] for at in range(0, len(text), GROUP))
