"""A file sealed to one X25519 key, read and written in pieces; for cards on their way.

    "pwsealed1\\n", an ephemeral public key (32 octets), pieces of 65,552 octets, the last shorter

Key: HKDF-SHA256 over the X25519 secret, salted with both public keys. Piece n: AES-256-GCM, nonce
= n in 11 octets and one octet that is 1 in the last piece, header as associated data: the STREAM
construction (Hoang, Reyhanitabar, Rogaway, Vizar 2015), as the age format uses it. Guards: no octet
is given out before its piece is proved; a file that is cut, spliced, reordered or lengthened is
refused. A fresh key for each file, so no nonce comes twice. Not told: who wrote the file.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import IO, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from paywarden.core.clock import Randomness
from paywarden.core.errors import Corrupt, InvalidRequest
from paywarden.core.secret import Secret

MAGIC: Final = b"pwsealed1\n"
KEY_OCTETS: Final = 32
HEADER_OCTETS: Final = len(MAGIC) + KEY_OCTETS
PIECE_OCTETS: Final = 65_536
TAG_OCTETS: Final = 16
_INFO: Final = b"paywarden.sealed-cards.v1"


def public_of(private: Secret[bytes]) -> bytes:
    """The public half of a key, 32 octets."""
    return X25519PrivateKey.from_private_bytes(private.expose()).public_key().public_bytes_raw()


def sealed(chunks: Iterable[bytes], recipient: bytes, randomness: Randomness) -> Iterator[bytes]:
    """The file's octets, piece by piece. Errors: InvalidRequest `recipient_invalid`."""
    own = X25519PrivateKey.from_private_bytes(randomness.octets(KEY_OCTETS))
    ephemeral = own.public_key().public_bytes_raw()
    try:
        shared = own.exchange(X25519PublicKey.from_public_bytes(recipient))
    except ValueError:
        raise InvalidRequest("recipient_invalid", "this is no X25519 public key") from None
    header = MAGIC + ephemeral
    cipher = _cipher(shared, ephemeral, recipient)
    yield header
    number, held = 0, b""
    for chunk in chunks:
        held += chunk
        while len(held) > PIECE_OCTETS:
            yield cipher.encrypt(_nonce(number, last=False), held[:PIECE_OCTETS], header)
            number, held = number + 1, held[PIECE_OCTETS:]
    yield cipher.encrypt(_nonce(number, last=True), held, header)


def opened(file: IO[bytes], private: Secret[bytes]) -> Iterator[bytes]:
    """The content, piece by piece. Errors: Corrupt `sealed_file_corrupt`."""
    header = file.read(HEADER_OCTETS)
    ephemeral = header[len(MAGIC) :]
    if not header.startswith(MAGIC) or len(ephemeral) != KEY_OCTETS:
        raise _corrupt("it has no header of a sealed file")
    own = X25519PrivateKey.from_private_bytes(private.expose())
    try:
        shared = own.exchange(X25519PublicKey.from_public_bytes(ephemeral))
    except ValueError:
        raise _corrupt("its key is none") from None
    cipher = _cipher(shared, ephemeral, own.public_key().public_bytes_raw())
    number, piece = 0, file.read(PIECE_OCTETS + TAG_OCTETS)
    while True:
        after = file.read(PIECE_OCTETS + TAG_OCTETS)
        try:
            content = cipher.decrypt(_nonce(number, last=not after), piece, header)
        except (InvalidTag, ValueError):
            raise _corrupt("it is sealed to another key, cut, or was changed") from None
        yield content
        if not after:
            return
        number, piece = number + 1, after


def lines(chunks: Iterable[bytes], limit: int) -> Iterator[bytes]:
    """Lines of at most `limit` octets, without their ends; a longer one comes as `b""`."""
    held, dropping = b"", False
    for chunk in chunks:
        *whole, held = (held + chunk).split(b"\n")
        for one in whole:
            yield b"" if dropping or len(one) > limit else one
            dropping = False
        if len(held) > limit:
            held, dropping = b"", True
    if held or dropping:
        yield b"" if dropping else held


def _cipher(shared: bytes, ephemeral: bytes, recipient: bytes) -> AESGCM:
    return AESGCM(HKDF(SHA256(), KEY_OCTETS, ephemeral + recipient, _INFO).derive(shared))


def _nonce(number: int, *, last: bool) -> bytes:
    return number.to_bytes(11, "big") + bytes([last])


def _corrupt(why: str) -> Corrupt:
    return Corrupt("sealed_file_corrupt", f"the file is not believed: {why}")
