"""Typologies that come with the program, as part of a policy.

    files = with_typologies(files_of(policy_folder()))

Guards: only files are added, and the two lists of countries that they read are declared; what a
policy has already stays. Typologies over the log are no part of a policy: they run beside it.
Source of the lists: FATF's public statements of 24 October 2025; keeping them is the operator's.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import resources
from typing import Final

from paywarden.aml.monitoring.typology_reader import FOLDER, read_typologies, shipped_files

LISTS: Final = ("high_risk_countries", "monitored_countries")
POLICY: Final = "policy.yaml"
_LISTS_LINE: Final = b"\nlists:\n"


def with_typologies(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """`files` of a policy with the shipped typologies of the payment path and their lists.

    Errors: ValueError where policy.yaml has no block of lists to declare them in.
    """
    head = files[POLICY]
    if head.count(_LISTS_LINE) != 1:
        raise ValueError("policy.yaml needs one block `lists:` of its own")
    missing = [name for name in LISTS if f"\n  {name}:".encode() not in head]
    declared = "".join(f"  {name}: country\n" for name in missing).encode()
    added = {FOLDER + name: content for name, content in payment_files().items()}
    added |= {f"lists/{name}.csv": _list(name) for name in LISTS}
    added[POLICY] = head.replace(_LISTS_LINE, _LISTS_LINE + declared)
    return {**added, **{name: one for name, one in files.items() if name != POLICY}}


def payment_files() -> dict[str, bytes]:
    """The shipped typologies of the payment path by name of their file."""
    files = shipped_files()
    ours = read_typologies(files).checked()
    return {one.file: files[one.file] for one in ours if one.runs == "payment"}


def _list(name: str) -> bytes:
    return (resources.files("paywarden.aml") / "lists" / f"{name}.csv").read_bytes()
