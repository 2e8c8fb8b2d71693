"""A root held by software: 32 octets that came from a file or from the environment.

Guards: for development only; the agent refuses both kinds in production, because whoever copies the
file beside the key file has every key (PCI DSS 4.0.1, 3.6.1.2 and 3.6.1.3). A root put together out
of custodians' shares uses the same sealing under the kind `shares`.
"""

from __future__ import annotations

import binascii
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from paywarden.core.clock import Randomness
from paywarden.core.errors import Corrupt, InvalidRequest
from paywarden.core.secret import Secret
from paywarden.kit.crypto.framing import framed
from paywarden.kit.crypto.master import MASTER_KEY_OCTETS, load_master_key

VARIABLE: Final = "PAYWARDEN_CDE_ROOT"
UNFIT_FOR_PRODUCTION: Final = frozenset({"file", "environment"})
_NONCE_OCTETS: Final = 12
_DOMAIN: Final = b"paywarden.cde-root.v1"


class SoftwareRoot:
    """Seals with AES-256-GCM under a key in this process' memory."""

    def __init__(self, key: Secret[bytes], name: str, kind: str, randomness: Randomness) -> None:
        if len(key.expose()) != MASTER_KEY_OCTETS:
            raise ValueError("a root has 32 octets")
        self.name, self.kind = name, kind
        self._cipher = AESGCM(key.expose())
        self._randomness = randomness

    def seal(self, key: bytes, context: bytes) -> bytes:
        """Nonce and ciphertext, bound to `context`."""
        nonce = self._randomness.octets(_NONCE_OCTETS)
        return nonce + self._cipher.encrypt(nonce, key, framed(_DOMAIN, context))

    def unseal(self, sealed: bytes, context: bytes) -> Secret[bytes]:
        """The key. Errors: Corrupt `key_file_corrupt`."""
        nonce, ciphertext = sealed[:_NONCE_OCTETS], sealed[_NONCE_OCTETS:]
        try:
            return Secret(self._cipher.decrypt(nonce, ciphertext, framed(_DOMAIN, context)))
        except (InvalidTag, ValueError) as fault:
            raise Corrupt("key_file_corrupt", "another root sealed this key file") from fault


def root_from_file(path: Path, randomness: Randomness) -> SoftwareRoot:
    """The root in a file of mode 0600. Errors: Unavailable."""
    return SoftwareRoot(load_master_key(path), path.name, "file", randomness)


def root_from_environment(environ: Mapping[str, str], randomness: Randomness) -> SoftwareRoot:
    """The root in PAYWARDEN_CDE_ROOT, 64 hexadecimal digits. Errors: InvalidRequest."""
    try:
        octets = binascii.unhexlify(environ.get(VARIABLE, ""))
        return SoftwareRoot(Secret(octets), VARIABLE, "environment", randomness)
    except ValueError:
        raise InvalidRequest("root_invalid", f"{VARIABLE} must be 64 hexadecimal digits") from None
