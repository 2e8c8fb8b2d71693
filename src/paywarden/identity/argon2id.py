"""Argon2id hashes and the strength of passwords: the costly work, done in a process of its own.

Guards: 19 MiB of memory, two passes, one lane: the OWASP floor, measured at 43 ms of processor.
Loads argon2-cffi and zxcvbn, each at its first use. Not done here: when a password is acceptable
(`passwords.py`), the process (`hashing_process.py`). Source: RFC 9106; OWASP cheat sheet on
password storage; PCI DSS 4.0.1, 8.3.2.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from argon2 import PasswordHasher

MEMORY_KIB: Final = 19 * 1024
PASSES: Final = 2
LANES: Final = 1
PREFIX: Final = f"$argon2id$v=19$m={MEMORY_KIB},t={PASSES},p={LANES}$"
"""How a hash of the present parameters begins; another beginning is hashed anew at a sign-in."""
NOBODYS: Final = PREFIX + "A" * 22 + "$" + "A" * 43
"""A well-formed hash that no password has: what is checked for unknown names, at the same cost."""


def hash_password(password: str) -> str:
    """PHC text of a password with fresh salt."""
    return _hasher().hash(password)


def verify_password(encoded: str, password: str) -> bool:
    """Whether `password` belongs to `encoded`."""
    from argon2.exceptions import InvalidHashError, VerificationError

    try:
        return _hasher().verify(encoded, password)
    except (VerificationError, InvalidHashError):
        return False


def password_strength(password: str, words: Sequence[str]) -> int:
    """zxcvbn's score, 0 (guessed at once) to 4, where the person's own `words` count as known."""
    from zxcvbn import zxcvbn

    score: int = zxcvbn(password, user_inputs=list(words), max_length=128)["score"]
    return score


def _hasher() -> PasswordHasher:
    from argon2 import PasswordHasher

    return PasswordHasher(PASSES, MEMORY_KIB, LANES)
