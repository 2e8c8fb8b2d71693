"""`paywarden cde ceremony`: host a desk, and act at it as an officer or a custodian.

Guards: a part is never an argument: it is typed without echo, or read from a file descriptor
(`--part-fd`), and given out on a terminal or to `--out-fd`, never in a JSON document or a log.
Each step is signed with the person's own key file (32 octets, mode 0600).
"""

from __future__ import annotations

import argparse
import asyncio
import getpass
import os
import signal
import sys
from pathlib import Path
from typing import Any, Final

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from paywarden.cde.ceremonies import wire
from paywarden.cde.ceremonies.attendance import Proof, credential_of, step
from paywarden.cde.ceremonies.desk import TRANSCRIPTS, plan_text
from paywarden.cde.ceremonies.host import SOCKET_NAME, TRANSCRIPT_PUBLIC_NAME, CeremonyHost
from paywarden.cde.ceremonies.model import Act, Plan
from paywarden.cde.ceremonies.transcript import read as read_transcript
from paywarden.cde.frame_client import FrameClient
from paywarden.cde.frame_format import Refused
from paywarden.cde.keys.settings import read_settings
from paywarden.cde.places import places_of
from paywarden.cli import output
from paywarden.core.errors import Conflict, InvalidRequest, NotFound
from paywarden.entrypoints import cde_roster
from paywarden.entrypoints.cde_roots import make_first_keys
from paywarden.entrypoints.home import Home
from paywarden.kit.clock import SystemClock, SystemRandomness
from paywarden.kit.crypto.master import load_master_key

PART_LIMIT_OCTETS: Final = 400
_LINES: Final = ("groups 1 to 6", "groups 7 to 12", "groups 13 to 18")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Sub-commands of `cde ceremony`."""
    parts = parser.add_subparsers(dest="ceremony_command", required=True, metavar="STEP")
    parts.add_parser("host", help="hold the desk in the foreground, before there is an agent")
    parts.add_parser("first-keys", help="first keys under a root in a module or at a service")
    parts.add_parser("status", help="the root, the stage, and who may act")
    cde_roster.add_arguments(parts)
    start = parts.add_parser("start", help="open a ceremony, as its officer")
    start.add_argument("act", choices=("initialise", "rekey", "rotate"))
    start.add_argument("--scheme", choices=("shares", "components"), default="shares")
    start.add_argument("--needed", type=int, required=True, metavar="K")
    start.add_argument("--custodian", action="append", required=True, metavar="PERSON")
    enter = parts.add_parser("enter", help="a custodian's step: take a part, or enter one")
    enter.add_argument("--part-fd", type=int, metavar="N", help="read the part here, not typed")
    enter.add_argument("--out-fd", type=int, metavar="N", help="write a taken part here")
    activate = parts.add_parser("activate", help="put what was made in force, as the officer")
    cancel = parts.add_parser("cancel", help="end without effect, as the officer")
    for part in (start, enter, activate, cancel):
        part.add_argument("--person", required=True, help="who acts, as the roster names them")
        part.add_argument("--key", type=Path, required=True, help="this person's key file")
    told = parts.add_parser("transcript", help="verify and show a transcript")
    told.add_argument("ceremony", nargs="?", metavar="CER", help="cer_...; the last one otherwise")
    for part in parts.choices.values():
        part.add_argument("--json", action="store_true", default=argparse.SUPPRESS)


def run(arguments: argparse.Namespace, home: Home) -> int:
    """Run the step that was asked for."""
    command = arguments.ceremony_command
    if command in cde_roster.COMMANDS:
        return cde_roster.run(arguments, folder_of(home))
    if command == "transcript":
        return _transcript(arguments, folder_of(home))
    if command == "first-keys":
        return _first_keys(arguments, home)
    if command == "host":
        return asyncio.run(_host(home))
    return asyncio.run(_step(arguments, home))


def folder_of(home: Home) -> Path:
    """The key agent's own folder."""
    return home.root / "cde" / "keys"


def _first_keys(arguments: argparse.Namespace, home: Home) -> int:
    places = places_of(home.root)
    places.make()
    settings = read_settings(places.keys, {})
    root = make_first_keys(places, settings, SystemClock(), SystemRandomness())
    output.answer(arguments, {"root": root.name, "kind": root.kind}, f"keys under {root.name}")
    return output.DONE


async def _host(home: Home) -> int:
    folder, sockets = folder_of(home), home.root / "cde" / "run"
    for path in (folder.parent, folder, sockets):
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    clock, randomness = SystemClock(), SystemRandomness()
    path = sockets / SOCKET_NAME
    host = await CeremonyHost.opened(folder, path, {os.geteuid()}, clock, randomness)
    for name in host.interrupted:
        output.tell(f"{name} was cut short by a crash; its transcript says how far it came")
    output.tell(f"the desk is open at {path}; root: {host.desk.standing().root}")
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await stop.wait()
    await host.close()
    return output.DONE


async def _step(arguments: argparse.Namespace, home: Home) -> int:
    client = FrameClient(home.root / "cde" / "run" / SOCKET_NAME, wire.CALLER, timeout_seconds=30)
    try:
        standing = await _asked(client, wire.Ask(), wire.Standing)
        if arguments.ceremony_command == "status":
            return _show(arguments, standing)
        if arguments.ceremony_command == "enter":
            return await _enter(arguments, client, standing)
        return _show(arguments, await _asked(client, _act(arguments, standing), wire.Standing))
    finally:
        await client.close()


def _act(arguments: argparse.Namespace, now: wire.Standing) -> wire.Request:
    person, command = arguments.person, arguments.ceremony_command
    if command == "start":
        people = arguments.custodian
        plan = Plan(Act(arguments.act), arguments.scheme, arguments.needed, tuple(people), person)
        proof = _proof(arguments, "", "start", plan_text(plan), now.nonce)
        return wire.Start(arguments.act, arguments.scheme, plan.needed, people, person, proof)
    proof = _proof(arguments, now.ceremony, now.stage, command, now.nonce)
    kind = wire.Activate if command == "activate" else wire.Cancel
    return kind(person, proof)


async def _enter(arguments: argparse.Namespace, client: FrameClient, now: wire.Standing) -> int:
    if not now.ceremony or arguments.person not in now.waiting:
        raise Conflict("no_seat", "this person has nothing to do now; `status` says who has")
    taking = now.stage == "handing"
    out = _outlet(arguments) if taking else None
    part = "" if taking else _typed(arguments)
    what = "take" if taking else "enter"
    proof = _proof(arguments, now.ceremony, now.stage, what, now.nonce)
    done = await _asked(client, wire.Enter(arguments.person, proof, part), wire.Entered)
    if out is not None:
        os.write(out, done.part.encode() + b"\n")
        output.tell("write this part down now; it is not shown again")
    output.tell(f"check value of this part: {done.check}")
    return _show(arguments, done.standing)


def _outlet(arguments: argparse.Namespace) -> int:
    if arguments.out_fd is not None:
        return int(arguments.out_fd)
    if sys.stdout.isatty() and not arguments.json:
        return sys.stdout.fileno()
    raise InvalidRequest("outlet_missing", "a part is shown on a terminal, or give --out-fd")


def _typed(arguments: argparse.Namespace) -> str:
    if arguments.part_fd is not None:
        with os.fdopen(arguments.part_fd, "rb", closefd=False) as file:
            octets = file.read(PART_LIMIT_OCTETS + 1)
        if len(octets) > PART_LIMIT_OCTETS or not octets.isascii():
            raise InvalidRequest("part_incomplete", "what was read is no part")
        return octets.decode()
    return " ".join(getpass.getpass(f"{line}: ") for line in _LINES)


def _proof(
    arguments: argparse.Namespace, ceremony: str, stage: str, what: str, nonce: bytes
) -> Proof:
    key = Ed25519PrivateKey.from_private_bytes(load_master_key(arguments.key).expose())
    signed = step(ceremony, stage, what, arguments.person, nonce)
    return Proof(credential_of(key.public_key().public_bytes_raw()), key.sign(signed))


async def _asked(client: FrameClient, request: wire.Request, kind: type[Any]) -> Any:
    answer = await client.ask(request, kind)
    if isinstance(answer, Refused):
        raise InvalidRequest(answer.code, answer.detail)
    return answer


def _show(arguments: argparse.Namespace, now: wire.Standing) -> int:
    document = {
        "root": now.root, "check": now.check, "ceremony": now.ceremony, "act": now.act,
        "stage": now.stage, "waiting": now.waiting, "missing": now.missing, "head": now.head,
    }  # fmt: skip
    words = f"root: {now.root}" + (f", check value {now.check}" if now.check else "")
    if now.ceremony:
        words += f"\n{now.ceremony} {now.act}: {now.stage}"
    if now.waiting:
        words += f"\nwaiting for {now.missing} of: {', '.join(now.waiting)}"
    output.answer(arguments, document, words)
    return output.DONE


def _transcript(arguments: argparse.Namespace, folder: Path) -> int:
    found = sorted((folder / TRANSCRIPTS).glob("cer_*.jsonl"), key=lambda one: one.stat().st_mtime)
    wanted = [one for one in found if arguments.ceremony in (None, one.stem)]
    if not wanted:
        raise NotFound("no_ceremony", "there is no such transcript")
    lines = read_transcript(wanted[-1], (folder / TRANSCRIPT_PUBLIC_NAME).read_bytes())
    document = {"ceremony": wanted[-1].stem, "lines": [msgspec.to_builtins(one) for one in lines]}
    words = [f"{wanted[-1].stem}: {len(lines)} lines, chain and signatures hold"]
    words += [f"{one.n:3} {one.what:16} {one.person:12} {one.facts or ''}" for one in lines]
    output.answer(arguments, document, "\n".join(words))
    return output.DONE
