"""Login names that cannot be mistaken for one another.

Guards: a name is brought to its canonical form (NFKC, case folded), must then consist of a small
set of ASCII characters, and is compared with others by its skeleton, in which characters that look
alike are one. So `ann`, `Ann` and full-width `ａｎｎ` are one name, Cyrillic letters are refused,
and `paul` and `pau1` cannot both exist. Names of persons (any script) are display names instead.
Source: Unicode 15.1, annex 15 (NFKC) and technical standard 39, sections 4 and 5.1.

>>> canonical(" Ann.Lee ")
'ann.lee'
>>> skeleton("paul") == skeleton("pau1") == skeleton("PAUI")
True
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from paywarden.core.errors import InvalidRequest

GIVEN_LIMIT: Final = 128
_FORM: Final = re.compile(r"[a-z0-9](?:[a-z0-9._-]{1,61}[a-z0-9])\Z")
_ALIKE: Final = str.maketrans({"0": "o", "1": "l", "i": "l", "5": "s", "8": "b", "2": "z"})
_SEPARATORS: Final = re.compile(r"[._-]+")


def canonical(given: str) -> str:
    """The one form of a login name. Errors: InvalidRequest `login_invalid`."""
    name = fold(given)
    if not _FORM.match(name):
        raise InvalidRequest(
            "login_invalid",
            "a login name has 3 to 63 of a-z, 0-9, dot, dash and underscore, "
            "with a letter or digit at both ends",
            pointer="/login",
        )
    return name


def fold(given: str) -> str:
    """NFKC and case folding, for look-ups: what was never a login name finds nothing."""
    return unicodedata.normalize("NFKC", given[:GIVEN_LIMIT].strip()).casefold()


def skeleton(name: str) -> str:
    """What the eye sees: equal for names that look alike."""
    plain = _SEPARATORS.sub("", fold(name)).translate(_ALIKE)
    return plain.replace("rn", "m").replace("vv", "w").replace("cl", "d")
