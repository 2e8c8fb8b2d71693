"""Decision ids that carry their log sequence: found without an index, guessed by nobody.

Form: `dec_` and one AES block (FIPS 197) under a derived key, in base 32. The block holds the
sequence and a keyed digest of the scope, so that an id of another tenant or environment, or an
invented one, is refused before anything is read. One block under one key is a pseudo-random
permutation of 128 bits: equal sequences give equal ids, nothing else does.

>>> from paywarden.core.scope import Environment
>>> ids = DecisionIds(Secret(bytes(32)))
>>> scope = Scope("acme", Environment.TEST)
>>> ids.seq_of(scope, ids.text(scope, 7))
7
"""

from __future__ import annotations

import base64
import hashlib
import hmac

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import ECB

from paywarden.core.identifiers import DecisionId, encode_128
from paywarden.core.scope import Scope
from paywarden.core.secret import Secret


class DecisionIds:
    """Makes and reads decision ids under one 32-byte key."""

    def __init__(self, key: Secret[bytes]) -> None:
        octets = key.expose()
        if len(octets) != 32:
            raise ValueError("the key of decision ids has 32 bytes")
        # A single block of unique content: the one use for which ECB is the right mode.
        cipher = Cipher(AES(octets), ECB())  # noqa: S305
        # Contexts of ECB keep nothing between blocks; making one costs more than a block.
        self._encrypt = cipher.encryptor().update
        self._decrypt = cipher.decryptor().update
        self._key = octets
        self._tags: dict[Scope, bytes] = {}

    def text(self, scope: Scope, seq: int) -> str:
        """The id of the decision recorded at `seq` (from 1)."""
        block = self._encrypt(seq.to_bytes(8, "big") + self._tag(scope))
        return "dec_" + encode_128(block)

    def seq_of(self, scope: Scope, text: str) -> int | None:
        """The sequence in an id, or None when it is not an id of this scope."""
        try:
            DecisionId.parse(text)
            block = base64.b32decode(text[4:].upper() + "======")
        except ValueError:
            return None
        if encode_128(block) != text[4:]:
            return None  # base 32 leaves two bits unused; only one spelling is an id
        plain = self._decrypt(block)
        if not hmac.compare_digest(plain[8:], self._tag(scope)):
            return None
        return int.from_bytes(plain[:8], "big")

    def _tag(self, scope: Scope) -> bytes:
        tag = self._tags.get(scope)
        if tag is None:
            tag = hashlib.blake2b(scope.text.encode(), key=self._key, digest_size=8).digest()
            self._tags[scope] = tag
        return tag
