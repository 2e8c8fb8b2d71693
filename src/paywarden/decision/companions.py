"""State that decisions keep beside windows, and only while it is read: links and posteriors.

Guards: each is a fold over the same observations as windows and depends on no ruleset, so one store
serves both arms of a trial. One is kept while the live ruleset, the model beside it or the
candidate of a trial reads any of its fields; where nobody reads it, it costs nothing and a record
holds none of it. What begins to read one has it from the whole log at once. Values are read before
the payment is counted and stand in its record among its derived fields; a continuation has those of
the payment that it continues. A store that had to forget for want of room is named in the decision
as degraded. Not done here: the stores (`risk.links`, `risk.posteriors`), the back-fill
(`policy_desk`), the rebuild (`start`), images on disk (`checkpoints`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from paywarden.risk.features.catalogue import COMPANION_FIELDS, LINK_FIELDS, POSTERIOR_FIELDS
from paywarden.risk.features.columns import ObservationColumns
from paywarden.risk.features.image import Image
from paywarden.risk.features.observation import Observation
from paywarden.risk.links.store import Links
from paywarden.risk.posteriors.store import Posteriors

LINKS, POSTERIORS = "links", "posteriors"
FIELDS_OF: Mapping[str, frozenset[str]] = {
    LINKS: frozenset(LINK_FIELDS),
    POSTERIORS: frozenset(POSTERIOR_FIELDS),
}
Names = frozenset[str]
NONE: Names = frozenset()


class Companion(Protocol):
    """What each of them does."""

    def add(self, seen: Observation) -> None:
        """Count one observation of the log."""
        ...

    def add_columns(self, columns: ObservationColumns) -> None:
        """Count many, in log order."""
        ...

    def fields(self, keys: Sequence[int], t_us: int) -> Mapping[str, Any]:
        """What is known of a payment's entities, by path; counts nothing."""
        ...

    def shortened(self, t_us: int) -> bool:
        """Whether something was forgotten for want of room."""
        ...

    def warm(self) -> None:
        """Have the compiled code at hand."""
        ...

    def memory(self) -> dict[str, int]:
        """Bytes and numbers of what is held."""
        ...

    def image(self) -> Image:
        """Everything, as arrays."""
        ...

    def resume(self, image: Image) -> None:
        """Go on from an image."""
        ...


@dataclass(slots=True)
class Companions:
    """Those that a scope keeps."""

    links: Links | None = None
    posteriors: Posteriors | None = None

    @classmethod
    def fresh(cls, names: Names) -> Companions:
        """Empty ones."""
        return cls(
            Links() if LINKS in names else None, Posteriors() if POSTERIORS in names else None
        )

    @property
    def kept(self) -> list[tuple[str, Companion]]:
        """Each that is kept, by name."""
        every: list[tuple[str, Companion | None]] = [
            (LINKS, self.links), (POSTERIORS, self.posteriors),
        ]  # fmt: skip
        return [(name, one) for name, one in every if one is not None]

    @property
    def names(self) -> Names:
        """Names of those that are kept."""
        return frozenset(name for name, _one in self.kept)

    def add(self, seen: Observation) -> None:
        """Let each count an observation."""
        if self.links is not None:
            self.links.add(seen)
        if self.posteriors is not None:
            self.posteriors.add(seen)

    def add_columns(self, chunk: ObservationColumns) -> None:
        """Let each count many."""
        for _name, one in self.kept:
            one.add_columns(chunk)

    def fields(self, seen: Observation) -> dict[str, Any]:
        """What they know of a payment's entities before it is counted, by path."""
        found: dict[str, Any] = {}
        if self.links is not None:
            found.update(self.links.fields(seen.keys, seen.t_us))
        if self.posteriors is not None:
            found.update(self.posteriors.fields(seen.keys, seen.t_us))
        return found

    def degraded(self, t_us: int) -> tuple[str, ...]:
        """Those that forgot something for want of room, as decisions state it."""
        return tuple(f"{name}_shortened" for name, one in self.kept if one.shortened(t_us))

    def warm(self) -> None:
        """Have compiled code at hand."""
        for _name, one in self.kept:
            one.warm()

    def keep(self, wanted: Names, filled: Companions) -> None:
        """After a change of rulesets: what is wanted, from here or from `filled`, no other."""
        for name in FIELDS_OF:
            mine = getattr(self, name)
            kept = mine if mine is not None else getattr(filled, name)
            setattr(self, name, kept if name in wanted else None)


def read_by(paths: Iterable[str]) -> Names:
    """Which companions hold any of these paths."""
    read = set(paths)
    return frozenset(name for name, fields in FIELDS_OF.items() if not fields.isdisjoint(read))


def companion_fields_of(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Those of a payment's fields that say what companions knew."""
    return {path: fields[path] for path in COMPANION_FIELDS if path in fields}
