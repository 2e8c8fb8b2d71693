"""Port of the root of all keys: whatever seals the key file, in software or in hardware.

Guards: the agent never asks what kind of root it has, except to refuse in production one that lies
in a plain file or in the environment (PCI DSS 4.0.1, 3.6.1.2). Back ends stand beside this file;
each fails with Unavailable `key_backend_gone` when it cannot serve and with Corrupt
`key_file_corrupt` when what it is given was not sealed by it for this context.
"""

from __future__ import annotations

from typing import Protocol

from paywarden.core.secret import Secret


class Root(Protocol):
    """Seals and unseals short keys (16 to 64 octets) under a root that never leaves it."""

    name: str
    """Which root this is, e.g. a label of a hardware key; stands in the key file's header."""

    kind: str
    """What it is: `file`, `environment`, `shares`, `pkcs11`, `transit`, `cloud`."""

    def seal(self, key: bytes, context: bytes) -> bytes:
        """`key` sealed and bound to `context`. Errors: Unavailable `key_backend_gone`."""
        ...

    def unseal(self, sealed: bytes, context: bytes) -> Secret[bytes]:
        """The key. Errors: Unavailable `key_backend_gone`, Corrupt `key_file_corrupt`."""
        ...
