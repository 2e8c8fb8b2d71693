"""The few cryptographic primitives that the environment uses, each in its one permitted form.

Guards: AES keys have 256 bits, nonces of AEAD have 12 octets, tags 16: every other size is refused
here, so that nobody chooses one elsewhere. Associated data is made by `bound`, which frames every
part with its length. A failed check is `Corrupt` without a word about what failed inside.
Sources: SP 800-38D (GCM), RFC 8452 (GCM-SIV), RFC 3394 and 5649 (KW, KWP), RFC 5869 (HKDF),
RFC 2104 (HMAC), SP 800-38B (CMAC); check value: CMAC of a block of zeros, 5 octets at most
(ANSI X9.24-1:2017). Not done here: which key is for what (`keys`), where nonces come from
(the caller's `Randomness`).
"""

from __future__ import annotations

import hmac as _hmac
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import cmac as _cmac
from cryptography.hazmat.primitives import hashes, keywrap
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, AESGCMSIV
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from paywarden.core.errors import Corrupt
from paywarden.core.secret import Secret
from paywarden.kit.crypto.framing import framed

KEY_OCTETS: Final = 32
NONCE_OCTETS: Final = 12
CHECK_OCTETS: Final = 5
MAC_OCTETS: Final = 32
_DERIVED_LIMIT_OCTETS: Final = 255 * 32
_ZEROS: Final = bytes(16)


def bound(*parts: bytes) -> bytes:
    """Associated data of `parts`, each after its length: no two lists give the same octets."""
    return framed(*parts)


def seal(key: Secret[bytes], nonce: bytes, plaintext: bytes, associated: bytes) -> bytes:
    """AES-256-GCM: ciphertext and tag, without the nonce. ValueError for another key or nonce."""
    _sized(key, nonce)
    return AESGCM(key.expose()).encrypt(nonce, plaintext, associated)


def open_sealed(
    key: Secret[bytes], nonce: bytes, ciphertext: bytes, associated: bytes
) -> Secret[bytes]:
    """What `seal` sealed. Errors: Corrupt when key, nonce, octets or associated data differ."""
    _sized(key, nonce)
    try:
        return Secret(AESGCM(key.expose()).decrypt(nonce, ciphertext, associated))
    except (InvalidTag, ValueError):
        raise _not_authentic() from None


def seal_siv(key: Secret[bytes], nonce: bytes, plaintext: bytes, associated: bytes) -> bytes:
    """AES-256-GCM-SIV: like `seal`; a nonce used twice tells equality and nothing more."""
    _sized(key, nonce)
    return AESGCMSIV(key.expose()).encrypt(nonce, plaintext, associated)


def open_siv(
    key: Secret[bytes], nonce: bytes, ciphertext: bytes, associated: bytes
) -> Secret[bytes]:
    """What `seal_siv` sealed. Errors: Corrupt."""
    _sized(key, nonce)
    try:
        return Secret(AESGCMSIV(key.expose()).decrypt(nonce, ciphertext, associated))
    except (InvalidTag, ValueError):
        raise _not_authentic() from None


def wrap(key: Secret[bytes], wrapped_key: Secret[bytes]) -> bytes:
    """AES-256-KW of a key of 16 to 64 octets in whole blocks of 8. ValueError for others."""
    _sized(key)
    return keywrap.aes_key_wrap(key.expose(), wrapped_key.expose())


def unwrap(key: Secret[bytes], wrapped: bytes) -> Secret[bytes]:
    """What `wrap` wrapped. Errors: Corrupt."""
    _sized(key)
    try:
        return Secret(keywrap.aes_key_unwrap(key.expose(), wrapped))
    except (keywrap.InvalidUnwrap, ValueError):
        raise _not_authentic() from None


def wrap_padded(key: Secret[bytes], wrapped_key: Secret[bytes]) -> bytes:
    """AES-256-KWP of one octet or more."""
    _sized(key)
    return keywrap.aes_key_wrap_with_padding(key.expose(), wrapped_key.expose())


def unwrap_padded(key: Secret[bytes], wrapped: bytes) -> Secret[bytes]:
    """What `wrap_padded` wrapped. Errors: Corrupt."""
    _sized(key)
    try:
        return Secret(keywrap.aes_key_unwrap_with_padding(key.expose(), wrapped))
    except (keywrap.InvalidUnwrap, ValueError):
        raise _not_authentic() from None


def derive(
    key: Secret[bytes], info: bytes, *, length: int = 32, salt: bytes = b""
) -> Secret[bytes]:
    """HKDF-SHA-256, `length` octets. ValueError over 8,160 octets or under one."""
    if not 1 <= length <= _DERIVED_LIMIT_OCTETS:
        raise ValueError("HKDF-SHA-256 gives 1 to 8,160 octets")
    made = HKDF(algorithm=hashes.SHA256(), length=length, salt=salt or None, info=info)
    return Secret(made.derive(key.expose()))


def hmac(key: Secret[bytes], message: bytes) -> bytes:
    """HMAC-SHA-256, all 32 octets."""
    return _hmac.digest(key.expose(), message, "sha256")


def hmac_holds(key: Secret[bytes], message: bytes, tag: bytes) -> bool:
    """Whether `tag` is the whole HMAC of the message; constant in time."""
    return _hmac.compare_digest(hmac(key, message), tag)


def cmac(key: Secret[bytes], message: bytes) -> bytes:
    """AES-256-CMAC, all 16 octets."""
    _sized(key)
    made = _cmac.CMAC(AES(key.expose()))
    made.update(message)
    return made.finalize()


def cmac_holds(key: Secret[bytes], message: bytes, tag: bytes) -> bool:
    """Whether `tag` is the whole CMAC of the message; constant in time."""
    return _hmac.compare_digest(cmac(key, message), tag)


def check_value(key: Secret[bytes]) -> bytes:
    """The five octets by which people compare a key: CMAC of a block of zeros, cut."""
    return cmac(key, _ZEROS)[:CHECK_OCTETS]


def _sized(key: Secret[bytes], nonce: bytes | None = None) -> None:
    if len(key.expose()) != KEY_OCTETS:
        raise ValueError("an AES key of the environment has 32 octets")
    if nonce is not None and len(nonce) != NONCE_OCTETS:
        raise ValueError("a nonce has 12 octets")


def _not_authentic() -> Corrupt:
    return Corrupt("sealed_not_authentic", "sealed octets do not fit their key and their place")
