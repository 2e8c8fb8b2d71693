"""Policies that come with the program: `starter`.

Guards: they are read like any other policy; nothing in them is special. `init` copies the files, so
that the operator owns and changes a copy.
"""

from __future__ import annotations

from pathlib import Path

STARTER = "starter"


def policy_folder(name: str = STARTER) -> Path:
    """Folder of a shipped policy. Errors: KeyError for another name."""
    folder = Path(__file__).parent / "policies" / name
    if name != STARTER:
        raise KeyError(name)
    return folder
