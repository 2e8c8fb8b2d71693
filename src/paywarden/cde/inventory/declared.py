"""Every use of cryptography in the card data environment, declared once.

Guards: a module of the room that reaches for cryptography and stands in no use here fails a test,
so the inventory is complete by construction. Algorithms and cryptoperiods of the agent's keys come
from `keys.model`, which enforces them, and are not written twice.
Source: PCI DSS 4.0.1, 3.6.1.1 (architecture), 12.3.3 (suites and protocols in use).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from paywarden.cde.keys.model import ALGORITHMS, CRYPTOPERIOD_DAYS, PERIOD_DAYS


@dataclass(frozen=True, slots=True)
class Use:
    """One key, digest or protocol: `strength_bits` against attack; days 0 where it does not end."""

    name: str
    algorithm: str
    length_bits: int
    strength_bits: int
    purpose: str
    owner: str
    location: str
    cryptoperiod_days: int
    end: str
    modules: tuple[str, ...]


KEYS: Final = (
    Use(
        "unsealing key",
        "Shamir over GF(256), or XOR of full-length components; AES-256-GCM-SIV",
        256,
        256,
        "opens the root's record; exists only as parts",
        "key custodians",
        "parts with their custodians, nowhere else",
        365,
        "rekey ceremony",
        (
            "ceremonies.making",
            "ceremonies.shamir",
            "ceremonies.components",
            "ceremonies.parts",
            "roots.record",
        ),
    ),
    Use(
        "root",
        "AES-256-GCM-SIV (shares); AES-256-GCM (module, service)",
        256,
        256,
        "seals the key file",
        "key officer",
        "key agent's memory after a quorum; or inside the module or service",
        730,
        "rotate ceremony, or rotation at the service",
        ("primitives", "roots.sealing", "roots.pkcs11", "roots.pkcs11_child", "keys.software_root"),
    ),
    Use(
        "key file key",
        "AES-256-GCM",
        256,
        256,
        "encrypts the key file; drawn anew at each write",
        "key agent",
        "sealed in keys.sealed",
        0,
        "replaced at the next write",
        ("keys.key_file",),
    ),
    Use(
        "pan",
        ALGORITHMS["pan"],
        256,
        256,
        "wraps data keys, per tenant and month",
        "key agent",
        "keys.sealed",
        CRYPTOPERIOD_DAYS["pan"],
        "keys rotate, then rewrapping; old versions destroyed",
        ("keys.using", "keys.making"),
    ),
    Use(
        "pan, of a month",
        ALGORITHMS["pan"],
        256,
        256,
        "second half of what wraps data keys: destroying it shreds the month",
        "key agent",
        "keys.sealed",
        PERIOD_DAYS,
        "keys destroy",
        ("keys.using", "keys.making"),
    ),
    Use(
        "data key",
        "AES-256-GCM",
        256,
        256,
        "one per record: encrypts one card number",
        "vault",
        "wrapped beside its record; in memory while used",
        0,
        "deleted with its record",
        ("vault.tokenising", "egress.opening"),
    ),
    Use(
        "index",
        ALGORITHMS["index"],
        256,
        256,
        "keyed digests that find a card again; never leaves the agent",
        "key agent",
        "keys.sealed",
        CRYPTOPERIOD_DAYS["index"],
        "keys rotate, then indexing anew",
        ("keys.using", "keys.making"),
    ),
    Use(
        "facts",
        ALGORITHMS["facts"],
        256,
        128,
        "signs card facts for systems outside",
        "key agent",
        "keys.sealed",
        CRYPTOPERIOD_DAYS["facts"],
        "keys rotate",
        ("keys.using", "keys.making"),
    ),
    Use(
        "state",
        ALGORITHMS["state"],
        256,
        256,
        "authenticates budgets and anchors of the journal",
        "key agent",
        "keys.sealed",
        CRYPTOPERIOD_DAYS["state"],
        "with a new journal",
        ("keys.state_journal", "keys.making"),
    ),
    Use(
        "boot key of security codes",
        "AES-256-GCM",
        256,
        256,
        "encrypts security codes in memory, 15 minutes at most",
        "vault",
        "vault's memory only",
        0,
        "ends with the process",
        ("vault.codes",),
    ),
    Use(
        "row marks",
        "keyed BLAKE2b, cut to 60 bits",
        256,
        60,
        "finds a row changed while the vault runs, at its next look-up",
        "vault",
        "vault's memory only",
        0,
        "ends with the process",
        ("vault.row_marks",),
    ),
    Use(
        "try-counting key",
        "keyed BLAKE2b",
        256,
        128,
        "counts distinct cards of a caller in memory",
        "edge",
        "edge's memory only",
        0,
        "ends with the process",
        ("edge.tries",),
    ),
    Use(
        "finding key",
        "keyed BLAKE2b, HMAC-SHA-256",
        256,
        128,
        "names a sighting without its number",
        "discovery",
        "discovery's own folder",
        365,
        "by hand",
        ("discovery.findings", "discovery.sightings"),
    ),
    Use(
        "transcript key",
        "Ed25519",
        256,
        128,
        "signs each line of a ceremony's transcript",
        "key agent",
        "keys/transcript.key, 0600",
        1_825,
        "by hand, old public key kept",
        ("ceremonies.transcript",),
    ),
    Use(
        "roster key",
        "Ed25519",
        256,
        128,
        "signs the roster of custodians and officers",
        "security officer",
        "off line",
        1_825,
        "new roster.pub by hand",
        ("ceremonies.signed_roster",),
    ),
    Use(
        "people's keys",
        "Ed25519; passkeys: ES256, EdDSA, RS256",
        256,
        128,
        "sign each step of a ceremony, and approvals",
        "each person",
        "key file or authenticator",
        730,
        "new roster",
        ("ceremonies.attendance",),
    ),
    Use(
        "recipient's key of a transfer",
        "X25519, HKDF-SHA256, AES-256-GCM in pieces (STREAM)",
        256,
        128,
        "seals cards that are imported or exported to one reader",
        "who reads the file",
        "the reader's own; of an import, a file of the operator's, 0600",
        365,
        "a new pair, agreed on by hand",
        ("transfer.sealed_file", "transfer.importing", "egress.exporting", "egress.http"),
    ),
    Use(
        "caller proofs",
        "32 random octets, compared in constant time",
        256,
        256,
        "tell processes of one user apart, in development",
        "key agent",
        "run/*.caller, 0600",
        0,
        "made anew by hand",
        ("proofs",),
    ),
    Use(
        "service credentials",
        "HMAC-SHA-256 (signature version 4); bearer token",
        256,
        128,
        "authenticate the key agent to a key service",
        "security officer",
        "keys/, 0600",
        90,
        "at the service",
        ("roots.sigv4", "roots.cloud", "roots.transit"),
    ),
)
