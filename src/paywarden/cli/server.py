"""Commands' way to a running server: its address, a key from a file, refusals as our errors.

Guards: the key is read from a file, never from the command line, where others could see it.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import httpx

from paywarden.core.errors import InvalidRequest, NotFound, Unavailable

TIMEOUT_SECONDS = 120.0
_KINDS = {400: InvalidRequest, 404: NotFound, 413: InvalidRequest, 422: InvalidRequest}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which server, and with which key."""
    parser.add_argument("--server", default="http://127.0.0.1:8080")
    parser.add_argument(
        "--key-file", type=Path, help="API key; default keys/operator.key of the home"
    )


def connected(arguments: argparse.Namespace) -> httpx.Client:
    """A client of that server with that key. Errors: Unavailable `key_unreadable`."""
    key_file = arguments.key_file or Path(arguments.home_root) / "keys" / "operator.key"
    try:
        key = key_file.read_text("utf-8").strip()
    except OSError:
        raise Unavailable(
            "key_unreadable", "no API key; pass --key-file", pointer=str(key_file)
        ) from None
    headers = {"authorization": f"Bearer {key}"}
    return httpx.Client(base_url=arguments.server, headers=headers, timeout=TIMEOUT_SECONDS)


def path_name(text: str, prefix: str, code: str) -> str:
    """A name such as `apr_...`, which cannot leave its place in a path. Errors: InvalidRequest."""
    if text.startswith(prefix) and text.isascii() and text.isidentifier():
        return text
    raise InvalidRequest(code, f"it reads {prefix}...")


def asked(http: httpx.Client, method: str, path: str, body: Any = None) -> dict[str, Any]:
    """The server's document. Errors: InvalidRequest, NotFound, Unavailable, with its code."""
    found: dict[str, Any] = _answered(http, method, path, body).json()
    return found


def octets(http: httpx.Client, path: str) -> bytes:
    """The server's document, octet for octet. Errors: as `asked`."""
    return _answered(http, "GET", path, None).content


def _answered(http: httpx.Client, method: str, path: str, body: Any) -> httpx.Response:
    try:
        answer = http.request(method, path, json=body)
    except httpx.HTTPError as error:
        raise Unavailable(
            "server_unreachable", f"no answer from the server ({type(error).__name__})"
        ) from None
    if answer.status_code >= 400:
        found = answer.json() if "json" in answer.headers.get("content-type", "") else {}
        kind = _KINDS.get(answer.status_code, Unavailable)
        raise kind(
            str(found.get("code", "server_refused")),
            str(found.get("detail", f"the server answered {answer.status_code}")),
            pointer=found.get("pointer"),
        )
    return answer
