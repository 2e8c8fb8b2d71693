"""What hosted fields serve: files with their hashes, the page, and the headers of each.

Guards: the page may run one script and one style sheet, both named by whole address and by hash
(subresource integrity), talk to its own session alone, be framed by the session's origin alone;
nothing inline, no form target, no base, no plugin, trusted types. Standards: PCI DSS 4.0.1, 6.4.3
and 11.6.1; CSP level 3; Subresource Integrity. The page holds no secret beside the id of its
session, and no text of a caller that was not checked as an origin.
"""

from __future__ import annotations

import base64
import hashlib
import html
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Final

from paywarden.kit.http.operation import Headers

HTML: Final = "text/html; charset=utf-8"
PREFIX: Final = "/fields/v1/"
PERMISSIONS_POLICY: Final = ", ".join(
    f"{one}=()"
    for one in (
        "accelerometer", "autoplay", "bluetooth", "camera", "clipboard-read", "clipboard-write",
        "display-capture", "encrypted-media", "fullscreen", "geolocation", "gyroscope", "hid",
        "idle-detection", "magnetometer", "microphone", "midi", "payment", "picture-in-picture",
        "publickey-credentials-get", "screen-wake-lock", "serial", "usb", "xr-spatial-tracking",
    )
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Served:
    """A file that is served; `why` is its justification in the inventory (PCI DSS 6.4.3)."""

    name: str
    content_type: str
    octets: bytes
    runs_in: str
    why: str

    @property
    def path(self) -> str:
        """Its path on the environment's origin."""
        return PREFIX + self.name

    @property
    def integrity(self) -> str:
        """`sha384-...`, as the integrity attribute has it."""
        digest = hashlib.sha384(self.octets).digest()
        return "sha384-" + base64.b64encode(digest).decode()


_FILES: Final = (
    ("fields.js", "text/javascript; charset=utf-8", "the page of the card fields",
     "Checks what is typed, sends the card to its session, tells the embedding page the token."),
    ("fields.css", "text/css; charset=utf-8", "the page of the card fields",
     "Looks of the fields; a style sheet runs nothing."),
    ("paywarden-fields.js", "text/javascript; charset=utf-8", "the merchant's page",
     "Makes the frame of the card fields and hears its answer; sees no card number."),
)  # fmt: skip


@cache
def files() -> tuple[Served, ...]:
    """Every file, read once."""
    pages = resources.files("paywarden.cde.fields.pages")
    return tuple(
        Served(name, kind, pages.joinpath(name).read_bytes(), runs_in, why)
        for name, kind, runs_in, why in _FILES
    )


def file(name: str) -> Served:
    """One of them."""
    return next(one for one in files() if one.name == name)


def page_policy(origin: str, ancestors: Sequence[str]) -> str:
    """Content-Security-Policy of the page at `origin`, framed by `ancestors` alone."""
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src {origin}{PREFIX}fields.js",
            f"style-src {origin}{PREFIX}fields.css",
            f"connect-src {origin}/fields/",
            "base-uri 'none'",
            "form-action 'none'",
            "object-src 'none'",
            f"frame-ancestors {' '.join(ancestors) or chr(39) + 'none' + chr(39)}",
            "require-trusted-types-for 'script'",
            "trusted-types 'none'",
        )
    )


def page_headers(origin: str, ancestors: Sequence[str]) -> Headers:
    """Headers of the page, beside those of every answer (no-store, nosniff)."""
    return (
        ("content-security-policy", page_policy(origin, ancestors)),
        ("referrer-policy", "no-referrer"),
        ("permissions-policy", PERMISSIONS_POLICY),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-embedder-policy", "require-corp"),
        ("cross-origin-resource-policy", "cross-origin"),  # pages under COEP may embed it
        ("origin-agent-cluster", "?1"),
        ("x-robots-tag", "noindex"),
        *_transport(origin),
    )


def file_headers(origin: str, name: str) -> Headers:
    """Headers of a file; the loader alone may be read from other origins, for its integrity."""
    outside = name == "paywarden-fields.js"
    shared: Headers = (("access-control-allow-origin", "*"),) if outside else ()
    policy = "cross-origin" if outside else "same-origin"
    return (
        ("cross-origin-resource-policy", policy),
        ("referrer-policy", "no-referrer"),
        *shared,
        *_transport(origin),
    )


def _transport(origin: str) -> Headers:
    secure = origin.startswith("https://")
    return (("strict-transport-security", "max-age=63072000"),) if secure else ()


def page(origin: str, listener: str, *, button: bool) -> bytes:
    """The page; `listener` is the one origin that hears its answer."""
    script, style = file("fields.js"), file("fields.css")
    hidden = "" if button else " hidden"
    return _PAGE.format(
        style=f"{origin}{style.path}", style_integrity=style.integrity,
        script=f"{origin}{script.path}", script_integrity=script.integrity,
        listener=html.escape(listener, quote=True), hidden=hidden,
    ).encode()  # fmt: skip


GONE: Final = (
    b"<!doctype html><html lang=en><meta charset=utf-8><title>Card details</title>"
    b"<p>This form has ended. Go back to the shop and begin again.</p></html>"
)

_PAGE: Final = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Card details</title>
<link rel="stylesheet" href="{style}" integrity="{style_integrity}" crossorigin="anonymous">
<script defer src="{script}" integrity="{script_integrity}" crossorigin="anonymous"></script>
</head>
<body data-listener="{listener}">
<form id="card" novalidate autocomplete="on" aria-label="Card details">
<div class="field">
<label for="number">Card number</label>
<span class="row"><input id="number" name="number" type="text" inputmode="numeric"
autocomplete="cc-number" maxlength="23" spellcheck="false" autocapitalize="off"
aria-describedby="number-error brand" aria-required="true">
<output id="brand" aria-live="polite"></output></span>
<p class="error" id="number-error" role="alert"></p>
</div>
<div class="pair">
<div class="field">
<label for="expiry">Expiry (MM/YY)</label>
<input id="expiry" name="expiry" type="text" inputmode="numeric" autocomplete="cc-exp"
maxlength="7" spellcheck="false" aria-describedby="expiry-error" aria-required="true">
<p class="error" id="expiry-error" role="alert"></p>
</div>
<div class="field">
<label for="cvv">Security code</label>
<input id="cvv" name="cvv" type="text" inputmode="numeric" autocomplete="cc-csc" maxlength="4"
spellcheck="false" aria-describedby="cvv-error" aria-required="true">
<p class="error" id="cvv-error" role="alert"></p>
</div>
</div>
<button type="submit" id="send"{hidden}>Continue</button>
<p id="status" role="status" aria-live="polite"></p>
</form>
</body>
</html>
"""
