"""Web origins, exactly as browsers write them.

Guards: what stands in `frame-ancestors` and in `postMessage` is an origin and nothing else: scheme,
host, port, all in lower case, no path, no user, no wildcard, no default port. Plain http is for
localhost in test alone. Standard: RFC 6454 section 6.2; CSP level 3, 6.3.2.

>>> origin_of("https://shop.example", test=False)
'https://shop.example'
"""

from __future__ import annotations

import re
from typing import Final

from paywarden.core.errors import InvalidRequest

CHARACTERS: Final = 255
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_HTTPS = re.compile(rf"https://({_LABEL}(?:\.{_LABEL})+)(?P<port>:[1-9][0-9]{{0,4}})?\Z")
_LOCAL = re.compile(r"https?://(?:localhost|127\.0\.0\.1)(?P<port>:[1-9][0-9]{0,4})?\Z")
_DEFAULTS: Final = frozenset({("https", ":443"), ("http", ":80")})


def origin_of(text: str, *, test: bool) -> str:
    """The same text when it is an origin. Errors: InvalidRequest `origin_invalid`."""
    found = _HTTPS.match(text) or (_LOCAL.match(text) if test else None)
    if found is None or len(text) > CHARACTERS:
        raise _invalid()
    port = found["port"]
    if port and ((text.split("://")[0], port) in _DEFAULTS or int(port[1:]) > 65_535):
        raise _invalid()
    return text


def _invalid() -> InvalidRequest:
    return InvalidRequest(
        "origin_invalid", "an origin is https://host[:port], nothing more", pointer="/origin"
    )
