"""Identifiers: one frozen type per kind, each with a prefix, never a bare `str`.

Random part: 128 bits in lower-case base 32 (RFC 4648 alphabet, no padding), 26 characters.

>>> DecisionId.parse("dec_" + "a" * 26).text
'dec_aaaaaaaaaaaaaaaaaaaaaaaaaa'
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

from paywarden.core.clock import Randomness

_LETTERS = "abcdefghijklmnopqrstuvwxyz234567"
_ALPHABET = frozenset(_LETTERS)
_PAIRS = tuple(a + b for a in _LETTERS for b in _LETTERS)


@dataclass(frozen=True, slots=True)
class Identifier:
    """Base of the prefixed identifiers; `text` is the whole identifier."""

    text: str
    prefix: ClassVar[str] = ""

    @classmethod
    def new(cls, randomness: Randomness) -> Self:
        """A fresh identifier with 128 random bits."""
        return cls(cls.prefix + encode_128(randomness.octets(16)))

    @classmethod
    def parse(cls, text: str) -> Self:
        """Check prefix, length and alphabet; ValueError otherwise."""
        body = text[len(cls.prefix) :]
        if not text.startswith(cls.prefix) or len(body) != 26 or not _ALPHABET.issuperset(body):
            raise ValueError(f"not an identifier of the form {cls.prefix}...")
        return cls(text)

    def __str__(self) -> str:
        return self.text


def encode_128(octets: bytes) -> str:
    """16 bytes as 26 characters; one is made per request, so pairs come from a table."""
    number = int.from_bytes(octets, "big") << 2
    return "".join([_PAIRS[number >> shift & 1023] for shift in range(120, -1, -10)])


class DecisionId(Identifier):
    """A recorded decision."""

    prefix = "dec_"


class RequestId(Identifier):
    """One HTTP request, in logs, answers and errors."""

    prefix = "req_"


class IncidentId(Identifier):
    """An unmapped fault; the only thing an anonymous 500 says."""

    prefix = "inc_"


class ApiKeyId(Identifier):
    """The public half of an API key: safe to log."""

    prefix = "key_"


class PersonId(Identifier):
    """A human being, however many accounts, credentials or sessions are theirs."""

    prefix = "psn_"


class ApprovalId(Identifier):
    """A request for approval and everything that became of it."""

    prefix = "apr_"


class ClientKeyId(Identifier):
    """The public half of a client's signing key: the `keyid` of a signature, safe to log."""

    prefix = "sig_"


class BacktestId(Identifier):
    """A back-test that was asked for over HTTP."""

    prefix = "bt_"


class SessionId(Identifier):
    """The public half of a person's session: safe to log and to name when revoking."""

    prefix = "ses_"
