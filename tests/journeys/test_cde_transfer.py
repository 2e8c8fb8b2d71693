"""Cards in from a sealed file, out again to another vault's key, over the commands and sockets."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

TESTS = Path(__file__).resolve().parents[1]
for folder in ("identity", "kit", "cde/egress"):
    sys.path.insert(0, str(TESTS / folder))

from egress_kit import ANN, BOB, roster  # noqa: E402
from test_cde_egress import granted  # noqa: E402
from test_cde_serve_journey import MAIN, Serving, command  # noqa: E402

from paywarden.cde.places import places_of  # noqa: E402
from paywarden.cde.roster_form import octets_of  # noqa: E402
from paywarden.cde_client.card_acts import EXPORT_ACTION, export_of, payload  # noqa: E402
from paywarden.core.scope import Scope  # noqa: E402
from paywarden.reference.card_numbers import luhn_check_digit  # noqa: E402

SCOPE = "default/test"
COUNT = 700


def number(n: int) -> str:
    body = "453957" + f"{(n * 7_919_317) % 10**9:09d}"
    return body + luhn_check_digit(body)


@pytest.fixture
def serving(tmp_path: Path) -> Iterator[Serving]:
    home = tmp_path / "home"
    path = places_of(home).egress / "roster.json"
    path.parent.mkdir(parents=True, mode=0o700)
    path.write_bytes(octets_of(roster()))
    path.chmod(0o600)
    made = Serving(home)
    yield made
    made.end()


def run(home: Path, *words: str, code: int = 0, **more: Any) -> bytes:
    done = subprocess.run([*MAIN, "--home", str(home), *words], capture_output=True, **more)
    assert done.returncode == code, done.stderr
    return done.stdout


def test_cards_come_in_sealed_and_leave_sealed(serving: Serving, tmp_path: Path) -> None:
    home, ours, theirs = serving.home, tmp_path / "ours.key", tmp_path / "theirs.key"
    public = command(home, "cde", "transfer", "key", "--out", str(ours))["public_key"]
    rows = [
        json.dumps({"reference": f"old-{n}", "number": number(n), "expiry": "2031-07"})
        for n in range(COUNT)
    ]
    rows[5] = rows[5].replace(number(5), number(5)[:-1] + "x")
    sealed = tmp_path / "cards.sealed"
    words = ["cde", "transfer", "seal", "--recipient", public, "--out", str(sealed)]
    run(home, *words, input="\n".join(rows).encode())
    assert number(1).encode() not in sealed.read_bytes()
    results = tmp_path / "results.jsonl"
    took = ["--key", str(ours), "--scope", SCOPE, "--merchant", "shop-1"]
    words = ["cde", "transfer", "import", str(sealed), *took, "--results", str(results)]
    receipt = command(home, *words)
    assert (receipt["rows"], receipt["made"], receipt["finished"]) == (COUNT, COUNT - 1, True)
    assert receipt["refused"] == {"card_number_not_digits": 1}
    again = command(home, *words)
    assert again["results_sha256"] == receipt["results_sha256"]
    assert number(1) not in results.read_text()
    found = [json.loads(line) for line in results.read_text().splitlines()[1:]]
    tokens = tmp_path / "tokens"
    tokens.write_text("".join(f"{one['token']}\n" for one in found if "token" in one))

    # Out again: planned, signed by two people, fetched part by part, and opened by its recipient.
    public = command(home, "cde", "transfer", "key", "--out", str(theirs))["public_key"]
    words = ["--scope", SCOPE, "--merchant", "shop-1", "--recipient", public]
    plan = tmp_path / "plan.json"
    words += ["--purpose", "migration", "--ticket", "T-9", "--tokens", str(tokens)]
    plan.write_bytes(run(home, "cde", "export", "plan", *words))
    wanted = export_of(json.dumps(json.loads(plan.read_bytes())["payload"]).encode())
    assert wanted.count == COUNT - 1
    until = time.time_ns() // 1_000 + 3_600_000_000
    grant = tmp_path / "grant.json"
    scope = Scope.parse(SCOPE)
    grant.write_text(json.dumps(granted(EXPORT_ACTION, payload(wanted), scope, "e", until)))
    key = tmp_path / "desk.key"
    key.write_text(command(home, "keys", "--role", "operator", "--name", "desk")["api_key"])
    out = tmp_path / "out"
    words = ["--plan", str(plan), "--tokens", str(tokens), "--grant", str(grant)]
    words += ["--api-key", str(key), "--out", str(out)]
    words += ["--egress", f"http://127.0.0.1:{serving.egress_port}"]
    time.sleep(3)  # the new key's way into the roster
    told = command(home, "cde", "export", "run", *words)
    assert told == {"parts": 2, "fetched": 2, "cards": COUNT - 1, "missing": 0}
    assert command(home, "cde", "export", "run", *words)["fetched"] == 0
    (out / "part-0001.sealed").unlink()  # a run that was stopped
    assert command(home, "cde", "export", "run", *words)["fetched"] == 1
    opened: list[dict[str, str]] = []
    for path in sorted(out.glob("*.sealed")):
        text = run(home, "cde", "export", "open", str(path), "--key", str(theirs))
        opened += [json.loads(line) for line in text.splitlines()]
    kept = [number(n) for n in range(COUNT) if n != 5]
    assert [one["number"] for one in opened] == kept
    events = (places_of(home).egress / "events.jsonl").read_text()
    assert events.count('"cards_exported"') == 3
    assert kept[0] not in events
    assert {ANN, BOB} <= set(events.split('"approvers":"')[1].split('"')[0].split(","))
