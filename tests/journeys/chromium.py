"""A headless Chromium driven by the Chrome DevTools Protocol, with its virtual authenticator.

Uses the system's own program; nothing is downloaded. The process and its profile end with the test.
"""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import httpx
from websockets.sync.client import ClientConnection, connect

PROGRAM = shutil.which("chromium") or shutil.which("chromium-browser")
WAIT_SECONDS = 60.0
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--remote-debugging-port=0",
)  # fmt: skip


class Page:
    """One page; every command waits for its answer."""

    def __init__(self, line: ClientConnection) -> None:
        self._line = line
        self._numbers = count(1)

    def do(self, method: str, **given: Any) -> dict[str, Any]:
        """Result of one command of the protocol."""
        number = next(self._numbers)
        self._line.send(json.dumps({"id": number, "method": method, "params": given}))
        while True:
            message = json.loads(self._line.recv(WAIT_SECONDS))
            if message.get("id") == number:
                assert "error" not in message, message
                result: dict[str, Any] = message["result"]
                return result

    def ask(self, script: str) -> Any:
        """Value of an expression in the page."""
        found = self.do("Runtime.evaluate", expression=script, awaitPromise=True,
                        returnByValue=True, userGesture=True)  # fmt: skip
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def wait(self, script: str, wanted: str) -> str:
        """Text of an expression once it contains `wanted`."""
        ends, text = time.monotonic() + WAIT_SECONDS, ""
        while time.monotonic() < ends:
            text = str(self.ask(script))
            if wanted in text:
                return text
            time.sleep(0.05)
        raise AssertionError(f"waited for {wanted!r}, saw {text!r}")

    def open(self, url: str) -> None:
        """Go to a page and wait until it is there."""
        self.do("Page.navigate", url="about:blank")
        self.wait("location.href", "about:blank")
        self.do("Page.navigate", url=url)
        self.wait("document.readyState + ' ' + location.href", "complete http")


@contextmanager
def browser_page(folder: Path) -> Iterator[Page]:
    """A fresh browser with one page."""
    assert PROGRAM is not None
    process = subprocess.Popen(
        [PROGRAM, *FLAGS, f"--user-data-dir={folder}", "about:blank"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    try:
        port = _port(folder, process)
        listed = httpx.get(f"http://127.0.0.1:{port}/json/list", timeout=WAIT_SECONDS).json()
        url = next(one["webSocketDebuggerUrl"] for one in listed if one["type"] == "page")
        with connect(url, max_size=16 << 20) as line:
            yield Page(line)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(20)


def _port(folder: Path, process: subprocess.Popen[bytes]) -> int:
    told, ends = folder / "DevToolsActivePort", time.monotonic() + WAIT_SECONDS
    while time.monotonic() < ends:
        assert process.poll() is None, "the browser ended"
        if told.is_file() and "\n" in (text := told.read_text()):
            return int(text.split("\n")[0])
        time.sleep(0.05)
    raise AssertionError("the browser did not start")
