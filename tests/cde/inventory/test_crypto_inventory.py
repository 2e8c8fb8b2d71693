"""The inventory is complete, and its page is the one that the code makes."""

from __future__ import annotations

import ast
import os
from pathlib import Path

from paywarden.cde.inventory.declared import KEYS
from paywarden.cde.inventory.protocols import declared_modules
from paywarden.cde.inventory.report import architecture, inventory, inventory_document
from paywarden.cde.keys.model import ALGORITHMS, CRYPTOPERIOD_DAYS
from paywarden.cde.keys.wire import KeyState, Pong

ROOT = Path(__file__).resolve().parents[3]
ROOM = ROOT / "src" / "paywarden" / "cde"
PAGE = ROOT / "docs" / "compliance" / "cryptographic-architecture.md"
REACHES = {"cryptography", "hmac", "hashlib", "ssl", "pkcs11", "secrets"}


def reaching() -> set[str]:
    """Modules of the room that import something of cryptography."""
    found = set()
    for path in ROOM.rglob("*.py"):
        names = set()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                names.add(node.module.split(".")[0])
        if names & REACHES:
            found.add(".".join(path.relative_to(ROOM).with_suffix("").parts))
    return found


def test_every_module_that_uses_cryptography_is_declared() -> None:
    found = reaching()
    assert {"primitives", "keys.using", "ceremonies.transcript"} <= found
    missing = found - declared_modules()
    assert not missing, f"name these in cde/inventory/declared.py: {sorted(missing)}"


def test_the_page_is_what_the_code_makes() -> None:
    if os.environ.get("PAYWARDEN_WRITE_GOLDENS") == "1":
        PAGE.write_text(architecture(), encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == architecture()


def test_every_purpose_of_the_agent_is_declared_with_its_own_period() -> None:
    declared = {use.name: use for use in KEYS}
    for purpose, days in CRYPTOPERIOD_DAYS.items():
        assert declared[purpose].cryptoperiod_days == days
        assert declared[purpose].algorithm == ALGORITHMS[purpose]


def state(purpose: str, name: str, **more: object) -> KeyState:
    given = {
        "purpose": purpose, "name": name, "state": "active", "algorithm": ALGORITHMS[purpose],
        "check_value": "0a1b2c", "created_at_us": 1_790_000_000_000_000,
        "activated_at_us": 1_790_000_000_000_000, "deactivated_at_us": 0, "destroyed_at_us": 0,
        "cryptoperiod_days": 365, "uses": 7, "alarm": "", **more,
    }  # fmt: skip
    return KeyState(**given)  # type: ignore[arg-type]


def test_keys_of_an_installation() -> None:
    states = [
        state("pan", "1", state="deactivated", alarm="overdue"),
        state("pan", "2026-11", cryptoperiod_days=92),
        state("facts", "3", state="destroyed"),
    ]
    agent = Pong("0.1.0", "pkcs11", True, True)
    text = inventory(states, agent, 1_790_000_000_000_000)
    assert "Root: pkcs11; mode: production; 3 keys." in text
    assert "- pan 1: overdue" in text and text.count("\n| ") == 5
    document = inventory_document(states, agent, 1_790_000_000_000_000)
    keys = {one["key"]: one for one in document["keys"]}
    assert keys["pan 1"]["ends"] == "2027-09-21" and keys["pan 1"]["alarm"] == "overdue"
    assert keys["pan 2026-11"]["ends"] == "2026-12-22"
    assert keys["facts 3"]["location"] == "destroyed"
