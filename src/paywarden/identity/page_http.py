"""The sign-in page: /sign-in with its script and style.

Guards: a strict Content-Security-Policy (own script and style only, no inline code, no frames, no
form targets, nothing from elsewhere), no referrer, so that the token of a link cannot leave.
"""

from __future__ import annotations

from importlib import resources

from paywarden.identity.sign_in_http import TAG
from paywarden.kit.http.operation import Answer, Call, Handler, Headers, Operation

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'"
)
HEADERS: Headers = (
    ("content-security-policy", POLICY),
    ("referrer-policy", "no-referrer"),
    ("x-frame-options", "DENY"),
    ("cross-origin-opener-policy", "same-origin"),
)
FILES = (
    ("/sign-in", "sign_in.html", "text/html; charset=utf-8", "The page to sign in and enrol"),
    ("/sign-in.js", "sign_in.js", "text/javascript; charset=utf-8", "Script of the page"),
    ("/sign-in.css", "sign_in.css", "text/css; charset=utf-8", "Style of the page"),
)


def operations() -> list[Operation]:
    """The page and its parts."""
    return [
        Operation(
            "GET",
            path,
            "page_" + file.replace(".", "_"),
            summary,
            _giver(file, kind),
            bytes,
            public=True,
            tag=TAG,
            answer_content_type=kind,
            answer_headers={name.title(): f"`{value}`" for name, value in HEADERS},
        )
        for path, file, kind, summary in FILES
    ]


def _giver(file: str, kind: str) -> Handler:
    octets = resources.files("paywarden.identity.pages").joinpath(file).read_bytes()

    async def give(_call: Call) -> Answer:
        return Answer(octets, headers=HEADERS, content_type=kind)

    return give
