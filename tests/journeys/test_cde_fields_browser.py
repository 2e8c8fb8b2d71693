"""Hosted card fields in a real browser: a shop on another origin, the frame, and who may hear it.

`PAYWARDEN_SCREENSHOTS=<folder>` saves what the browser showed.
"""

from __future__ import annotations

import base64
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from chromium import PROGRAM, Page, browser_page
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import Route
from websockets.sync.client import connect

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "cde" / "edge"))
from edge_kit import SHOP_KEY, Edge, running, running_edge

NUMBER = "4111111111111111"
SHOP_PAGE = """<!doctype html><html lang=en><meta charset=utf-8><title>Shop</title>
<h1>Checkout</h1><div id=fields></div>{more}
<script src="{loader}" integrity="{integrity}" crossorigin=anonymous></script>
<script>
window.heard = []; window.raw = [];
addEventListener("message", (event) => raw.push(JSON.stringify(event.data)));
try {{
  window.fields = PaywardenFields.mount(document.getElementById("fields"), "{url}", {{
    onToken: (card) => heard.push(["token", card]), onError: (code) => heard.push(["error", code]),
    onChange: (state) => heard.push(["change", state]), onReady: () => heard.push(["ready"]),
  }});
}} catch (fault) {{ heard.push(["fault", String(fault)]); }}
</script></html>"""
HEARD = "JSON.stringify(window.heard)"


class Shop:
    """A shop's site: serves whatever page it is told."""

    def __init__(self, port: int) -> None:
        self.origin = f"http://127.0.0.1:{port}"  # the edge is at localhost: another origin
        self.pages: dict[str, str] = {}
        self.app = Starlette(routes=[Route("/{name}", self.give)])

    async def give(self, request: Request) -> HTMLResponse:
        return HTMLResponse(self.pages.get(request.path_params["name"], "nothing"))

    def checkout(self, session: dict[str, Any], more: str = "") -> str:
        self.pages["checkout"] = SHOP_PAGE.format(
            loader=session["loader"], integrity=session["loader_integrity"], url=session["url"],
            more=more,
        )  # fmt: skip
        return self.origin + "/checkout"


@pytest.fixture
def edge() -> Iterator[Edge]:
    with running_edge() as made:
        yield made


@pytest.fixture
def shop() -> Iterator[Shop]:
    with running(Shop) as made:
        yield made


@pytest.fixture
def page(tmp_path: Path) -> Iterator[Page]:
    if PROGRAM is None:
        pytest.skip("chromium is not installed")
    with browser_page(tmp_path / "profile") as opened:
        yield opened


def session_for(edge: Edge, origin: str, **body: Any) -> dict[str, Any]:
    answer = httpx.post(
        f"{edge.origin}/v1/field-sessions", json={"origin": origin, **body},
        headers={"authorization": f"Bearer {SHOP_KEY}"},
    )  # fmt: skip
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


def press(page: Page, text: str) -> None:
    """Real key presses, to whatever has the focus, in whichever frame."""
    for character in text:
        if character == "\t":
            key = {"key": "Tab", "code": "Tab", "windowsVirtualKeyCode": 9}
        elif character == "\r":
            key = {"key": "Enter", "code": "Enter", "windowsVirtualKeyCode": 13, "text": "\r"}
        else:
            key = {"key": character, "text": character}
        page.do("Input.dispatchKeyEvent", type="keyDown", **key)
        page.do(
            "Input.dispatchKeyEvent", type="keyUp", **{k: v for k, v in key.items() if k != "text"}
        )


def type_number(frame: Page, number: str) -> None:
    """Until it stands there whole: first keys may come before the focus has reached the frame."""
    field = "document.getElementById('number')"
    for _ in range(20):
        frame.ask(f"{field}.value = ''")
        frame.ask(f"{field}.focus()")
        press(frame, number)
        if frame.ask(f"{field}.value.replaceAll(' ', '')") == number:
            return
        time.sleep(0.1)
    raise AssertionError("no keys reach the field")


@contextmanager
def fields_of(folder: Path) -> Iterator[Page]:
    """The frame of the fields: another site, so a process and a line of its own."""
    port, ends = (folder / "profile" / "DevToolsActivePort").read_text().split("\n")[0], 200
    for _ in range(ends):
        listed = httpx.get(f"http://127.0.0.1:{port}/json/list", timeout=30).json()
        found = [one for one in listed if one["type"] == "iframe" and "/fields/" in one["url"]]
        if found:
            break
        time.sleep(0.05)
    with connect(found[0]["webSocketDebuggerUrl"]) as line:
        frame = Page(line)
        frame.wait("document.readyState", "complete")
        frame.ask("document.getElementById('number').focus()")
        yield frame


def picture(page: Page, name: str) -> None:
    folder = os.environ.get("PAYWARDEN_SCREENSHOTS")
    if folder:
        shot = page.do("Page.captureScreenshot", format="png")["data"]
        Path(folder).mkdir(parents=True, exist_ok=True)
        (Path(folder) / f"{name}.png").write_bytes(base64.b64decode(shot))


def test_a_card_is_typed_and_the_shop_hears_a_token(
    edge: Edge, shop: Shop, page: Page, tmp_path: Path
) -> None:
    session = session_for(edge, shop.origin)
    page.open(shop.checkout(session))
    page.wait(HEARD, "ready")
    with fields_of(tmp_path) as frame:
        type_number(frame, NUMBER)
        page.wait(HEARD, '"brand":"Visa"')
        press(frame, "\t0731\t737")
        page.wait(HEARD, '"complete":true')
        assert frame.ask("document.getElementById('number').value") == "4111 1111 1111 1111"
        picture(page, "hosted-fields-filled")
        press(frame, "\r")
        heard = page.wait(HEARD, '["token"')
        assert frame.ask("document.getElementById('number').value") == ""
    assert '"last4":"1111"' in heard
    picture(page, "hosted-fields-taken")

    assert page.ask("window.frames.length") == 1
    blocked = page.ask(
        "(() => { try { return document.querySelector('iframe').contentWindow.document.title; }"
        " catch (fault) { return fault.name; } })()"
    )
    assert blocked == "SecurityError"
    assert page.ask("document.querySelector('iframe').contentDocument") is None
    raw = page.ask("JSON.stringify(window.raw)")
    assert '"type' in raw or "type" in raw
    for digits in (NUMBER, NUMBER[:9], "737"):
        assert digits not in raw.replace("41111111", "").replace(session["session"], "")
    assert page.ask("document.documentElement.outerHTML").count("1111 1111") == 0

    page.open(shop.checkout(session))
    page.wait("String(document.querySelector('iframe') !== null)", "true")
    assert httpx.get(session["url"]).status_code == 404, "a spent session shows no fields"


def test_wrong_numbers_are_told_in_the_frame(
    edge: Edge, shop: Shop, page: Page, tmp_path: Path
) -> None:
    page.open(shop.checkout(session_for(edge, shop.origin, button=False)))
    page.wait(HEARD, "ready")
    with fields_of(tmp_path) as frame:
        type_number(frame, "4111111111111112")
        press(frame, "\t0731\t737")
        page.ask("fields.submit()")
        page.wait(HEARD, '["error","incomplete"]')
        assert frame.ask("document.activeElement.getAttribute('aria-invalid')") == "true"
        assert "wrong" in frame.ask("document.getElementById('number-error').textContent")
        picture(page, "hosted-fields-wrong")
    assert edge.vault.asked == 0


def test_another_origin_cannot_frame_the_fields(edge: Edge, shop: Shop, page: Page) -> None:
    session = session_for(edge, "https://shop.example")
    page.do("Log.enable")
    page.open(shop.checkout(session))
    page.wait("String(document.querySelector('iframe') !== null)", "true")
    frames = page.do("Page.getFrameTree")["frameTree"].get("childFrames", [])
    shown = [one["frame"].get("unreachableUrl") or one["frame"]["url"] for one in frames]
    assert page.ask("new Promise((done) => setTimeout(() => done(heard.length), 1500))") == 0, shown
    assert page.ask(HEARD) == "[]"


def test_foreign_messages_are_ignored(edge: Edge, shop: Shop, page: Page) -> None:
    """A frame of a third origin tells the shop of a token, and the fields to send."""
    session = session_for(edge, shop.origin)
    with running(Shop) as evil:
        evil.pages["frame"] = (
            "<script>const fake = {paywarden: 'fields.v1', type: 'token', card: {token: 'evil'}};"
            "setInterval(() => { parent.postMessage(fake, '*');"
            " parent.frames[0].postMessage({paywarden: 'fields.v1', type: 'submit'}, '*'); }, 50);"
            "</script>"
        )
        evil_origin = evil.origin.replace("127.0.0.1", "localhost")
        page.open(shop.checkout(session))
        page.wait(HEARD, "ready")
        page.ask(
            "(() => { const frame = document.createElement('iframe');"
            f" frame.src = '{evil_origin}/frame'; document.body.append(frame); }})()"
        )
        page.wait("JSON.stringify(window.raw)", "evil")
        page.ask("new Promise((done) => setTimeout(done, 500))")
        heard = page.ask(HEARD)
        assert "evil" not in heard, "only the frame of the fields is heard"
        assert "incomplete" not in heard, "only the embedding page makes the fields send"
        page.ask("fields.submit()")
        page.wait(HEARD, "incomplete")


def test_the_loader_takes_no_other_address(edge: Edge, shop: Shop, page: Page) -> None:
    session = session_for(edge, shop.origin)
    for url in ("https://evil.example/fields/" + "a" * 43, edge.origin + "/v1/tokens"):
        page.open(shop.checkout({**session, "url": url}))
        page.wait(HEARD, '["fault"')
        assert page.ask("document.querySelector('iframe')") is None


def test_a_changed_loader_does_not_run(edge: Edge, shop: Shop, page: Page) -> None:
    session = session_for(edge, shop.origin)
    page.open(shop.checkout({**session, "loader_integrity": "sha384-" + "A" * 64}))
    page.wait(HEARD, "ReferenceError")


def test_fields_outside_a_frame_send_nothing(edge: Edge, shop: Shop, page: Page) -> None:
    session = session_for(edge, shop.origin)
    page.open(session["url"])
    page.ask("document.getElementById('number').focus()")
    press(page, NUMBER + "\t0731\t737\r")
    page.wait("document.getElementById('status').textContent", "inside the shop")
    assert edge.vault.asked == 0
    labels = page.ask(
        "[...document.querySelectorAll('input')].every((one) => one.labels.length === 1"
        " && document.getElementById(one.getAttribute('aria-describedby').split(' ')[0]))"
    )
    assert labels is True
    wanted = ["cc-number", "cc-exp", "cc-csc"]
    assert (
        page.ask("[...document.querySelectorAll('input')].map((one) => one.autocomplete)") == wanted
    )


def test_the_page_runs_nothing_else(edge: Edge, shop: Shop, page: Page) -> None:
    """What a planted script would do is stopped by the policy."""
    page.open(session_for(edge, shop.origin)["url"])
    stopped = page.ask(
        "new Promise((done) => { document.addEventListener('securitypolicyviolation', (event) =>"
        " done(event.effectiveDirective)); const made = document.createElement('script');"
        " try { made.src = 'https://evil.example/x.js'; } catch { done('trusted-types'); }"
        " document.head.append(made); })"
    )
    assert stopped in ("require-trusted-types-for", "trusted-types", "script-src-elem")
    told = page.ask(
        "fetch('https://evil.example/', {mode: 'no-cors'}).then(() => 'sent', () => 'stopped')"
    )
    assert told == "stopped"
