"""`paywarden sign`: headers that the verifier accepts, and the first difference explained."""

from __future__ import annotations

import base64
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from paywarden.entrypoints.main import main

sys.path.insert(0, str(Path(__file__).parents[1] / "kit"))

from signing_kit import SCOPE, TENANT, House, asgi

from paywarden.core.clock import FixedClock
from paywarden.kit.clock import SystemClock

BODY = b'{"a": 1}'
URL = "https://Risk.Example:443/v1/decisions?x=%41"


@pytest.fixture
def house() -> House:
    return House(FixedClock(SystemClock().now_us()))


def sign(house: House, folder: Path, *words: str) -> tuple[int, Any, str]:
    """(key id, the headers, path of the body) of a request signed on the command line."""
    secret, record = house.desk.add_secret(SCOPE, TENANT)
    (folder / "secret").write_bytes(base64.b64encode(secret.expose()) + b"\n")
    (folder / "body").write_bytes(BODY)
    given = [
        "sign", "request", "POST", URL, "--key-id", record.key_id, "--algorithm", "hmac-sha256",
        "--key", str(folder / "secret"), "--body", str(folder / "body"), *words,
    ]  # fmt: skip
    return main(given), record.key_id, str(folder / "body")


async def test_signed_headers_are_accepted(
    house: House, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, _, _ = sign(house, tmp_path, "--idempotency-key", "abc", "--json")
    headers = json.loads(capsys.readouterr().out)["headers"]
    given = {name.lower(): value for name, value in headers.items()} | {"host": "risk.example"}
    assert code == 0
    assert house.verify(asgi(given, "POST", "/v1/decisions", "x=%41"), BODY)


def test_explain_finds_the_first_difference(
    house: House, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sign(house, tmp_path)
    text = capsys.readouterr().out
    headers = tmp_path / "headers"
    headers.write_text(f"POST /v1/decisions HTTP/1.1\n{text}\n")
    words = ["sign", "explain", "POST", URL, "--headers", str(headers)]
    assert main([*words, "--body", str(tmp_path / "body")]) == 0
    assert "Both are alike" in capsys.readouterr().out
    (tmp_path / "other").write_bytes(b"{}")
    assert main([*words, "--body", str(tmp_path / "other"), "--json"]) == 1
    found = json.loads(capsys.readouterr().out)["first_difference"]
    assert found["line"] == 5 and found["column"] == len('"content-digest": sha-256=:') + 1
    assert found["ours"].startswith('"content-digest": sha-256=:')
    headers.write_text(text.replace('"@method" ', ""))
    assert main([*words, "--body", str(tmp_path / "body")]) == 1
    shown = capsys.readouterr().out
    assert '  ours    "@method": POST\n  theirs  "@authority": risk.example\n' in shown


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (("--seconds", "301"), "lifetime_invalid"),
        (("--body", "/nowhere"), "file_unreadable"),
        (("--key", "/nowhere"), "file_unreadable"),
    ],
)
def test_bad_input_is_told(
    house: House,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    change: tuple[str, str],
    code: str,
) -> None:
    assert sign(house, tmp_path, *change, "--json")[0] == 3
    assert json.loads(capsys.readouterr().out)["error"]["code"] == code


def test_headers_that_are_not_signed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for text, code in (
        ("host: a\n", "signature_input_missing"),
        ("a: 1\nA: 2\n", "header_repeated"),
    ):
        (tmp_path / "headers").write_text(text)
        words = ["sign", "explain", "GET", URL, "--headers", str(tmp_path / "headers"), "--json"]
        assert main(words) == 3
        assert json.loads(capsys.readouterr().out)["error"]["code"] == code
