"""From one person's wish to an auditor's proof: two persons publish, a third verifies offline.

The publication runs over the application's own HTTP operations with passkeys that sign for real;
then the server is gone, and the auditor has an export, a verifier of the standard library alone,
and keys that were pinned elsewhere. What happened is written down as it happens, and the page
`docs/how-to/verify-the-log.md` shows just that (PAYWARDEN_WRITE_GOLDENS=1 writes it anew).
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest
from test_four_eyes import WIDER, enrol, make_home, opened, packed, runtime_of

from paywarden.kit.clock import SystemClock

PATIENCE_SECONDS = 120
PAGE = Path(__file__).resolve().parents[2] / "docs" / "how-to" / "verify-the-log.md"
MARK = "<!-- written by tests/journeys/test_trust_transcript.py: do not edit below -->\n"
TOLD = re.compile(r"^(verdict|first_bad_record|detail): .*$", re.MULTILINE)


class Transcript:
    """Lines of what people asked and were told, what commands said; names of this run masked."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.names: dict[str, str] = {}

    def listen(self, person: Any) -> None:
        """Write down every request of a person with its answer."""
        self.names[person.person] = f"psn_{person.name}"

        async def heard(answer: httpx.Response) -> None:
            await answer.aread()
            request, found = answer.request, answer.json()
            told = found.get("code") or found.get("state") or ""
            if "approvals_needed" in found:
                told += f", {len(found['approvals_counting'])} of {found['approvals_needed']}"
            asked = f"{person.name}  {request.method:4} {request.url.path}"
            self.lines.append(f"{asked}  ->  {answer.status_code} {told}".rstrip())

        person.http.event_hooks["response"].append(heard)

    def ran(self, command: str, done: subprocess.CompletedProcess[str] | None = None) -> None:
        """Write down a command, what it found, and its exit code."""
        self.lines.append(command)
        if done is not None:
            self.lines += [found.group() for found in TOLD.finditer(done.stdout + done.stderr)]
            self.lines.append(f"exit code {done.returncode}")

    def text(self) -> str:
        """The transcript as the page shows it."""
        joined = "".join(f"    {line}\n" if line else "\n" for line in self.lines)
        for name, shown in self.names.items():
            joined = joined.replace(name, shown)
        return joined


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
    ruleset, script = runtime_of(WIDER).ruleset, Transcript()
    script.names[ruleset] = "rs_..."
    async with opened(home, now_us=SystemClock().now_us()) as room:
        mia, ann, _bob = [await enrol(room, name) for name in ("mia", "ann", "bob")]
        await room.installation.policies.create(room.live, packed(WIDER), mia.person)
        for person in (mia, ann):
            script.listen(person)

        # One word changes nothing, not even said twice.
        asked = await mia.post(f"/v1/rulesets/{ruleset}/publish")
        assert asked.status_code == 202, asked.text
        path = asked.headers["location"]
        script.names[asked.json()["id"]] = "apr_..."
        assert (await mia.post(path + "/execute")).json()["code"] == "approvals_missing"
        assert room.state(room.live).ruleset != ruleset

        # The word of a second person does, once.
        assert ruleset in (await ann.http.get(path)).json()["payload"]
        assert (await ann.approve(path)).status_code == 200
        assert (await mia.post(path + "/execute")).status_code == 200
        assert room.state(room.live).ruleset == ruleset
        assert (await mia.post(path + "/execute")).json()["code"] == "approval_closed"
        for person in (mia, ann, _bob):
            await person.http.aclose()

    # The auditor: an export, and keys that came another way.
    export, pinned = tmp_path / "export", tmp_path / "pinned.txt"
    script.lines.append("")
    pinned.write_text(paywarden(home, "audit", "trust"))
    script.ran("paywarden --home HOME audit trust > trust")
    paywarden(home, "audit", "export", str(export))
    script.ran("paywarden --home HOME audit export EXPORT")
    done = verified(export, "--trust", str(pinned))
    assert done.returncode == 0, done.stdout + done.stderr
    script.ran("python -I EXPORT/verify.py EXPORT --trust trust", done)

    told = [(one["action"], one["actor"]) for one in records(export)]
    wanted = [
        ("approval:request:open", f"person:{mia.person}"),
        ("approval:request:approve", f"person:{ann.person}"),
        ("policy:ruleset:publish", f"person:{mia.person}"),
    ]
    places = [told.index(one) for one in wanted]
    assert places == sorted(places), "asked, then approved, then done"
    script.lines.append("grep -hE 'approval:request|ruleset:publish' EXPORT/records/*.jsonl")
    script.lines += [
        f"{one['action']}  {one['actor']}  {one['outcome']}" for one in records(export)[places[0] :]
        if one["action"].startswith(("approval:request", "policy:ruleset:publish"))
    ]  # fmt: skip

    # Without pinned keys nothing is believed; a changed name is found and named.
    unpinned = verified(export)
    assert unpinned.returncode == 2
    script.ran("python -I EXPORT/verify.py EXPORT", unpinned)
    file = next((export / "records").glob("*.jsonl"))
    text = file.read_text()
    file.write_text(text.replace(ann.person, mia.person))
    forged = verified(export, "--trust", str(pinned))
    assert forged.returncode == 1
    first = next(n for n, line in enumerate(text.splitlines()) if ann.person in line)
    assert str(first) in forged.stdout + forged.stderr
    script.names[f"first_bad_record: {first}"] = "first_bad_record: (Ann's approval)"
    script.lines.append("sed -i s/psn_ann/psn_mia/ EXPORT/records/*.jsonl")
    script.ran("python -I EXPORT/verify.py EXPORT --trust trust", forged)

    before, _mark, shown = PAGE.read_text(encoding="utf-8").partition(MARK)
    if os.environ.get("PAYWARDEN_WRITE_GOLDENS"):
        PAGE.write_text(before + MARK + "\n" + script.text(), encoding="utf-8")
        return
    assert shown == "\n" + script.text()
