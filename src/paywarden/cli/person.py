"""Commands in a person's name: sign in with password and one-time code, act, sign out.

Guards: password and code are asked at the terminal (or read as two lines of standard input), never
taken from the command line; the session lives as long as the command and is kept in no file. People
who have passkeys alone act in the browser.
"""

from __future__ import annotations

import argparse
import getpass
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from paywarden.cli import output, server
from paywarden.core.errors import Unavailable

COOKIE = "__Host-pw_session"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Who acts, and where."""
    parser.add_argument("--server", default="http://127.0.0.1:8080")
    parser.add_argument("--login", required=True, help="your login name")
    parser.add_argument("--environment", choices=("test", "live"), default="live")


@contextmanager
def signed_in(arguments: argparse.Namespace) -> Iterator[httpx.Client]:
    """A client with a session of that person, ended afterwards. Errors: as `server.asked`."""
    headers = {"paywarden-request": "1"}
    with httpx.Client(
        base_url=arguments.server, headers=headers, timeout=server.TIMEOUT_SECONDS
    ) as http:
        http.event_hooks["response"] = [lambda answer: _keep(http, answer)]
        password, code = _asked("Password: "), ""
        first = server.asked(
            http, "POST", "/v1/identity/sign-in/password",
            {"environment": arguments.environment, "login": arguments.login, "password": password},
        )  # fmt: skip
        if first["kind"] == "first_factor":
            code = _asked("One-time code: ")
            server.asked(http, "POST", "/v1/identity/sign-in/totp", {"code": code})
        try:
            yield http
        finally:
            server.asked(http, "POST", "/v1/identity/sign-out")


def _keep(http: httpx.Client, answer: httpx.Response) -> None:
    """Carry the newest cookie by hand: a cookie jar would not send it to http on loopback."""
    given = answer.headers.get("set-cookie", "")
    if given.startswith(COOKIE + "="):
        http.cookies.clear()
        http.headers["cookie"] = given.split(";")[0]


def _asked(prompt: str) -> str:
    if sys.stdin.isatty():
        return getpass.getpass(prompt)
    line = sys.stdin.readline()
    if not line:
        output.tell(f"{prompt}nothing on standard input")
        raise Unavailable("sign_in_needs_terminal", "give password and code, a line each")
    return line.rstrip("\n")
