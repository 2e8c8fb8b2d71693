"""Who is found laundering at a budget of alerts: typologies beside three other ways.

Guards: truth is read here and nowhere else; the ways see transfers alone, and the trees only other
worlds' truth. The budget is a share of all accounts; each way alerts those it ranks highest. Days
to an alert count from the first transfer of laundering of the account itself, and of each pattern;
an alert before that found something else and does not count.
Shapes: worlds w, accounts a.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl

from paywarden.aml.monitoring.priority import priorities
from paywarden.core.errors import InvalidRequest
from paywarden.core.instants import DAY_US
from paywarden.lab.accounts.mapping import TransferMap
from paywarden.lab.accounts.measures import Bools, Judged, clusters, highest, with_intervals
from paywarden.lab.accounts.reading import Truth, read_accounts, read_transfers, read_truth
from paywarden.lab.accounts.rivals import boosted, by_amount, by_degree, simple_features
from paywarden.risk.rules.typology_model import Typology

BUDGET: Final = 0.05
OURS: Final = "typologies"
Found = Callable[[pl.DataFrame], tuple[pl.DataFrame, pl.DataFrame]]
"""Of transfers: alerts (typology, account, sequence, at_us, score) and peaks (typology, account,
peak)."""


@dataclass(frozen=True, slots=True)
class WorldFile:
    """A file of transfers with its mapping; the truth lies where the mapping says."""

    path: Path
    mapping: TransferMap

    @property
    def name(self) -> str:
        """Short: folder and file."""
        return f"{self.path.parent.name}/{self.path.name}"


@dataclass(frozen=True, slots=True)
class World:
    """A world that was read. `guilty`: of each account in order, [a]."""

    name: str
    transfers: pl.DataFrame
    accounts: pl.Series
    truth: Truth
    guilty: Bools


def read_world(file: WorldFile) -> World:
    """Transfers, accounts and truth. Errors: those of files and mappings, `truth_accounts`."""
    transfers = read_transfers(file.path, file.mapping)
    accounts = read_accounts(file.path, file.mapping, transfers)
    truth = read_truth(file.path, file.mapping)
    guilty = accounts.is_in(truth.patterns["account"].unique().to_list()).to_numpy()
    if not guilty.any() or guilty.all():
        detail = "the truth names no account of the transfers, or all of them"
        raise InvalidRequest("truth_accounts", detail, pointer=file.name)
    return World(file.name, transfers, accounts, truth, guilty)


def evaluate_accounts(
    judged: Sequence[WorldFile],
    training: Sequence[WorldFile],
    typologies: Sequence[Typology],
    found: Found,
    *,
    budget: float = BUDGET,
    seed: int = 7,
    progress: Callable[[str, int, int], None] = lambda *_: None,
) -> dict[str, Any]:
    """The document of an evaluation (JSON). Errors: InvalidRequest."""
    _refuse_overlap(judged, training)
    taught = [_taught(read_world(one)) for one in training]
    results, worlds = [], []
    for place, file in enumerate(judged):
        progress("worlds", place, len(judged))
        one = _World(read_world(file), typologies, found, taught, budget, seed)
        worlds.append((one.judged, one.flags))
        results.append(one.document())
    progress("worlds", len(judged), len(judged))
    return {
        "kind": "aml_accounts",
        "budget": budget,
        "trained_on": [one.name for one in training],
        "typologies": [one.id for one in typologies],
        "worlds": results,
        "pooled": with_intervals(worlds, seed),
    }


def _refuse_overlap(judged: Sequence[WorldFile], training: Sequence[WorldFile]) -> None:
    shared = {one.path.resolve() for one in judged} & {one.path.resolve() for one in training}
    if shared:
        detail = "a world that is judged must not be learned from"
        raise InvalidRequest("evaluation_overlap", detail, pointer=next(iter(shared)).name)
    if not judged:
        raise InvalidRequest("evaluation_empty", "name a file of transfers to judge")


def _taught(world: World) -> tuple[np.ndarray, Bools]:
    return simple_features(world.transfers, world.accounts), world.guilty


class _World:
    """One judged world: the ways, who they alert, and what that comes to."""

    def __init__(
        self,
        world: World,
        typologies: Sequence[Typology],
        found: Found,
        taught: Sequence[tuple[np.ndarray, Bools]],
        budget: float,
        seed: int,
    ) -> None:
        self._world = world
        self._typologies = typologies
        self._seed = seed
        self._alerts, self._peaks = found(world.transfers)
        self._budget = max(1, int(len(world.accounts) * budget))
        self.flags = self._ways(taught)
        self.judged = Judged(world.guilty, clusters(world.accounts.to_list(), self._first()))

    def _ways(self, taught: Sequence[tuple[np.ndarray, Bools]]) -> dict[str, Bools]:
        world = self._world
        held = priorities(self._typologies, self._peaks)
        scores = {
            OURS: np.array([held.get(one, 0.0) for one in world.accounts.to_list()]),
            "amount": by_amount(world.transfers, world.accounts),
            "degree": by_degree(world.transfers, world.accounts),
        }
        if taught:
            scores["boosting"] = boosted(taught, simple_features(world.transfers, world.accounts))
        return {name: highest(one, self._budget, self._seed) for name, one in scores.items()}

    def _first(self) -> dict[str, str]:
        """First pattern of each laundering account."""
        first: dict[str, str] = {}
        for account, pattern in self._world.truth.patterns.select("account", "pattern").rows():
            first.setdefault(account, pattern)
        return first

    def document(self) -> dict[str, Any]:
        """Figures of this world alone."""
        world = self._world
        return {
            "name": world.name,
            "transfers": len(world.transfers),
            "accounts": len(world.accounts),
            "laundering_accounts": int(world.guilty.sum()),
            "patterns": world.truth.patterns["pattern"].n_unique(),
            "may_alert": self._budget,
            **with_intervals([(self.judged, self.flags)], self._seed),
            "families": self._families(),
            "days": self._days(),
            "hits": self._hits(),
        }

    def _families(self) -> list[dict[str, Any]]:
        """Recall per family and way."""
        place = {account: i for i, account in enumerate(self._world.accounts.to_list())}
        patterns = self._world.truth.patterns
        rows = []
        for family in patterns["family"].unique().sort().to_list():
            mine = patterns.filter(pl.col("family") == family)["account"].unique().sort()
            at = np.array([place[one] for one in mine.to_list() if one in place], np.int64)
            found = {name: float(flags[at].mean()) for name, flags in self.flags.items()}
            rows.append({"family": family, "accounts": len(at), **found})
        return rows

    def _days(self) -> dict[str, Any]:
        """Days from the first laundering transfer to the first alert after it."""
        alerted = self._world.accounts.filter(pl.Series(self.flags[OURS]))
        alerts = self._alerts.filter(pl.col("account").is_in(alerted.to_list()))
        begun = self._begun()
        waits = alerts.join(begun, on="account").filter(pl.col("at_us") >= pl.col("begun_us"))
        waits = waits.with_columns(days=(pl.col("at_us") - pl.col("begun_us")) / DAY_US)
        by_account = waits.group_by("account").agg(pl.col("days").min())
        members = self._world.truth.patterns.select("pattern", "account").unique()
        starts = members.join(begun, on="account").group_by("pattern").agg(pl.col("begun_us").min())
        seen = alerts.select("account", "at_us").join(members, on="account")
        seen = seen.join(starts, on="pattern").filter(pl.col("at_us") >= pl.col("begun_us"))
        by_pattern = seen.group_by("pattern").agg(
            days=((pl.col("at_us") - pl.col("begun_us")) / DAY_US).min()
        )
        return {
            "accounts": _spread(by_account["days"], len(begun)),
            "patterns": _spread(by_pattern["days"], len(starts)),
        }

    def _begun(self) -> pl.DataFrame:
        """account, begun_us: its first transfer of laundering."""
        marked = self._world.transfers.filter(
            pl.col("sequence").is_in(self._world.truth.laundering.to_list())
        )
        ends = [marked.select("at_us", account=name) for name in ("from_account", "to_account")]
        guilty = self._world.truth.patterns["account"].unique().to_list()
        every = pl.concat(ends).filter(pl.col("account").is_in(guilty))
        return every.group_by("account").agg(begun_us=pl.col("at_us").min())

    def _hits(self) -> list[dict[str, Any]]:
        """Accounts that each typology alerts, and how many of them launder."""
        guilty = set(self._world.accounts.filter(pl.Series(self._world.guilty)).to_list())
        rows = []
        for typology in self._typologies:
            mine = set(self._alerts.filter(pl.col("typology") == typology.id)["account"].to_list())
            rows.append(
                {
                    "typology": typology.id,
                    "family": typology.family,
                    "alerted": len(mine),
                    "laundering": len(mine & guilty),
                }
            )
        return rows


def _spread(days: pl.Series, of: int) -> dict[str, Any]:
    quantiles = {name: days.quantile(at) for name, at in (("p50", 0.5), ("p90", 0.9))}
    return {"of": of, "alerted": len(days), "mean": days.mean(), **quantiles}


def families(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Recall per family over all worlds of a document, weighted by accounts."""
    totals: dict[str, dict[str, float]] = {}
    for world in document["worlds"]:
        for row in world["families"]:
            mine = totals.setdefault(row["family"], {"accounts": 0})
            mine["accounts"] += row["accounts"]
            for way in world["ways"]:
                mine[way] = mine.get(way, 0.0) + row[way] * row["accounts"]
    return [
        {
            "family": family,
            "accounts": int(mine["accounts"]),
            **{way: mine[way] / mine["accounts"] for way in mine if way != "accounts"},
        }
        for family, mine in sorted(totals.items())
    ]
