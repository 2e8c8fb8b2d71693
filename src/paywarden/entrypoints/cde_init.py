"""`paywarden cde init`: folders, a software root and first keys, for development.

Guards: nothing that is there is replaced; where keys.toml says production, it refuses, because
production's root comes from a ceremony and not from a file.
"""

from __future__ import annotations

import argparse

from paywarden.cde.keys.settings import DEVELOPMENT_TEXT, FILE, read_settings
from paywarden.cde.keys.software_root import root_from_file
from paywarden.cde.keys.start import create_keys
from paywarden.cde.places import Places, places_of
from paywarden.cde.proofs import make_proofs
from paywarden.cde.vault import settings as vault
from paywarden.cli import output
from paywarden.core.errors import InvalidRequest
from paywarden.entrypoints.cde_door import EDGE_DEVELOPMENT_TEXT, EDGE_FILE
from paywarden.entrypoints.home import Home, private_write
from paywarden.kit.clock import SystemClock, SystemRandomness
from paywarden.kit.crypto.master import create_master_key


def add_arguments(_parser: argparse.ArgumentParser) -> None:
    """None."""


def run(arguments: argparse.Namespace, home: Home) -> int:
    """Make what is missing and tell what was made."""
    made = initialise(places_of(home.root))
    words = f"made {', '.join(made)}" if made else "everything is there already"
    output.answer(arguments, {"changed": made}, f"{home.root / 'cde'}: {words}")
    return output.DONE


def initialise(places: Places) -> list[str]:
    """What was made. Errors: InvalidRequest `root_unfit_for_production`; Conflict."""
    places.make()
    randomness, made = SystemRandomness(), []
    settings_file = places.keys / FILE
    if not settings_file.exists():
        private_write(settings_file, DEVELOPMENT_TEXT)
        made.append("settings")
    if read_settings(places.keys, {}).production:
        raise InvalidRequest(
            "root_unfit_for_production",
            "keys.toml says production: its root comes from a ceremony, not from this command",
            pointer=FILE,
        )
    if not places.development_root.exists():
        create_master_key(places.development_root, randomness)
        made.append("development root")
    if not places.key_file.exists():
        root = root_from_file(places.development_root, randomness)
        create_keys(places, root, SystemClock(), randomness)
        made.append("keys")
    vault_settings = places.vault / vault.FILE
    if not vault_settings.exists():
        private_write(vault_settings, vault.DEVELOPMENT_TEXT)
        made.append("vault settings")
    edge_settings = places.edge / EDGE_FILE
    if not edge_settings.exists():
        private_write(edge_settings, EDGE_DEVELOPMENT_TEXT)
        made.append("edge settings")
    if make_proofs(places.run, randomness):
        made.append("callers")
    return made
