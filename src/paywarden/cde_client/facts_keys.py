"""Public keys of card facts as the text of a file: what the key agent writes and the API reads.

KEY_ID BASE64        one key a line, 32 octets; `#` begins a comment
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Final

from paywarden.cde_client.facts import FactsKeys

LIMIT_OCTETS: Final = 65_536
_KEY_ID = re.compile(r"[A-Za-z0-9_-]{1,64}\Z")


def facts_keys_of(octets: bytes) -> FactsKeys:
    """The keys of a file's octets. ValueError for anything that is no key line."""
    if len(octets) > LIMIT_OCTETS:
        raise ValueError("the file of card facts' keys is too long")
    keys: dict[str, bytes] = {}
    for line in octets.decode("ascii").splitlines():
        words = line.partition("#")[0].split()
        if words:
            keys.update([_key_of(words)])
    return keys


def facts_keys_text(keys: Mapping[str, bytes]) -> str:
    """The file of these keys."""
    return "".join(f"{name} {base64.b64encode(key).decode()}\n" for name, key in keys.items())


def _key_of(words: list[str]) -> tuple[str, bytes]:
    if len(words) != 2 or _KEY_ID.match(words[0]) is None:
        raise ValueError("a line of card facts' keys is `KEY_ID BASE64`")
    try:
        key = base64.b64decode(words[1], validate=True)
    except binascii.Error:
        raise ValueError("a key is not base64") from None
    if len(key) != 32:
        raise ValueError("a key is not of 32 octets")
    return words[0], key
