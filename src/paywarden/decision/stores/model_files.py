"""Models as folders of a home, each checked once when it is first used.

Guards: only models that a trusted key signed are served (`risk.scoring.artefact` checks); the
trust file names those keys, one in a line. Nothing is trusted by default.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from paywarden.core.errors import InvalidRequest, NotFound
from paywarden.evidence.note import VerifierKey
from paywarden.risk.scoring.artefact import Artefact, read_artefact

MODELS_LIMIT = 1_000
TRUST_LIMIT = 64 * 1024


class ModelFiles:
    """`Models` over a folder."""

    def __init__(self, folder: Path, trust: Path) -> None:
        self._folder = folder
        self._trust = trust
        self._known: dict[str, Artefact] = {}

    def artefact(self, name: str) -> Artefact:
        """A checked model. Errors: NotFound, Corrupt, InvalidRequest."""
        known = self._known.get(name)
        if known is None:
            if name not in self.names():
                raise NotFound("model_missing", "no model of that name in this home")
            known = self._known[name] = read_artefact(self._folder / name, self._trusted())
        return known

    def card(self, name: str) -> dict[str, Any]:
        """The card of a model whose files passed their checks. Errors: as `artefact`."""
        self.artefact(name)
        text = (self._folder / name / "card.json").read_bytes()
        return msgspec.json.decode(text, type=dict[str, Any])

    def names(self) -> Sequence[str]:
        """Names of the models that are there, in order."""
        if not self._folder.is_dir():
            return ()
        found = sorted(path.name for path in self._folder.glob("md_*") if path.is_dir())
        return found[:MODELS_LIMIT]

    def _trusted(self) -> list[VerifierKey]:
        try:
            with self._trust.open(encoding="ascii") as lines:
                text = lines.read(TRUST_LIMIT)
        except OSError:
            text = ""
        found = [line.strip() for line in text.splitlines()]
        try:
            return [VerifierKey.parse(line) for line in found if line and line[0] != "#"]
        except ValueError:
            raise InvalidRequest(
                "model_trust_invalid",
                "a line of the trust file is no key",
                pointer=self._trust.name,
            ) from None
