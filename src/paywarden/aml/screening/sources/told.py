"""What a list says about itself while it is read: its date, and notes that are no faults."""

from __future__ import annotations

from dataclasses import dataclass, field

from paywarden.aml.screening.sources.limits import NOTES_LIMIT


@dataclass(slots=True)
class Told:
    """Date of the list (ISO 8601, None when it does not say) and notes for the operator."""

    list_date: str | None = None
    notes: list[str] = field(default_factory=list)

    def note(self, text: str) -> None:
        """Keep a note once, up to a limit."""
        if text not in self.notes and len(self.notes) < NOTES_LIMIT:
            self.notes.append(text)
