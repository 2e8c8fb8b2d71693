"""A witness (C2SP tlog-witness): cosigns a log's checkpoint only when the log merely grew.

Guards: the witness remembers the largest checkpoint of each log that it cosigned, durable before
its signature leaves, and signs nothing that does not extend it: a smaller size, another root of one
size, a failing proof, an unknown log or a wrong signature are refused by name. A signed checkpoint
that contradicts the remembered one proves a fork; it is kept as evidence. One call at a time.
Meant for another machine, with a user and key of its own. Not done here: sockets (`witness_http`).
"""

from __future__ import annotations

import base64
import binascii
import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from paywarden.core.clock import Clock
from paywarden.core.errors import InvalidRequest
from paywarden.evidence.checkpoint import Checkpoint, parse_checkpoint
from paywarden.evidence.cosignature import cosign
from paywarden.evidence.note import Note, SigningKey, VerifierKey, parse_note
from paywarden.evidence.tree import HASH_OCTETS, consistent
from paywarden.kit.log import logger

PROOF_LIMIT: Final = 63
BODY_LIMIT_OCTETS: Final = 65_536
SIZE_TYPE: Final = "text/x.tlog.size"
TEXT_TYPE: Final = "text/plain; charset=utf-8"
_OLD = re.compile(r"old (0|[1-9][0-9]{0,18})\Z")


@dataclass(frozen=True, slots=True)
class Reply:
    """HTTP status, content type and body of an answer."""

    status: int
    body: str
    content_type: str = TEXT_TYPE


class WitnessState(Protocol):
    """Port: the largest cosigned checkpoint of each log."""

    def seen(self, origin: str) -> Checkpoint | None:
        """The remembered checkpoint of a log."""
        ...

    def remember(self, checkpoint: Checkpoint, note: str) -> None:
        """Replace it, durable on return."""
        ...

    def keep_fork(self, checkpoint: Checkpoint, note: str) -> None:
        """Keep a signed note that contradicts the remembered one."""
        ...


class Witness:
    """Cosigns checkpoints of the logs whose keys it was given."""

    def __init__(
        self, key: SigningKey, logs: Sequence[VerifierKey], state: WitnessState, clock: Clock
    ) -> None:
        self._key = key
        self._logs = {log.name: log for log in logs}
        self._state = state
        self._clock = clock

    def add_checkpoint(self, body: bytes) -> Reply:
        """Answer one add-checkpoint request."""
        try:
            old, proof, text = _parsed(body)
            note = parse_note(text)
            checkpoint = parse_checkpoint(note.text)
        except (InvalidRequest, UnicodeDecodeError):
            return Reply(400, "the request cannot be read\n")
        log = self._logs.get(checkpoint.origin)
        if log is None:
            return Reply(404, "this log is not known here\n")
        if not note.signed_by(log):
            return Reply(403, "the log's key did not sign this checkpoint\n")
        if old > checkpoint.size:
            return Reply(400, "old is larger than the checkpoint\n")
        return self._extend(old, proof, checkpoint, note, text)

    def _extend(
        self, old: int, proof: list[bytes], checkpoint: Checkpoint, note: Note, text: str
    ) -> Reply:
        seen = self._state.seen(checkpoint.origin)
        size = seen.size if seen else 0
        if old != size:
            return _conflict(size)
        if seen is not None and checkpoint.size == size:
            if not hmac.compare_digest(checkpoint.root, seen.root):
                self._fork(checkpoint, text)
                return _conflict(size)
            if proof:
                return Reply(422, "equal sizes take no proof\n")
        elif seen is not None:
            if not consistent(size, seen.root, checkpoint.size, checkpoint.root, proof):
                self._fork(checkpoint, text)
                return Reply(422, "the proof does not lead from the remembered root\n")
        elif proof:
            return Reply(422, "the first checkpoint takes no proof\n")
        if seen is None or checkpoint.size > size:
            self._state.remember(checkpoint, text)
        at_seconds = self._clock.now_us() // 1_000_000
        return Reply(200, cosign(note.text, self._key, at_seconds) + "\n")

    def _fork(self, checkpoint: Checkpoint, text: str) -> None:
        logger().error("witness_refused_inconsistent", head=checkpoint.size)
        self._state.keep_fork(checkpoint, text)


def _conflict(size: int) -> Reply:
    return Reply(409, f"{size}\n", SIZE_TYPE)


def _parsed(body: bytes) -> tuple[int, list[bytes], str]:
    head, found, note = body.decode("utf-8").partition("\n\n")
    lines = head.split("\n")
    old = _OLD.match(lines[0])
    if not found or old is None or len(lines) - 1 > PROOF_LIMIT or len(body) > BODY_LIMIT_OCTETS:
        raise InvalidRequest("request_malformed", "the request cannot be read")
    try:
        proof = [base64.b64decode(line, validate=True) for line in lines[1:]]
    except (binascii.Error, ValueError) as fault:
        raise InvalidRequest("request_malformed", "a proof line cannot be read") from fault
    if any(len(one) != HASH_OCTETS for one in proof):
        raise InvalidRequest("request_malformed", "a proof line is no hash")
    return int(old[1]), proof, note
