"""The home folder: where an installation keeps its settings, keys and data.

    paywarden.toml            settings, commented
    keys/master.key           32 random bytes, mode 0600: back it up apart from data/
    keys/audit_log.key        the audit log's name and signing key, mode 0600
    keys/audit_log.checkpoint the last checkpoint signed: tells when a backup was put back
    keys/operator.key         the first operator's API key, mode 0600: move it to a vault
    data/paywarden.sqlite     log and records
    data/subject_keys.sqlite  one wrapped key per person
    data/local.sock           the running server's ear for commands of this machine, mode 0600
    data/webhooks.sqlite      deliveries of webhooks: the worker's own
    data/master.check         tells another master key from the one that the data belongs to
    data/audit_log/           tiles of the audit log: can be made again from it
    data/screening_lists/     snapshots of lists of sanctions, signed by keys/screening_lists.key
    data/screening_index/     their index, mapped by processes that search: can be made again
    data/segments/            sealed observations: can be made again from the log
    data/checkpoints/         state that they lead to: can be made again from segments
    cde/sightings.db, .key    card numbers found where none may be, and the key of their names

Guards: the folder and its keys are for one user only.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from paywarden.core.errors import Unavailable
from paywarden.entrypoints.settings import Settings
from paywarden.kit.settings import parse_settings

VARIABLE = "PAYWARDEN_HOME"
DEFAULT = "paywarden-home"


@dataclass(frozen=True, slots=True)
class Home:
    """Paths under one home folder."""

    root: Path

    @property
    def settings_file(self) -> Path:
        """Commented TOML."""
        return self.root / "paywarden.toml"

    @property
    def master_key(self) -> Path:
        """The master key."""
        return self.root / "keys" / "master.key"

    @property
    def key_check(self) -> Path:
        """Check value of the master key that the data belongs to."""
        return self.root / "data" / "master.check"

    @property
    def operator_key(self) -> Path:
        """The first operator's API key."""
        return self.root / "keys" / "operator.key"

    @property
    def database(self) -> Path:
        """Log and records."""
        return self.root / "data" / "paywarden.sqlite"

    @property
    def subject_keys(self) -> Path:
        """Wrapped keys of persons."""
        return self.root / "data" / "subject_keys.sqlite"

    @property
    def local_door(self) -> Path:
        """Socket on which the running server answers commands."""
        return self.root / "data" / "local.sock"

    @property
    def webhooks(self) -> Path:
        """Deliveries of webhooks."""
        return self.root / "data" / "webhooks.sqlite"

    @property
    def audit_key(self) -> Path:
        """The audit log's name and signing key."""
        return self.root / "keys" / "audit_log.key"

    @property
    def audit_last_signed(self) -> Path:
        """The last checkpoint signed, kept away from the database."""
        return self.root / "keys" / "audit_log.checkpoint"

    @property
    def audit_tiles(self) -> Path:
        """Tiles of the audit log."""
        return self.root / "data" / "audit_log"

    @property
    def screening_key(self) -> Path:
        """The key that signs which lists are in force."""
        return self.root / "keys" / "screening_lists.key"

    @property
    def screening_lists(self) -> Path:
        """Snapshots of lists, by source."""
        return self.root / "data" / "screening_lists"

    @property
    def screening_index(self) -> Path:
        """The index of the lists in force: made again when it is missing."""
        return self.root / "data" / "screening_index"

    @property
    def segments(self) -> Path:
        """Sealed segments, by tenant and environment."""
        return self.root / "data" / "segments"

    @property
    def images(self) -> Path:
        """Compiled rulesets: made again when they are missing."""
        return self.root / "data" / "images"

    @property
    def models(self) -> Path:
        """Trained models, one folder each."""
        return self.root / "models"

    @property
    def model_trust(self) -> Path:
        """Public keys whose models may serve, one in a line."""
        return self.root / "keys" / "models.trust"

    @property
    def checkpoints(self) -> Path:
        """Checkpoints of windows, by tenant and environment."""
        return self.root / "data" / "checkpoints"

    @property
    def flows(self) -> Path:
        """Up to where the log was followed for money laundering."""
        return self.root / "data" / "flows"

    @property
    def typologies(self) -> Path:
        """The operator's own typologies over the log, beside those that ship."""
        return self.root / "typologies"

    @property
    def backtests(self) -> Path:
        """Finished work and results of back-tests: made again when they are missing."""
        return self.root / "data" / "backtests"

    @property
    def exists(self) -> bool:
        """Whether `init` has run here."""
        return self.settings_file.is_file() and self.master_key.exists()

    def make(self) -> None:
        """Create the folders, for this user only."""
        for folder in (
            self.root,
            self.root / "keys",
            self.root / "data",
            self.segments,
            self.checkpoints,
        ):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def require(self) -> None:
        """Unavailable unless `init` has run here."""
        if not self.exists:
            raise Unavailable("home_missing", "no installation in this home; run init first")

    def settings(self, environ: Mapping[str, str]) -> Settings:
        """Parsed settings. Errors: InvalidRequest naming the key."""
        relevant = {key: value for key, value in environ.items() if key != VARIABLE}
        text = self.settings_file.read_text(encoding="utf-8")
        return parse_settings(Settings, text, relevant, str(self.settings_file.name))


def find_home(given: str | None, environ: Mapping[str, str]) -> Home:
    """`--home`, else PAYWARDEN_HOME, else ./paywarden-home."""
    return Home(Path(given or environ.get(VARIABLE) or DEFAULT).absolute())


def private_write(path: Path, text: str) -> None:
    """Write a new file that only this user can read; FileExistsError if it is there."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
