"""The official schemas, read as files out of packages that carry them, and known by their digest.

Guards: no code of those packages runs or is imported; a schema counts only when the SHA-256 of its
canonical form (Canonical XML 2.0, white space between elements stripped, comments left out) is the
one written here, so a package cannot change what a message must look like. The digests of pain.001
3, 9, 10 and 11 are those of two packages that do not know each other.
Source: ISO 20022 message definitions, by their namespaces.
"""

from __future__ import annotations

import hashlib
from importlib.metadata import PackageNotFoundError, distribution
from typing import Final
from xml.etree.ElementTree import canonicalize  # schemas come from installed packages

from paywarden.core.errors import Corrupt

NAMESPACE: Final = "urn:iso:std:iso:20022:tech:xsd:"
DIGESTS: Final = {
    "pacs.008.001.08": "bb3de310e8d3b676d2367ea3b2402c50059a4d181b8ab0a44815e65eeddc8fab",
    "pacs.008.001.09": "133a1c42e3759514db5a9c368f4e9ec5bbb1ff2612eceed4d3f4a49a56b4e261",
    "pacs.008.001.10": "0ca12f3fa60ba7efef6e8560da4b526e558d1a8e66bac4eb191e47c27cf89ed1",
    "pacs.008.001.11": "0b8b4769fd03fff92bfaba16b5635440b8b930c0c17f90b763948cc08ba06aba",
    "pacs.008.001.12": "a2d23c7204cabbb677c10d8bf006e02265bb7bfd1e75a8636e40a6f0ecc3deb9",
    "pacs.008.001.13": "aa1f87f58153d836cfc88baecc85c5581dccd797e6807d634f25e230400eefc4",
    "pain.001.001.03": "28db66fd9179cda71550fa4434422dc498774444dac2053b584b59a190fec712",
    "pain.001.001.09": "a376c06c98d266ac0824edf4e01f1573f7894437da6cc83205dfe5ed31990bd5",
    "pain.001.001.10": "0a22275cf94173b7212232beed359efe6e5d4e27b16613491a1d00bedb64416e",
    "pain.001.001.11": "c76b6430f65de93b8a285b6b4269b5bf6549c59382adc8b414d2ec0486ea93b9",
    "pain.001.001.12": "1256eb67e01bca7e02ec50759a523408c01777d0664cacc243089145a04f299b",
    "pain.001.001.13": "8bd948551217a00bd18d7e3f56e41707f32f5013c276851d6184d690df0ee6ed",
}
"""Every message kind that is taken, with the digest of its schema."""

CARRIERS: Final = (
    ("sepaxml", "sepaxml/schemas/{kind}.xsd"),
    ("pacs008", "pacs008/templates/{kind}/{kind}.xsd"),
    ("pain001", "pain001/templates/{kind}/{kind}.xsd"),
)
"""Packages that carry schemas, and where; the last is not in our extra and used if it is there."""
LARGEST: Final = 1 << 20


def kind_of(namespace: str) -> str | None:
    """The message kind that a namespace names, or None for one that is not taken."""
    kind = namespace.removeprefix(NAMESPACE)
    return kind if namespace.startswith(NAMESPACE) and kind in DIGESTS else None


def installed_schema(kind: str) -> str | None:
    """Text of the schema of a kind, or None where no package carries it.

    Errors: Corrupt `iso20022_schema_strange` when one carries another text under its name.
    """
    for package, template in CARRIERS:
        octets = _file_of(package, template.format(kind=kind))
        if octets is None:
            continue
        written = octets.decode("utf-8")
        canonical = canonicalize(written, strip_text=True).encode()
        if hashlib.sha256(canonical).hexdigest() != DIGESTS[kind]:
            raise Corrupt(
                "iso20022_schema_strange",
                f"the schema of {kind} in the package {package} is not the official text",
            )
        return written
    return None


def _file_of(package: str, path: str) -> bytes | None:
    try:
        found = distribution(package).locate_file(path)
        with open(str(found), "rb") as file:
            return file.read(LARGEST)
    except (PackageNotFoundError, OSError):
        return None
