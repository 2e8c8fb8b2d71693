"""`paywarden audit`: export, trust, verify, proof, consistency, acknowledge-restore.

Guards: all but the last open the databases for reading only and run beside a server; they show what
the last checkpoint covers. `export` ends with 1 when the event log does not fit the leaves, and the
export says so. `acknowledge-restore` writes, so it needs the server to be stopped.
"""

from __future__ import annotations

import argparse
import base64
import os

import msgspec

from paywarden.cli import output
from paywarden.core.errors import InvalidRequest
from paywarden.decision.journal_check import JournalCheck
from paywarden.entrypoints.home import Home
from paywarden.entrypoints.installation import Installation
from paywarden.evidence import verify
from paywarden.evidence.export import Export, nothing_told
from paywarden.kit.audit import READ_LIMIT
from paywarden.kit.clock import SystemClock, SystemRandomness


def audit(arguments: argparse.Namespace, home: Home) -> int:
    """Run one task; 0, or 1 and 2 as `verify` says."""
    if arguments.task == "verify":
        return _verify(arguments)
    installation = Installation(home, home.settings(os.environ), SystemClock(), SystemRandomness())
    tasks = {
        "export": _export, "trust": _trust, "proof": _proof, "consistency": _consistency,
        "acknowledge-restore": _acknowledge,
    }  # fmt: skip
    try:
        return tasks[arguments.task](arguments, installation)
    finally:
        installation.reader.close()
        installation.wrapped_keys.close()


def _verify(arguments: argparse.Namespace) -> int:
    words = [str(arguments.folder)]
    if arguments.trust is not None:
        words += ["--trust", str(arguments.trust)]
    for note in arguments.known:
        words += ["--known", str(note)]
    code: int = verify.main([*words, *(["--json"] if arguments.json else [])])
    return code


def _export(arguments: argparse.Namespace, installation: Installation) -> int:
    parts = installation.evidence
    parts.log.read_only()
    made = Export(parts.log, parts.audit, parts.checkpoints, parts.tiles)
    check = JournalCheck(
        installation.journal, parts.audit, installation.ledger.read, installation.ids
    )

    def report(size: int) -> tuple[bytes, int]:
        output.tell("holding the event log against the leaves ...")
        found = check.run(size)
        for one in found.findings[:10]:
            output.tell(f"entry {one.seq}, record {one.record}: {one.detail} [{one.code}]")
        return msgspec.json.encode(found), found.findings_total

    told = check.statements if arguments.decisions else nothing_told
    document = made.write(arguments.folder, report, told)
    words = ", ".join(f"{count} {name}" for name, count in document.items())
    output.answer(arguments, document, f"{arguments.folder}: {words}")
    return output.NOT_SO if document["journal_findings"] else output.DONE


def _trust(arguments: argparse.Namespace, installation: Installation) -> int:
    installation.evidence.log.read_only()
    lines = [f"log {key.text}" for key in installation.evidence.log.verifiers()]
    if installation.settings.audit.witness_key:
        text = installation.settings.audit.witness_key
        lines += [f"witness {text.partition('+')[0]} {text}"]
    output.answer(arguments, {"trust": lines}, "\n".join(lines))
    return output.DONE


def _proof(arguments: argparse.Namespace, installation: Installation) -> int:
    parts = installation.evidence
    parts.log.read_only()
    found = parts.proofs.inclusion(arguments.index)
    proof = [base64.b64encode(one).decode() for one in found.proof]
    leaf, note = found.leaf.decode(), found.signed.note
    document = {"index": found.index, "leaf": leaf, "proof": proof, "checkpoint": note}
    words = f"{leaf}\n{note}\n" + "\n".join(proof)
    output.answer(arguments, document, words)
    return output.DONE


def _consistency(arguments: argparse.Namespace, installation: Installation) -> int:
    parts = installation.evidence
    parts.log.read_only()
    path = parts.proofs.consistency(arguments.first, arguments.second)
    proof = [base64.b64encode(one).decode() for one in path]
    document = {"from": arguments.first, "to": arguments.second, "proof": proof}
    output.answer(arguments, document, "\n".join(proof))
    return output.DONE


def _acknowledge(arguments: argparse.Namespace, installation: Installation) -> int:
    if not 1 <= len(arguments.reason) <= 500:
        raise InvalidRequest("reason_invalid", "give a reason of at most 500 letters")
    log = installation.evidence.log
    installation.writer.start()
    try:
        log.open()
        origin = log.acknowledge_restore(arguments.reason)
        log.integrate(READ_LIMIT * READ_LIMIT)
        log.checkpoint()
    finally:
        installation.writer.close()
    document = {"log": origin.name, "first_index": origin.first_index}
    words = f"the log goes on as {origin.name}; give its new key (`audit trust`) to all who pin it"
    output.answer(arguments, document, words)
    return output.DONE
