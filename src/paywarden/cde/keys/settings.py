"""Settings of the key agent: `<home>/cde/keys/keys.toml`, and variables that win over it.

Guards: unknown keys refuse to start; production refuses a root from a key file or from the
environment, callers that share a user, and operators without a roster, each by a code of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from paywarden.cde.keys.budgets import GLOBAL, Limits
from paywarden.cde.keys.software_root import UNFIT_FOR_PRODUCTION
from paywarden.cde.proofs import CALLERS, KnownCallers, callers_of_one_user, callers_of_users
from paywarden.core.errors import InvalidRequest
from paywarden.kit.settings import parse_settings

FILE: Final = "keys.toml"
Count = Annotated[int, Meta(ge=0, le=10**9)]
UserName = Annotated[str, Meta(max_length=32, pattern=r"\A[a-z_][a-z0-9_-]*\Z|\A\Z")]


class AgentSection(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """[agent]: how it runs."""

    mode: Literal["development", "production"] = "production"
    root: str = "shares"
    lock_memory: bool = True
    scope: str = "default/live"  # for which operators' approvals are made out
    facts_keys: str = "facts.keys"  # under cde/: public keys, for the risk API


class CallersSection(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """[callers]: the user of each process, in production."""

    vault: UserName = ""
    edge: UserName = ""
    egress: UserName = ""
    operator: UserName = ""


class BudgetSection(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """[budget]: openings in a minute, an hour and a day."""

    global_minute: Count = 24_000
    global_hour: Count = 1_200_000
    global_day: Count = 12_000_000
    egress_minute: Count = 24_000
    egress_hour: Count = 1_200_000
    egress_day: Count = 12_000_000
    vault_minute: Count = 0
    vault_hour: Count = 0
    vault_day: Count = 0


class KeySettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All of them. A file that says nothing means production."""

    agent: AgentSection = AgentSection()
    callers: CallersSection = CallersSection()
    budget: BudgetSection = BudgetSection()

    @property
    def production(self) -> bool:
        """Whether this is no development."""
        return self.agent.mode == "production"

    def limits(self) -> dict[str, Limits]:
        """Budgets by account."""
        of = self.budget
        return {
            GLOBAL: Limits(of.global_minute, of.global_hour, of.global_day),
            "egress": Limits(of.egress_minute, of.egress_hour, of.egress_day),
            "vault": Limits(of.vault_minute, of.vault_hour, of.vault_day),
        }


DEVELOPMENT_TEXT: Final = """\
# The key agent of the card data environment. This file is for development: `mode = "production"`
# refuses a root from a file. See docs/operate/key-agent.md.

[agent]
mode = "development"
root = "file"          # keys/root.key, mode 0600

[budget]               # data keys opened; a restart never refills
egress_minute = 24000  # 400 a second
egress_hour = 1200000
egress_day = 12000000
vault_minute = 6000    # only to index again; production: 0 until it is needed
vault_hour = 60000
vault_day = 200000
"""


def read_settings(keys: Path, environ: Mapping[str, str]) -> KeySettings:
    """Settings of the folder `keys`. Errors: InvalidRequest naming the key."""
    path = keys / FILE
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    settings = parse_settings(KeySettings, text, environ, FILE)
    check_root_kind(settings, settings.agent.root)
    return settings


def check_root_kind(settings: KeySettings, kind: str) -> None:
    """InvalidRequest `root_unfit_for_production` for a root that lies in the open."""
    if settings.production and kind in UNFIT_FOR_PRODUCTION:
        raise InvalidRequest(
            "root_unfit_for_production",
            f"a root from {'the environment' if kind == 'environment' else 'a key file'} is for "
            "development; set [agent] root to shares, pkcs11, transit or cloud",
            pointer=FILE,
        )


def known_callers(settings: KeySettings, run: Path, own_uid: int) -> KnownCallers:
    """Who may call. Errors: InvalidRequest `callers_not_apart`; Unavailable for an unsafe proof."""
    if not settings.production:
        return callers_of_one_user(run, own_uid)
    users = {name: getattr(settings.callers, name) for name in CALLERS}
    return callers_of_users(users, own_uid, FILE)
