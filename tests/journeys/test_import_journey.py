"""A customer's past is imported, the server starts, and its first decision knows the past."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from test_support_api import Server, fleet, start

MAP = """\
[columns]
"payment.id" = "order"
"card.fingerprint" = "card"
"merchant.id" = "shop"
[constants]
"payment.instrument_kind" = "card"
[time]
column = "at"
unit = "datetime"
[amount]
column = "amount"
exponent = 2
currency = "EUR"
[result_files]
payment_id = "order"
status = "state"
time = { column = "at", unit = "datetime" }
[label_files]
payment_id = "order"
reason = "reason"
time = { column = "received", unit = "datetime" }
"""


def command(home: Path, *words: str) -> tuple[int, dict[str, Any]]:
    done = subprocess.run(
        [sys.executable, "-m", "paywarden.entrypoints.main", "--home", str(home), *words,
         "--json"], capture_output=True, text=True, check=False,
    )  # fmt: skip
    return done.returncode, json.loads(done.stdout)


def write_past(folder: Path, now: datetime) -> list[str]:
    """Thirteen months of one card, three refused payments in the last minutes, one fraud."""
    payments, results = [], []
    for number in range(60):
        at = now - timedelta(days=395) + number * timedelta(days=6.5)
        payments.append(f"past-{number},{at.isoformat()},12.00,old-card,m_7")
    for number in range(6):
        at = now - timedelta(minutes=6 - number)
        payments.append(f"tried-{number},{at.isoformat()},1.00,tried-card,m_7")
        results.append(f"tried-{number},{at.isoformat()},declined")
    folder.mkdir()
    (folder / "p.csv").write_text("order,at,amount,card,shop\n" + "\n".join(payments) + "\n")
    (folder / "r.csv").write_text("order,at,state\n" + "\n".join(results) + "\n")
    received = (now - timedelta(days=1)).isoformat()
    (folder / "l.csv").write_text(f"order,received,reason\npast-59,{received},10.4\n")
    (folder / "map.toml").write_text(MAP)
    files = {name: str(folder / name) for name in ("p.csv", "r.csv", "l.csv", "map.toml")}
    return [
        "import", files["p.csv"], "--map", files["map.toml"], "--results", files["r.csv"],
        "--labels", files["l.csv"], "--environment", "live",
    ]  # fmt: skip


def test_from_files_to_a_decision_that_knows_them(tmp_path: Path) -> None:
    words = write_past(tmp_path / "past", datetime.now(UTC))
    home = tmp_path / "home"
    shutil.copytree(fleet().template, home)
    code, told = command(home, *words, "--dry-run")
    assert code == 0 and told["payments"] == 66
    code, told = command(home, *words)
    assert code == 0 and (told["payments"], told["events"]) == (66, 7)
    code, told = command(home, *words)
    assert code == 0 and told["repeated_files"]

    server = start("granian", home, dict(fleet()._keys or {}), tmp_path / "server.log")
    try:
        seen = knows(server)
        refused, told = command(home, *words)
        assert refused == 4 and told["error"]["code"] == "writer_already_running"
    finally:
        server.stop()
    assert seen["tried"] >= 5
    code, told = command(home, "replay")
    assert (code, told["differences"]) == (0, 0)


def knows(server: Server) -> dict[str, int]:
    """What the first decisions know of the imported past."""
    decided = server.decide("live", instrument={"kind": "card", "reference": "tried-card"})
    record = server.client("live").get(f"/v1/decisions/{decided['id']}").json()["record"]
    declines = [value for name, value in record["features"].items() if "decline" in name]
    labels = server.client("live").get("/v1/labels", params={"payment_id": "past-59"}).json()
    assert labels["standing"]["verdict"] == "fraud" and labels["reports"][0]["imported"]
    again = server.client("live").post("/v1/decisions", json=server.payment(id="past-3"))
    assert again.status_code == 409 and again.json()["code"] == "payment_imported"
    return {"tried": max(declines, default=0)}
