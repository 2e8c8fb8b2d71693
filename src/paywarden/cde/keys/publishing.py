"""Public keys of card facts, written to a file that the risk API reads.

Guards: a new key is published before it signs, so that no honest facts are refused; a compromised
one is left out, so that nothing it signs counts any more. The file holds nothing secret. A file
that cannot be written is an alarm and stops nothing: facts of the new key are refused until it is.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from paywarden.cde.keys.model import Status
from paywarden.cde_client.facts_keys import facts_keys_text
from paywarden.kit.log import logger

MODE: Final = 0o644
HEADER: Final = "# Written by the key agent: public keys that sign card facts.\n"
BELIEVED: Final = frozenset({Status.ACTIVE.value, Status.DEACTIVATED.value})


def text_of(keys: Iterable[tuple[str, bytes, str]]) -> str:
    """The file's text; `keys` are (key id, public key, state)."""
    believed = {key_id: public for key_id, public, state in keys if state in BELIEVED}
    return HEADER + facts_keys_text(believed)


def publish(path: Path, keys: Iterable[tuple[str, bytes, str]]) -> None:
    """Put the keys in the place of the file; readers see the old or the new one, never a part."""
    beside = path.with_name(path.name + ".new")
    try:
        beside.write_text(text_of(keys), encoding="ascii")
        os.chmod(beside, MODE)
        beside.replace(path)
    except OSError as fault:
        logger().error("facts_keys_unpublished", path_name=path.name, error=type(fault).__name__)
