"""What to mine: the request of `paywarden mine`, and its bounds."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from paywarden.core.errors import InvalidRequest
from paywarden.core.secret import Secret

MAX_RULES = 50


@dataclass(frozen=True, slots=True)
class MineRequest:
    """What to mine and by what.

    `burst`: (from, to) in microseconds, or None to mine from labels. `policy`: a policy folder.
    `max_rules`: most drafts. `min_precision`: least share of frauds among what a draft catches.
    `max_hurt`: most of the honest payments that a draft may match, as a share.
    `holdout_share`: share of the file's days, the last ones, on which drafts are only measured.
    `scenario`: of the drafts, or None to take that of the present rule nearest to each.
    `key`: 16-64 octets for keyed hashes; results do not depend on it. `seed`: of the samples.
    """

    file: Path
    mapping: Path
    policy: Path
    key: Secret[bytes]
    burst: tuple[int, int] | None = None
    max_rules: int = 10
    min_precision: float = 0.25
    holdout_share: float = 0.25
    max_hurt: float = 0.005
    scenario: str | None = None
    seed: int = 7

    def check(self) -> None:
        """Errors: InvalidRequest for a value out of bounds."""
        if not 1 <= self.max_rules <= MAX_RULES:
            raise InvalidRequest("max_rules_out_of_range", f"max-rules is 1 to {MAX_RULES}")
        if not 0.0 <= self.min_precision < 1.0:
            raise InvalidRequest("min_precision_out_of_range", "min-precision is 0 to below 1")
        if not 0.0 < self.max_hurt <= 1.0:
            raise InvalidRequest("max_hurt_out_of_range", "max-hurt is above 0, at most 1")
        if not 0.05 <= self.holdout_share <= 0.5:
            raise InvalidRequest("holdout_out_of_range", "holdout is 0.05 to 0.5")
        if self.burst is not None and self.burst[0] >= self.burst[1]:
            raise InvalidRequest("burst_empty", "a burst ends after it begins; give FROM..TO")
        if not self.policy.is_dir():
            detail = "there is no such folder"
            raise InvalidRequest("policy_folder_missing", detail, pointer=str(self.policy))
