"""The path, query and headers of a forwarded request: plain ones only.

Guards: a path holds no percent signs at all, no empty, `.` or `..` segment and no backslash, so
that no two readers see two paths; a query is encoded text; a header is one that the destination
lists, never one that frames or routes a request, with a value of printable ASCII (CR and LF split
headers, CWE-113). Tokens in any of these stay tokens. Source: RFC 9110, 5.5, 7.6.1; RFC 3986, 3.3.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

_PATH: Final = re.compile(r"(?:/[A-Za-z0-9._~!$'()*,;:@+=-]+)*/?\Z")
_QUERY: Final = re.compile(r"(?:[A-Za-z0-9._~!$'()*,;:@+=&/-]|%[2-7][0-9A-Fa-f])*\Z")
_NAME: Final = re.compile(r"[a-z0-9-]{1,64}\Z")
_VALUE: Final = re.compile(r"(?:[!-~](?:[ -~]*[!-~])?)?\Z")
PATH_LIMIT: Final = 1_000
VALUE_LIMIT: Final = 4_096
NEVER: Final = frozenset(
    {
        "connection", "content-encoding", "content-length", "expect", "forwarded", "host",
        "http2-settings", "keep-alive", "proxy-authenticate", "proxy-authorization",
        "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade", "via",
        "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-http-method-override",
        "accept-encoding", "content-type",
    }
)  # fmt: skip
"""Headers that decide how a request is read or where it goes."""


def path_fault(text: str) -> str | None:
    """What is wrong with a path (with its query, if any), or None."""
    path, mark, query = text.partition("?")
    if len(text) > PATH_LIMIT or not path.startswith("/") or not _PATH.match(path):
        return "a path has plain segments: no percent signs, backslashes, doubled slashes"
    if any(segment in (".", "..") for segment in path.split("/")):
        return "a path has no segments . and .."
    if mark and not _QUERY.match(query):
        return "a query is percent-encoded printable ASCII"
    return None


def within(text: str, prefixes: Iterable[str]) -> bool:
    """Whether a path lies under one of the prefixes, which end at a segment."""
    path = text.partition("?")[0]
    return any(path == prefix or path.startswith(prefix.rstrip("/") + "/") for prefix in prefixes)


def header_name_fault(name: str) -> str | None:
    """What is wrong with the name of a header that a caller wants to add, or None."""
    if not _NAME.match(name):
        return "a header's name is in lower case letters, digits and hyphens"
    return "this header is not a caller's to set" if name in NEVER else None


def headers_fault(given: Mapping[str, str], allowed: Iterable[str]) -> str | None:
    """What is wrong with a caller's headers, or None. Never repeats one."""
    listed = frozenset(allowed)
    for name, value in given.items():
        if name not in listed or header_name_fault(name) is not None:
            return "a header that this destination does not list"
        if len(value) > VALUE_LIMIT or not _VALUE.match(value):
            return "a header's value is printable ASCII without spaces at its ends"
    return None
