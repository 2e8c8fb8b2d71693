"""Policies that come with the program: the rule `library`.

Guards: they are read like any other policy; nothing in them is special. `init` copies the files, so
that the operator owns and changes a copy.
"""

from __future__ import annotations

from pathlib import Path

LIBRARY = "library"


def policy_folder(name: str = LIBRARY) -> Path:
    """Folder of a shipped policy. Errors: KeyError for another name."""
    folder = Path(__file__).parent / "policies" / name
    if name != LIBRARY:
        raise KeyError(name)
    return folder
