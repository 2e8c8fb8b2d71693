"""One movement of money between two accounts, as monitoring reads it. Pure values.

Guards: an account is a text that the caller made (a keyed hash in the house, a number in a file);
the empty text is the OUTSIDE: a shop, an employer, a cash machine, an unnamed account. Its
transfers count in the legs of the other account, where it is one counterparty like any other; no
feature is read for it, no alert is about it, and no motif passes through it.
Order: by `at_us`, then by `sequence`. Not done here: putting late transfers in their place
(`ordering`), reading the journal.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

OUTSIDE: Final = ""
MOST_AMOUNT_MINOR: Final = 10**13
"""Amounts above are held at it, so that sums over windows stay within 64 bits."""


@dataclass(frozen=True, slots=True)
class Transfer:
    """`amount_minor` in the base currency, positive; `at_us`: microseconds since 1970 UTC.

    `sequence`: position in the log, unique. `reference`: identity (payment and attempt); two
    transfers of one reference are one. Countries: ISO 3166 alpha-2; texts may be empty.
    """

    sequence: int
    at_us: int
    from_account: str
    to_account: str
    amount_minor: int
    kind: str = "transfer"
    channel: str = ""
    from_country: str = ""
    to_country: str = ""
    from_bank: str = ""
    to_bank: str = ""
    reference: str = ""

    @property
    def order(self) -> tuple[int, int]:
        """What transfers are ordered by."""
        return self.at_us, self.sequence

    @property
    def counts(self) -> bool:
        """A transfer to oneself, between outsiders or of nothing moves no money anywhere."""
        return self.from_account != self.to_account and self.amount_minor > 0
