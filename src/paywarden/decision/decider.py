"""What decides: a ruleset, and the model beside it if there is one. Pure."""

from __future__ import annotations

from typing import Annotated, NamedTuple

from msgspec import Meta

ModelName = Annotated[str, Meta(pattern="^(md_[0-9a-f]{32})?$", max_length=35)]
"""As requests name a model; empty for none."""


class Decider(NamedTuple):
    """A ruleset (`rs_...`) and a model (`md_...`, empty for none).

    >>> str(Decider("rs_1", "md_2")), str(Decider("rs_1"))
    ('rs_1+md_2', 'rs_1')
    """

    ruleset: str
    model: str = ""

    def __str__(self) -> str:
        return f"{self.ruleset}+{self.model}" if self.model else self.ruleset
