"""Files of labels reach a running server: once, however often they are sent, each row answered."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
from test_support_api import Server

MAP = """\
[label_files]
payment_id = "ref"
reason = "code"
time = { column = "got", unit = "datetime" }
constants = { source = "chargeback" }
"""


def labels(server: Server, *words: str) -> tuple[int, dict[str, Any], str]:
    key = server.home / "labels.key"
    key.write_text(server.keys["operator"])
    done = subprocess.run(
        [sys.executable, "-m", "paywarden.entrypoints.main", "labels", "import", *words,
         "--server", server.url, "--key-file", str(key), "--json"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    return done.returncode, json.loads(done.stdout), done.stderr


def test_a_file_of_chargebacks_is_taken_in_once(granian: Server, tmp_path: Path) -> None:
    now = datetime.now(UTC).isoformat()
    names = [f"{tmp_path.name}-{number}" for number in range(3)]
    for name in names:
        granian.decide(id=name, instrument={"kind": "card", "reference": "charged-card"})
    rows = [f"{names[0]},10.4,{now}", f"nobody,10.4,{now}", f"{names[1]},13.1,{now}"]
    file, mapping = tmp_path / "cb.csv", tmp_path / "map.toml"
    file.write_text("\n".join(["ref,code,got", *rows]) + "\n")
    mapping.write_text(MAP)
    words = [str(file), "--map", str(mapping)]

    code, told, _ = labels(granian, *words, "--dry-run")
    assert code == 0 and told["kinds"] == {"label": 2, "dispute": 1}
    code, told, _ = labels(granian, *words)
    assert code == 1 and (told["recorded"], told["refused"]) == (2, 1)
    assert told["problems"] == [{"place": "cb.csv:3", "code": "payment_unknown"}]
    code, told, _ = labels(granian, *words)
    assert (told["recorded"], told["repeated"]) == (0, 2)

    def read(payment_id: str, key: str = "operator") -> httpx.Response:
        return granian.client(key).get("/v1/labels", params={"payment_id": payment_id})

    answer = read(names[0])
    found = answer.json()
    assert answer.status_code == 200 and found["standing"]["verdict"] == "fraud"
    assert found["reports"][0]["about"] == "fraud" and len(found["reports"]) == 1
    assert read(names[1]).json()["standing"] is None
    assert read("nobody").status_code == 404 and read(names[0], "merchant").status_code == 403

    file.write_text("ref,code,got\n,10.4,2026-01-01T00:00:00Z\n")
    code, told, said = labels(granian, *words)
    assert code == 3 and told["error"]["code"] == "field_missing" and "cb.csv:2:ref" in said
