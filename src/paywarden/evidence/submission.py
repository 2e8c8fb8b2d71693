"""Submitting checkpoints to a witness and keeping its cosignatures.

Guards: the witness is another party: its answer counts only when its pinned key made it. Its
absence never stops payments nor the log: it is counted, and the newest checkpoint is sent again.
"""

from __future__ import annotations

import asyncio
import base64
import http.client
from typing import Final
from urllib.parse import urlsplit

from paywarden.core.errors import InvalidRequest, PaywardenError
from paywarden.evidence.checkpoint import Checkpoint, parse_checkpoint
from paywarden.evidence.cosignature import cosigned_at
from paywarden.evidence.log import SignedLog
from paywarden.evidence.metrics import EvidenceMetrics
from paywarden.evidence.note import Note, VerifierKey, parse_note, parse_signature
from paywarden.evidence.ports import Checkpoints
from paywarden.evidence.tree import consistency_proof
from paywarden.evidence.witness import SIZE_TYPE
from paywarden.kit.db.unit import UnitOfWork
from paywarden.kit.db.writer import Writer
from paywarden.kit.log import logger

TIMEOUT_SECONDS: Final = 5.0
RETRY_SECONDS: Final = 10.0
_ANSWER_LIMIT: Final = 8_192


class WitnessClient:
    """Speaks add-checkpoint with one witness; blocks."""

    def __init__(self, url: str, key: VerifierKey) -> None:
        self.key = key
        parts = urlsplit(url)
        if parts.scheme != "http" or parts.hostname is None:
            raise InvalidRequest("witness_url_invalid", "the witness' URL reads http://HOST:PORT")
        self._address = (parts.hostname, parts.port or 80)
        self._path = parts.path.rstrip("/") + "/add-checkpoint"

    def ask(self, old: int, proof: list[bytes], note: str) -> tuple[int, str, str]:
        """(status, content type, body) of one request. Errors: OSError, HTTPException."""
        lines = [f"old {old}", *(base64.b64encode(one).decode() for one in proof)]
        body = "\n".join([*lines, "", note]).encode()
        connection = http.client.HTTPConnection(*self._address, timeout=TIMEOUT_SECONDS)
        try:
            connection.request("POST", self._path, body)
            answer = connection.getresponse()
            kind = answer.getheader("content-type", "")
            return answer.status, kind, answer.read(_ANSWER_LIMIT).decode("utf-8", "replace")
        finally:
            connection.close()


class Submission:
    """A task that keeps the newest checkpoint cosigned."""

    def __init__(
        self,
        log: SignedLog,
        checkpoints: Checkpoints,
        writer: Writer,
        client: WitnessClient,
        metrics: EvidenceMetrics,
        *,
        retry_seconds: float = RETRY_SECONDS,
    ) -> None:
        self._log = log
        self._checkpoints = checkpoints
        self._writer = writer
        self._client = client
        self._metrics = metrics
        self._retry_seconds = retry_seconds
        self._cosigned: tuple[str, int] = ("", 0)

    async def run(self) -> None:
        """Submit for as long as the process lives."""
        while True:
            await asyncio.to_thread(self.submit_latest)
            await asyncio.sleep(self._retry_seconds)

    def submit_latest(self) -> bool:
        """Have the newest checkpoint cosigned if it is not; whether it is now."""
        note = self._log.note
        if not note:
            return False
        checkpoint = parse_checkpoint(parse_note(note).text)
        if self._cosigned == (checkpoint.origin, checkpoint.size):
            return True
        try:
            line = self._cosignature(checkpoint, note)
        except (OSError, http.client.HTTPException):
            return self._failed("unreachable")
        except (PaywardenError, ValueError):
            return self._failed("refused")
        return self._keep(checkpoint, line)

    def _cosignature(self, checkpoint: Checkpoint, note: str) -> str:
        origin, size = self._cosigned
        old = size if origin == checkpoint.origin else 0
        status, kind, body = self._ask(old, checkpoint, note)
        if status == 409 and kind == SIZE_TYPE and body.strip().isdecimal():
            status, kind, body = self._ask(int(body), checkpoint, note)
        if status != 200:
            raise InvalidRequest("witness_refused", f"the witness answered {status}")
        parsed, key = parse_note(note), self._client.key
        for line in body.splitlines():
            found = Note(parsed.text, (parse_signature(line),))
            if cosigned_at(found, key) is not None:
                return line
        raise InvalidRequest("cosignature_wrong", "the witness' pinned key did not sign")

    def _ask(self, old: int, checkpoint: Checkpoint, note: str) -> tuple[int, str, str]:
        size = checkpoint.size
        proof = consistency_proof(old, size, self._log.tree.node) if 0 < old <= size else []
        return self._client.ask(old, proof, note)

    def _keep(self, checkpoint: Checkpoint, line: str) -> bool:
        unit = UnitOfWork()
        self._checkpoints.cosign(unit, checkpoint, self._client.key.name, line)
        try:
            self._writer.submit(unit).result()
        except PaywardenError as fault:
            if fault.code != "constraint_violated":  # else it was cosigned before a restart
                return self._failed("unstored")
        self._cosigned = (checkpoint.origin, checkpoint.size)
        self._metrics.witnessed.set(checkpoint.size)
        return True

    def _failed(self, reason: str) -> bool:
        self._metrics.witness_failures.labels(reason).inc()
        logger().warning("witness_failed", reason=reason)
        return False
