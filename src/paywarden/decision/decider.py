"""What decides: a ruleset, and the model beside it if there is one. Pure."""

from __future__ import annotations

from typing import NamedTuple


class Decider(NamedTuple):
    """A ruleset (`rs_...`) and a model (`md_...`, empty for none).

    >>> str(Decider("rs_1", "md_2")), str(Decider("rs_1"))
    ('rs_1+md_2', 'rs_1')
    """

    ruleset: str
    model: str = ""

    def __str__(self) -> str:
        return f"{self.ruleset}+{self.model}" if self.model else self.ruleset
