"""Every problem code of erasures with its remedy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

CODES: Final[Mapping[str, str]] = {
    "subject_not_named": "Give at least one identifier of the person.",
    "subject_unknown": "No data is sealed for this person in this tenant and environment.",
    "subject_unreadable": "Give e-mail and account as payments carry them.",
}
