"""Digests and protocols in use, devices that hold roots, and which modules are declared."""

from __future__ import annotations

from typing import Final

from paywarden.cde.inventory.declared import KEYS, Use

DIGESTS_AND_PROTOCOLS: Final = (
    Use(
        "TLS to key services",
        "TLS 1.2 or 1.3, chain and pin of the public key",
        256,
        128,
        "carries sealed keys to the root's service",
        "key agent",
        "-",
        0,
        "-",
        ("roots.pinned_https",),
    ),
    Use(
        "TLS to destinations",
        "TLS 1.2 or 1.3, pins of public keys (SHA-256)",
        256,
        128,
        "carries card numbers to approved destinations",
        "egress",
        "-",
        0,
        "-",
        ("egress.transport", "egress.destinations"),
    ),
    Use(
        "authenticated root of records",
        "SHA-256, SHAKE128 (set hash)",
        256,
        128,
        "finds rolled back and resurrected rows",
        "vault",
        "anchored at the key agent",
        0,
        "-",
        ("vault.set_hash",),
    ),
    Use(
        "event chain",
        "SHA-256",
        256,
        128,
        "chains the environment's own events",
        "egress",
        "egress/",
        0,
        "-",
        ("events",),
    ),
    Use(
        "digests of sessions",
        "SHA-256 of 128 random bits",
        256,
        128,
        "finds a card field session without keeping its secret",
        "edge",
        "-",
        0,
        "-",
        ("fields.sessions",),
    ),
    Use(
        "subresource integrity",
        "SHA-384",
        384,
        192,
        "pins scripts of the hosted fields",
        "edge",
        "-",
        0,
        "-",
        ("fields.served", "fields.page_check"),
    ),
    Use(
        "forms searched for",
        "MD5, SHA-1, SHA-256, SHA-512, not for security",
        0,
        0,
        "recognise a card number that leaked as a digest",
        "egress, discovery",
        "-",
        0,
        "-",
        ("egress.echoes", "discovery.leak_forms"),
    ),
    Use(
        "digest of compiled code",
        "SHA-256, cut to 64 bits, not for security",
        64,
        0,
        "finds compiled search code of this very source again",
        "discovery",
        "-",
        0,
        "-",
        ("discovery.machine_code",),
    ),
    Use(
        "comparison of numbers",
        "constant-time comparison, no key",
        0,
        0,
        "compares card numbers in memory without telling where they differ",
        "vault, edge, egress",
        "-",
        0,
        "-",
        ("card",),
    ),
    Use(
        "digests of records",
        "SHA-256",
        256,
        128,
        "names a root record in the transcript",
        "key agent",
        "-",
        0,
        "-",
        ("ceremonies.desk",),
    ),
)

MODULES_USED: Final = (
    ("shares", "software in the key agent's memory, opened by a quorum", "any host", "yes"),
    ("pkcs11", "hardware security module or smart card, PKCS#11 2.40", "its slot", "yes"),
    ("transit", "OpenBao or Vault transit engine", "its own hosts", "yes"),
    ("cloud", "cloud key service in the form of AWS KMS", "the provider's region", "yes"),
    ("file, environment", "software, 32 octets in the open", "any host", "refused"),
)
"""Kind of root, what it is, where, whether production takes it."""


def declared_modules() -> frozenset[str]:
    """Modules of the room (below `paywarden.cde`) that some use names."""
    return frozenset(name for use in (*KEYS, *DIGESTS_AND_PROTOCOLS) for name in use.modules)
