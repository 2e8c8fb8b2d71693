"""The digest of this program: what it computes depends on nothing else of ours.

Guards: two programs of one digest make the same of the same input, so what one has made may be kept
for the other. Covers every source file of the package, the interpreter, and the readers of foreign
text that results pass through.
"""

from __future__ import annotations

import functools
import hashlib
import sys
from importlib import metadata
from pathlib import Path

import paywarden

READERS = ("msgspec", "pyyaml")


@functools.cache
def program_digest() -> bytes:
    """SHA-256 (32 octets); reads some hundred files the first time."""
    return digest_of(Path(paywarden.__file__).parent)


def digest_of(folder: Path) -> bytes:
    """The digest with the sources of that folder."""
    found = hashlib.sha256(sys.version.encode())
    for name in READERS:
        found.update(f"\n{name} {metadata.version(name)}".encode())
    for path in sorted(folder.rglob("*.py")):
        found.update(f"\n{path.relative_to(folder).as_posix()} ".encode())
        found.update(hashlib.sha256(path.read_bytes()).digest())
    return found.digest()
