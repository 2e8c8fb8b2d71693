"""Settings of the vault: `<home>/cde/vault/vault.toml`.

Guards: unknown keys refuse to start; in production every caller is a user of its own, and none is
the vault's. A file that says nothing means production. Retention keys are `scope:merchant`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from paywarden.cde.proofs import KnownCallers, callers_of_one_user, callers_of_users
from paywarden.cde.vault.caps import CapLimits
from paywarden.cde.vault.purging import Retention
from paywarden.cde.vault.service import VaultLimits
from paywarden.kit.settings import parse_settings

FILE: Final = "vault.toml"
CALLERS: Final = ("edge", "egress", "operator")
Count = Annotated[int, Meta(ge=1, le=10**9)]
Days = Annotated[int, Meta(ge=1, le=36_500)]
UserName = Annotated[str, Meta(max_length=32, pattern=r"\A[a-z_][a-z0-9_-]*\Z|\A\Z")]


class VaultSection(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """[vault]: how it runs; `dsn` names a PostgreSQL database, empty means SQLite."""

    mode: Literal["development", "production"] = "production"
    dsn: str = ""
    bins: str = ""  # a CSV file of issuer ranges: funding and country


class CallersSection(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """[callers]: the user of each process, in production."""

    edge: UserName = ""
    egress: UserName = ""
    operator: UserName = ""


class CapsSection(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """[caps]: distinct cards in an hour."""

    per_caller: Count = 20_000
    per_look: Count = 5
    per_look_scope: Count = 20


class RetentionSection(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """[retention]: days that records are kept; 0 keeps them until they are deleted."""

    days: Annotated[int, Meta(ge=0, le=36_500)] = 0
    merchants: dict[str, Days] = {}


class VaultSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All of them."""

    vault: VaultSection = VaultSection()
    callers: CallersSection = CallersSection()
    caps: CapsSection = CapsSection()
    retention: RetentionSection = RetentionSection()

    def limits(self) -> VaultLimits:
        """Caps and retention as the service takes them."""
        caps = CapLimits(self.caps.per_caller, self.caps.per_look, self.caps.per_look_scope)
        return VaultLimits(caps, Retention(self.retention.merchants, self.retention.days or None))


DEVELOPMENT_TEXT: Final = """\
# The vault of the card data environment; this file is for development.
# See docs/explanation/vault.md.

[vault]
mode = "development"

[caps]                 # distinct cards in an hour
per_caller = 20000
per_look = 5           # of one BIN and last four, by one caller
per_look_scope = 20    # the same, by all callers of a scope

[retention]            # days since a card was kept; 0 keeps it until it is deleted
days = 0
"""


def read_settings(folder: Path) -> VaultSettings:
    """Settings of the vault's folder. Errors: InvalidRequest naming the key."""
    path = folder / FILE
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    # Not from the environment: a variable must not turn production into development.
    return parse_settings(VaultSettings, text, {}, FILE)


def known_callers(settings: VaultSettings, run: Path, own_uid: int) -> KnownCallers:
    """Who may call. Errors: InvalidRequest `callers_not_apart`; Unavailable for unsafe proofs."""
    if settings.vault.mode == "development":
        return callers_of_one_user(run, own_uid, CALLERS)
    users = {name: getattr(settings.callers, name) for name in CALLERS}
    return callers_of_users(users, own_uid, FILE)
