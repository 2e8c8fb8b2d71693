"""From one person's wish to an auditor's proof: two persons publish, a third verifies offline.

The publication runs over the application's own HTTP operations with passkeys that sign for real;
then the server is gone, and the auditor has an export, a verifier of the standard library alone,
and keys that were pinned elsewhere.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from test_four_eyes import WIDER, enrol, make_home, opened, packed, runtime_of

from paywarden.kit.clock import SystemClock

PATIENCE_SECONDS = 120


def paywarden(home: Path, *words: str) -> str:
    environ = {k: v for k, v in os.environ.items() if not k.startswith("PAYWARDEN_")}
    done = subprocess.run(
        [sys.executable, "-m", "paywarden.entrypoints.main", "--home", str(home), *words],
        capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False, env=environ,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def verified(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """The exported verifier, without anything of ours on its path."""
    return subprocess.run(
        [sys.executable, "-I", str(folder / "verify.py"), str(folder), *words],
        capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False, env={},
    )  # fmt: skip


def records(folder: Path) -> list[dict[str, Any]]:
    files = sorted((folder / "records").glob("*.jsonl"))
    return [json.loads(line) for file in files for line in file.read_text().splitlines()]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_home(tmp_path_factory.mktemp("transcript"))


async def test_two_persons_publish_and_an_auditor_proves_it_offline(
    home: Path, tmp_path: Path
) -> None:
    ruleset = runtime_of(WIDER).ruleset
    async with opened(home, now_us=SystemClock().now_us()) as room:
        mia, ann, _bob = [await enrol(room, name) for name in ("mia", "ann", "bob")]
        await room.installation.policies.create(room.live, packed(WIDER), mia.person)

        # One word changes nothing, not even said twice.
        asked = await mia.post(f"/v1/rulesets/{ruleset}/publish")
        assert asked.status_code == 202, asked.text
        path = asked.headers["location"]
        assert (await mia.post(path + "/execute")).json()["code"] == "approvals_missing"
        assert room.state(room.live).ruleset != ruleset

        # The word of a second person does, once.
        assert (await ann.approve(path)).status_code == 200
        assert (await mia.post(path + "/execute")).status_code == 200
        assert room.state(room.live).ruleset == ruleset
        assert (await mia.post(path + "/execute")).json()["code"] == "approval_closed"
        for person in (mia, ann, _bob):
            await person.http.aclose()

    # The auditor: an export, and keys that came another way.
    export, pinned = tmp_path / "export", tmp_path / "pinned.txt"
    paywarden(home, "audit", "export", str(export))
    pinned.write_text(paywarden(home, "audit", "trust"))
    done = verified(export, "--trust", str(pinned))
    assert done.returncode == 0, done.stdout + done.stderr

    told = [(one["action"], one["actor"]) for one in records(export)]
    wanted = [
        ("approval:request:open", f"person:{mia.person}"),
        ("approval:request:approve", f"person:{ann.person}"),
        ("policy:ruleset:publish", f"person:{mia.person}"),
    ]
    places = [told.index(one) for one in wanted]
    assert places == sorted(places), "asked, then approved, then done"

    # Without pinned keys nothing is believed; a changed name is found and named.
    assert verified(export).returncode == 2
    file = next((export / "records").glob("*.jsonl"))
    text = file.read_text()
    file.write_text(text.replace(ann.person, mia.person))
    forged = verified(export, "--trust", str(pinned))
    assert forged.returncode == 1
    first = next(n for n, line in enumerate(text.splitlines()) if ann.person in line)
    assert str(first) in forged.stdout + forged.stderr
