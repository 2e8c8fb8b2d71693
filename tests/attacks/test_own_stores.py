"""The scanner over what is our own: the repository's text, and a home after payments.

Published test numbers stand in tests and in the table of them; a number that could be somebody's
stands only where `ALLOWED` says so. A home holds none at all.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from paywarden.cde.discovery.findings import Findings
from paywarden.cde.discovery.walking import scan_tree

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "journeys"))

from test_support_api import Server, own_server

ROOT = Path(__file__).resolve().parents[2]
TEST_NUMBERS_IN = (
    "tests/", "docs/how-to/", "src/paywarden/reference/card_numbers.py",
    "src/paywarden/decision/screening.py", "src/paywarden/cde/",
)  # fmt: skip
"""Where a published test number may stand."""
ALLOWED = frozenset({
    "tests/cde/discovery/test_card_forms.py", "tests/cde/discovery/test_leak_forms.py",
    "tests/cde/discovery/test_scan_files.py", "tests/cde/discovery/test_sightings.py",
    "tests/cde/discovery/test_scan_postgres.py", "tests/reference/test_card_numbers.py",
    "tests/cde/edge/test_field_sessions.py", "tests/cde/vault/test_tokenise.py",
})  # fmt: skip
"""Tests of finding numbers, with numbers made for them."""


def scanned(*paths: Path) -> Findings:
    findings = Findings(b"\x2a" * 32)
    for path in paths:
        scan_tree(path, findings, lambda _name: None)
    return findings


def committed() -> list[Path]:
    """Files that belong to the repository; all below the source folders where git is absent."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False)
    names = [name for name in listed.stdout.decode().split("\0") if name]
    if listed.returncode or not names:
        folders = ("src", "tests", "docs", "bench")
        return [file for folder in folders for file in (ROOT / folder).rglob("*") if file.is_file()]
    return [ROOT / name for name in names if (ROOT / name).is_file()]


def test_the_repository_holds_test_numbers_only() -> None:
    findings = scanned(*(path for path in committed() if "__pycache__" not in path.parts))
    strange = []
    for one in findings.found:
        name = str(Path(one.path.split("!")[0].split("#")[0]).relative_to(ROOT))
        expected = one.kind == "test_pan" and name.startswith(TEST_NUMBERS_IN)
        if not expected and name not in ALLOWED:
            strange.append((name, one.offset, one.kind))
    assert strange == []
    assert findings.octets > 1 << 20 and len(findings.found) > 50, "it looked"


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with own_server("granian", "own-stores") as running:
        for number in range(40):
            token = f"tk_test_4fJq9ZkT2mXw7BvYc1L{number:03d}"
            instrument = {"kind": "card", "reference": token, "bin": "453957", "last4": "1486"}
            running.decide(instrument=instrument)
        yield running


def test_a_home_after_payments_holds_no_number(server: Server) -> None:
    findings = scanned(server.home, server.log)
    assert [(one.path, one.offset, one.form) for one in findings.found] == []
    assert {one.reason for one in findings.skipped} <= {"socket"}
    assert findings.octets > 1 << 16
