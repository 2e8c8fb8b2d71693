"""`paywarden witness`: cosigns checkpoints of logs whose keys it was given.

    DIR/witness.key   its own key (C2SP cosignature/v1), made at the first start
    DIR/logs          keys of the logs that it watches, one a line, `name+hash+key`
    DIR/*.checkpoint  the largest checkpoint of each log that it cosigned
    DIR/forks/        signed checkpoints that contradict it: proof against their log

Guards: runs with nothing of an installation, meant for another machine and another person. Loopback
only, so that a proxy with TLS decides who may ask.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from paywarden.cli import output
from paywarden.core.errors import InvalidRequest
from paywarden.entrypoints.listening import check_address
from paywarden.evidence.log_key import LogKey, create_log_key, load_log_key
from paywarden.evidence.note import COSIGNATURE, VerifierKey
from paywarden.evidence.stores.witness_files import WitnessFiles
from paywarden.evidence.witness import Witness
from paywarden.evidence.witness_http import server
from paywarden.kit.clock import SystemClock, SystemRandomness


def witness(arguments: argparse.Namespace) -> int:
    """Serve until interrupted; 0 afterwards."""
    folder = Path(arguments.state).absolute()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    key = _key(folder, arguments.name)
    logs = _logs(folder, arguments.trust)
    check_address(arguments.host, arguments.port)
    signer = key.signer()
    served = Witness(signer, logs, WitnessFiles(folder), SystemClock())
    bound = server((arguments.host, arguments.port), served, signer.verifier)
    document = {"witness_key": signer.verifier.text, "logs": [log.name for log in logs]}
    output.answer(arguments, document, f"{signer.verifier.text}\nwatching {len(logs)} logs")
    try:
        bound.serve_forever()
    finally:
        bound.server_close()
    return output.DONE


def _key(folder: Path, name: str | None) -> LogKey:
    path = folder / "witness.key"
    if path.exists():
        return load_log_key(path)
    if not name:
        raise InvalidRequest("witness_unnamed", "name a new witness, e.g. --name witness.example")
    return create_log_key(path, name, SystemRandomness(), COSIGNATURE)


def _logs(folder: Path, given: list[str]) -> list[VerifierKey]:
    """Keys of the folder's file and of the command line, which are added to the file."""
    path = folder / "logs"
    listed = path.read_text(encoding="utf-8").split() if path.exists() else []
    fresh = [VerifierKey.parse(text).text for text in given if text not in listed]
    if fresh:
        with path.open("a", encoding="utf-8") as file:
            file.writelines(f"{text}\n" for text in fresh)
    return [VerifierKey.parse(text) for text in [*listed, *fresh]]
