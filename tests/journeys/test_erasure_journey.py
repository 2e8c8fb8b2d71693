"""Two payers, one of whom is forgotten: asked for by one officer, approved by two people, proved.

A server over a socket. The officer uses the command, the approvers sign with passkeys; afterwards
the other payer's data, decisions, receipts, proofs, export and replay are as they were.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import io
import json
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from test_access_review_command import Terminal
from test_four_eyes import Person, enrol
from test_trust_transcript import paywarden, records, verified

from decision_room import HOUR, Room, opened  # isort: skip

from paywarden.cli import output
from paywarden.entrypoints import api
from paywarden.entrypoints.main import main
from paywarden.identity.api_keys import new_key

ANN = {"id": "cus_ann", "name": "Zebulon Quagmire", "email": "zeb@mail.example"}
BEN = {"id": "cus_ben", "name": "Ben Example", "email": "ben@mail.example"}


class Officer(Terminal):
    """Somebody who types `paywarden subjects`."""

    async def subjects(self, *words: str, code: int = output.DONE) -> Any:
        self.room.clock.advance(30)
        typed = io.StringIO(f"correct horse battery staple 7pia\n{self._code('pia')}\n")
        out, err = io.StringIO(), io.StringIO()

        def act() -> int:
            given = ["--login", "pia", "--environment", "live", "--server", self.url, "--json"]
            with (
                contextlib.redirect_stdout(out),
                contextlib.redirect_stderr(err),
                pytest.MonkeyPatch.context() as patch,
            ):
                patch.setattr("sys.stdin", typed)
                return main(["subjects", *words, *given])

        assert await asyncio.to_thread(act) == code, out.getvalue() + err.getvalue()
        return json.loads(out.getvalue().splitlines()[-1]) if code != output.BAD_INPUT else None


@contextlib.asynccontextmanager
async def serving(room: Room) -> AsyncIterator[str]:
    """The address of a real server over the room."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        app = api.application(room.installation)
        server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off"))
        running = asyncio.create_task(server.serve(sockets=[held]))
        while not server.started:
            await asyncio.sleep(0.01)
        yield f"http://127.0.0.1:{held.getsockname()[1]}"
        server.should_exit = True
        await running


def bearer(room: Room, role: str) -> dict[str, str]:
    found = room.installation
    secret, record = new_key(room.live, role, found.pepper, found.clock, found.randomness)
    found.api_keys.save(record)
    return {"authorization": f"Bearer {secret.expose()}"}


def body(room: Room, name: str, payer: dict[str, str], amount: int = 1_000) -> dict[str, Any]:
    return {"payment": {
        "id": name, "type": "card_payment", "occurred_at": room.time().isoformat(),
        "amount_minor": amount, "currency": "EUR", "payer": payer,
        "merchant": {"id": "m_1", "mcc": "5732", "country": "DE"},
        "instrument": {"kind": "card", "reference": f"card-{payer['id']}"},
    }}  # fmt: skip


def record_of(person: str, place: Path) -> list[str]:
    place.write_text(json.dumps({"payer_id": person}))
    return ["--person", str(place)]


async def approved_by(people: list[Person], name: str) -> None:
    for person in people:
        assert (await person.approve(f"/v1/approvals/{name}")).status_code == 200


async def test_a_person_is_forgotten_and_everything_still_proves(
    own_home: Path, tmp_path: Path
) -> None:
    async with opened(own_home) as room, serving(room) as url:
        sue, ann, _bob = [
            await enrol(room, name, role)
            for name, role in (("sue", "security_officer"), ("ann", "approver"),
                               ("bob", "security_admin"))
        ]  # fmt: skip
        officer = Officer(room, url, tmp_path / "no.key")
        await officer.person("pia", "privacy_officer")
        operator = httpx.AsyncClient(base_url=url, headers=bearer(room, "operator"))
        decided = {}
        for name, payer, amount in (("o-1", ANN, 1_000), ("o-2", BEN, 1_000),
                                    ("o-3", ANN, 500_000)):  # fmt: skip
            answer = await operator.post("/v1/decisions", json=body(room, name, payer, amount))
            assert answer.status_code == 200, answer.text
            decided[name] = answer.json()
        label = {"id": "l-1", "kind": "label", "payment_id": "o-1", "verdict": "fraud",
                 "source": "chargeback", "occurred_at": room.time().isoformat()}  # fmt: skip
        assert (await operator.post("/v1/events", json={"events": [label]})).status_code == 200

        async def shown(name: str) -> dict[str, Any]:
            answer = await operator.get(f"/v1/decisions/{decided[name]['id']}")
            found: dict[str, Any] = answer.json()["record"]
            return found

        before = {name: await shown(name) for name in decided}
        assert before["o-1"]["inputs"]["payer.name"] == "Z** Q**" and not before["o-1"]["erased"]

        # A key of the house may not, unknown people are not found, and one word does nothing.
        refused = await operator.post(
            "/v1/subjects/erase", json={"person": {"payer_id": "cus_ann"}, "reason": "x"}
        )
        assert (refused.status_code, refused.json()["code"]) == (403, "not_permitted")
        asks = record_of("cus_ann", tmp_path / "ann.json")
        await officer.subjects("find", *record_of("cus_zoe", tmp_path / "zoe.json"),
                               code=output.NOT_SO)  # fmt: skip
        await officer.subjects("erase", *record_of("cus_zoe", tmp_path / "zoe.json"),
                               "--reason", "ticket 9", code=output.BAD_INPUT)  # fmt: skip
        (found,) = (await officer.subjects("find", *asks))["subjects"]
        assert found["state"] == "known" and "cus_ann" not in found["subject"]
        asked = await officer.subjects("erase", *asks, "--reason", "ticket 7")
        again = await officer.subjects("erase", *asks, "--reason", "ticket 7 again")
        assert again["id"] == asked["id"], "the request that waits is the answer"
        assert found["subject"] in asked["payload"] and asked["approvals_needed"] == 2
        await officer.subjects("execute", asked["id"], code=output.UNAVAILABLE)

        # Two others sign; an hour passes; it is done.
        approver = await ann.http.post(
            "/v1/subjects/find", json={"person": {"payer_id": "cus_ann"}}
        )
        assert approver.json()["subjects"] == [found], "who signs can see whom it is about"
        await approved_by([sue, ann], asked["id"])
        await officer.subjects("execute", asked["id"], code=output.UNAVAILABLE)
        room.clock.advance(HOUR // 1_000_000)
        done = (await officer.subjects("execute", asked["id"]))["result"]["subjects"]
        assert done[0]["state"] == "erased"
        repeated = await officer.subjects("erase", *asks, "--reason", "ticket 7")
        assert repeated["subjects"] == done, "nothing is left to do"

        # Her records say so, his are as they were; what was decided stands.
        for name in ("o-1", "o-3"):
            record = await shown(name)
            assert record["erased"] == [{"person": "payer", "erased_at": done[0]["erased_at"]}]
            assert not [path for path in record["inputs"] if path.startswith("payer.")]
            assert record["features"] == before[name]["features"]
        assert await shown("o-2") == before["o-2"]
        assert before["o-3"]["inputs"]["payment.amount_minor"] == 500_000, "it was challenged"
        went_on = await operator.post(
            f"/v1/decisions/{decided['o-3']['id']}/continue", json={"result": "failed"}
        )
        assert went_on.json()["outcome"] in ("review", "block"), went_on.text
        for name in decided:
            replay = await operator.post(f"/v1/decisions/{decided[name]['id']}/replay")
            assert replay.json()["identical"], replay.text
        late = dict(label, id="l-2", payment_id="o-3", occurred_at=room.time().isoformat())
        assert (await operator.post("/v1/events", json={"events": [late]})).status_code == 200
        assert all(one.identical for one in room.replay())
        await operator.aclose()
        for person in (sue, ann, _bob):
            await person.http.aclose()
        digest = hashlib.sha256(found["subject"].encode()).hexdigest()

    # Offline: export, pinned keys, the verifier alone; receipts, promises and decisions hold.
    export, pinned = tmp_path / "export", tmp_path / "pinned.txt"
    paywarden(own_home, "audit", "export", str(export), "--decisions")
    pinned.write_text(paywarden(own_home, "audit", "trust"))
    checked = verified(export, "--trust", str(pinned))
    assert checked.returncode == 0, checked.stdout + checked.stderr
    (leaf,) = [one for one in records(export) if one["action"] == "privacy:subject:erase"]
    assert leaf["detail"]["subject_sha256"] == digest
    answers = tmp_path / "answer.json"
    for name in decided:
        answers.write_text(json.dumps(decided[name]))
        kept = subprocess.run(
            [sys.executable, "-I", str(export / "verify.py"), "promise", str(answers), str(export),
             "--trust", str(pinned)],
            capture_output=True, text=True, check=False, env={}, timeout=60,
        )  # fmt: skip
        assert kept.returncode == 0, kept.stdout + kept.stderr
    replayed = json.loads(paywarden(own_home, "replay", "--json"))
    assert (replayed["decisions"], replayed["differences"], replayed["erased"]) == (4, 0, 2)
    told = b"".join(one.read_bytes() for one in export.rglob("*") if one.is_file())
    assert not [text for text in (b"Zebulon", b"cus_ann", b"zeb@") if text in told]
