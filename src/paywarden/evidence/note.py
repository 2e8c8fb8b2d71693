"""Signed notes: a text, an empty line, and one line per signature (C2SP signed-note).

Guards: a signature counts only for the name and key it was made with; its first four octets are a
hint at the key and prove nothing. A note holds at most `SIGNATURES_LIMIT` lines. Not done here:
what the text says (`checkpoint`), time-stamped signatures of witnesses (`cosignature`).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from paywarden.core.errors import InvalidRequest
from paywarden.core.secret import Secret

ED25519: Final = 0x01
COSIGNATURE: Final = 0x04
SIGNATURES_LIMIT: Final = 100
NOTE_LIMIT_OCTETS: Final = 65_536
_DASH: Final = "\u2014"
_NAME = re.compile(r"[^\s+]{1,200}\Z")
_LINE = re.compile(rf"{_DASH} ([^\s+]+) ([A-Za-z0-9+/]+=*)\Z")


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """A public key under a name, for signatures of one `kind`."""

    name: str
    kind: int
    public: bytes

    def __post_init__(self) -> None:
        if not _NAME.match(self.name) or len(self.public) != 32:
            raise ValueError("a key has a name without blanks or plus signs, and 32 octets")

    @property
    def hint(self) -> bytes:
        """First four octets of the key's hash."""
        bound = self.name.encode() + b"\n" + bytes([self.kind]) + self.public
        return hashlib.sha256(bound).digest()[:4]

    @property
    def text(self) -> str:
        """`name+hash+key`, as pinned by those who trust it."""
        key = base64.b64encode(bytes([self.kind]) + self.public).decode()
        return f"{self.name}+{self.hint.hex()}+{key}"

    @classmethod
    def parse(cls, text: str) -> VerifierKey:
        """Inverse of `text`. Errors: InvalidRequest `verifier_key_invalid`."""
        name, _, rest = text.strip().partition("+")
        hint, _, encoded = rest.partition("+")
        try:
            octets = base64.b64decode(encoded, validate=True)
            found = cls(name, octets[0], octets[1:])
        except (ValueError, IndexError) as fault:
            raise _bad_key() from fault
        if found.hint.hex() != hint or found.kind not in (ED25519, COSIGNATURE):
            raise _bad_key()
        return found

    def verifies(self, signature: bytes, message: bytes) -> bool:
        """Whether the Ed25519 signature (64 octets) over `message` is this key's."""
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, message)
        except InvalidSignature:
            return False
        return True


class SigningKey:
    """A private Ed25519 key under a name."""

    def __init__(self, name: str, seed: Secret[bytes], kind: int = ED25519) -> None:
        self._private = Ed25519PrivateKey.from_private_bytes(seed.expose())
        self.verifier = VerifierKey(name, kind, self._private.public_key().public_bytes_raw())
        self.hint = self.verifier.hint

    def sign(self, message: bytes) -> bytes:
        """Signature (64 octets) over `message`."""
        return self._private.sign(message)

    def line(self, signature: bytes) -> str:
        """The signature line of a note for `signature`, without its end."""
        return f"{_DASH} {self.verifier.name} {base64.b64encode(self.hint + signature).decode()}"

    def note(self, text: str) -> str:
        """`text` (ending in a newline) as a note signed by this key."""
        return f"{text}\n{self.line(self.sign(text.encode()))}\n"


@dataclass(frozen=True, slots=True)
class Signature:
    """One signature of a note: whose it says it is, the key's hint, what follows, its line."""

    name: str
    hint: bytes
    octets: bytes
    line: str


@dataclass(frozen=True, slots=True)
class Note:
    """The signed text (with its last newline) and the signatures as they came."""

    text: str
    signatures: tuple[Signature, ...]

    def of(self, key: VerifierKey) -> list[Signature]:
        """Signatures that claim to be of `key`."""
        hint = key.hint
        return [one for one in self.signatures if one.name == key.name and one.hint == hint]

    def signed_by(self, key: VerifierKey) -> bool:
        """Whether a plain Ed25519 signature of `key` stands under the text and is right."""
        message = self.text.encode()
        return key.kind == ED25519 and any(
            len(one.octets) == 64 and key.verifies(one.octets, message) for one in self.of(key)
        )


def parse_note(octets: str) -> Note:
    """Take a note apart. Errors: InvalidRequest `note_malformed`."""
    text, found, lines = octets.rpartition("\n\n")
    text += "\n"
    printable = all(letter >= " " or letter == "\n" for letter in octets)
    if not found or not lines.endswith("\n") or not printable or len(octets) > NOTE_LIMIT_OCTETS:
        raise _malformed()
    given = lines[:-1].split("\n")
    if len(given) > SIGNATURES_LIMIT:
        raise _malformed()
    return Note(text, tuple(map(parse_signature, given)))


def parse_signature(line: str) -> Signature:
    """One signature line, without its end. Errors: InvalidRequest `note_malformed`."""
    matched = _LINE.match(line)
    if matched is None:
        raise _malformed()
    try:
        octets = base64.b64decode(matched[2], validate=True)
    except binascii.Error as fault:
        raise _malformed() from fault
    if len(octets) < 5:
        raise _malformed()
    return Signature(matched[1], octets[:4], octets[4:], line)


def _malformed() -> InvalidRequest:
    return InvalidRequest("note_malformed", "this is not a signed note (C2SP signed-note)")


def _bad_key() -> InvalidRequest:
    return InvalidRequest("verifier_key_invalid", "a verifier key reads name+hash+key")
