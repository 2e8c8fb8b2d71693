"""`policy diff`, `pull` and `push --dry-run` against a server of the test's own."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from paywarden.cli import output
from paywarden.entrypoints.main import main

FILES = {
    "policy.yaml": "name: t\nbase_currency: EUR\n",
    "rules/a.yaml": "- {id: a, scenario: s, when: payment.hour > 5, then: {points: 1}}\n",
}
HASH = "rs_" + "0" * 63 + "1"


class _Server(BaseHTTPRequestHandler):
    asked: list[str]
    files: dict[str, str]

    def do_GET(self) -> None:
        self.asked.append(self.path)
        if self.path.startswith("/v1/rulesets?"):
            body: object = {
                "items": [{"hash": "rs_0", "live": False}, {"hash": HASH, "live": True}],
                "has_more": False,
                "next": None,
            }
        else:
            body = {"hash": HASH, "files": self.files}
        content = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Nothing is printed."""


@pytest.fixture
def server() -> Iterator[HTTPServer]:
    _Server.asked, _Server.files = [], dict(FILES)
    with HTTPServer(("127.0.0.1", 0), _Server) as http:
        thread = threading.Thread(target=http.serve_forever)
        thread.start()
        yield http
        http.shutdown()
        thread.join()


def run(server: HTTPServer, tmp_path: Path, *words: str) -> int:
    key = tmp_path / "key"
    key.write_text("pw_test_key")
    address = f"http://127.0.0.1:{server.server_port}"
    return main(["policy", *words, "--server", address, "--key-file", str(key), "--json"])


def folder(path: Path, **changed: str) -> Path:
    for name, text in {**FILES, **changed}.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_text(text)
    return path


def test_pull_writes_what_is_live(
    server: HTTPServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "policy"
    assert run(server, tmp_path, "pull", str(target)) == output.DONE
    assert {
        p.relative_to(target).as_posix(): p.read_text() for p in target.rglob("*.yaml")
    } == FILES
    assert json.loads(capsys.readouterr().out)["written"] == 2
    assert run(server, tmp_path, "pull", str(target)) == output.DONE
    assert json.loads(capsys.readouterr().out)["written"] == 0
    assert _Server.asked[1] == f"/v1/rulesets/{HASH}"


def test_pull_overwrites_nothing(server: HTTPServer, tmp_path: Path) -> None:
    target = folder(tmp_path / "policy")
    (target / "policy.yaml").write_text("name: mine\n")
    (target / "rules" / "a.yaml").unlink()
    assert run(server, tmp_path, "pull", str(target)) == output.BAD_INPUT
    assert (target / "policy.yaml").read_text() == "name: mine\n"
    assert not (target / "rules" / "a.yaml").exists()


@pytest.mark.parametrize("name", ["../evil.yaml", "/etc/evil.yaml", "a\\..\\b.yaml"])
def test_pull_stays_in_its_folder(server: HTTPServer, tmp_path: Path, name: str) -> None:
    _Server.files = {name: "x"}
    assert run(server, tmp_path, "pull", str(tmp_path / "policy")) == output.BAD_INPUT
    assert not (tmp_path / "evil.yaml").exists()


def test_a_dry_run_compares_with_what_is_live_and_stores_nothing(
    server: HTTPServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    same = folder(tmp_path / "same")
    assert run(server, tmp_path, "push", str(same), "--dry-run") == output.DONE
    changed = folder(
        tmp_path / "other", **{"rules/a.yaml": FILES["rules/a.yaml"].replace("5", "7")}
    )
    capsys.readouterr()
    assert run(server, tmp_path, "push", str(changed), "--dry-run") == output.NOT_SO
    found = json.loads(capsys.readouterr().out)
    assert found["counts"] == {"rule": {"changed": 1}}
    assert found["changes"][0]["detail"] == [{"what": "payment.hour >", "old": "5", "new": "7"}]
    assert all(path.startswith("/v1/rulesets") for path in _Server.asked)


def test_a_faulty_folder_is_told_before_the_server_is_asked(
    server: HTTPServer, tmp_path: Path
) -> None:
    wrong = folder(tmp_path / "wrong", **{"policy.yaml": "nam: t\n"})
    assert run(server, tmp_path, "push", str(wrong), "--dry-run") == output.BAD_INPUT
    assert _Server.asked == []


def test_diff_takes_folders_hashes_and_what_is_live(
    server: HTTPServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    same = folder(tmp_path / "same")
    assert run(server, tmp_path, "diff", "live", str(same)) == output.DONE
    assert run(server, tmp_path, "diff", HASH, "live") == output.DONE
    assert run(server, tmp_path, "diff", str(same), str(tmp_path / "no")) == output.BAD_INPUT
    capsys.readouterr()
