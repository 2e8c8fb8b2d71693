"""Requests of browsers must come from our own pages (cross-site request forgery, CWE-352).

Guards: an unsafe request that a browser's cookie stands for, or that hands out such a cookie,
carries the header `Paywarden-Request: 1`, which no page of another origin can add without a
permission (CORS) that is never given; and where the browser names its origin or its site, they must
be ours. SameSite=Strict of the cookie is the second fence. Source: OWASP cheat sheet on CSRF,
"custom request headers"; Fetch Metadata.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

from paywarden.core.errors import NotPermitted

HEADER: Final = "paywarden-request"
SAFE: Final = frozenset({"GET", "HEAD"})
_OWN_SITES: Final = frozenset({"same-origin", "none"})


def require_same_origin(method: str, headers: Mapping[str, str], origins: Collection[str]) -> None:
    """Pass for safe methods and our own pages. Errors: NotPermitted `cross_site`."""
    if method in SAFE:
        return
    origin = headers.get("origin")
    ours = (
        headers.get(HEADER) == "1"
        and (origin is None or origin in origins)
        and headers.get("sec-fetch-site", "none") in _OWN_SITES
    )
    if not ours:
        raise NotPermitted(
            "cross_site",
            "a browser's request needs the header Paywarden-Request: 1 and an origin of ours",
        )
