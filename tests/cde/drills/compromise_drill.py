"""What is done when a key of each class is known to others, step by step, with the time it took.

    python tests/cde/drills/compromise_drill.py [--records 2000]

A real key agent over its socket, a root of shares, and wrapped data keys standing for records. Each
drill ends with proof: what had to become useless is refused, and everything else still opens.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent / "ceremonies")]

from ceremony_kit import House as Table  # noqa: E402
from key_agent_kit import NOW_US, PERIOD, SCOPE  # noqa: E402
from key_agent_kit import House as AgentHouse  # noqa: E402

from paywarden.cde.ceremonies.parts import read  # noqa: E402
from paywarden.cde.frame_format import Refused  # noqa: E402
from paywarden.cde.keys import wire  # noqa: E402
from paywarden.cde.keys.client import KeyAgent  # noqa: E402
from paywarden.cde.keys.start import create_keys  # noqa: E402
from paywarden.cde.places import Places  # noqa: E402
from paywarden.cde.proofs import make_proofs  # noqa: E402
from paywarden.core.clock import FixedClock  # noqa: E402
from paywarden.core.errors import PaywardenError  # noqa: E402
from paywarden.core.secret import Secret  # noqa: E402
from paywarden.kit.clock import SystemRandomness  # noqa: E402

BATCH = 256
PAN = b"4242424242424242"


@dataclass
class Drill:
    """Steps of one class with their seconds, and the proofs that held."""

    name: str
    steps: list[tuple[str, float]] = field(default_factory=list)
    proofs: list[str] = field(default_factory=list)

    @contextmanager
    def step(self, what: str) -> Iterator[None]:
        began = time.perf_counter()
        yield
        self.steps.append((what, time.perf_counter() - began))

    def proved(self, what: str, holds: bool) -> None:
        assert holds, f"{self.name}: {what}"
        self.proofs.append(what)


class Rig:
    """A home: a desk with its custodians, and the agent of that root."""

    def __init__(self, home: Path) -> None:
        self.home, places = home, Places(home / "cde")
        places.make()
        self.table = Table(places.keys, FixedClock(NOW_US))
        self.parts = self.table.held()
        self.house = AgentHouse.__new__(AgentHouse)
        self.house.places, self.house.settings = places, _settings()
        self.house.clock = self.table.clock  # type: ignore[assignment]
        self.use_root()
        make_proofs(places.run, SystemRandomness())
        create_keys(places, self.house.root, self.house.clock, SystemRandomness())

    def use_root(self) -> None:
        assert self.table.desk.root is not None
        self.house.root = self.table.desk.root


def _settings() -> Any:
    from key_agent_kit import with_budget

    return with_budget(egress_minute=10**8, egress_hour=10**8, egress_day=10**8,
                       global_minute=10**8, global_hour=10**8, global_day=10**8)  # fmt: skip


async def records(agent: KeyAgent, count: int) -> list[wire.RewrapItem]:
    """Wrapped data keys of `count` records."""
    made = []
    for start in range(0, count, BATCH):
        contexts = [b"rec_%d" % number for number in range(start, min(count, start + BATCH))]
        keys = await agent.new_data_keys(SCOPE, "pan", PERIOD, contexts)
        assert not isinstance(keys, Refused), keys
        for context, key in zip(contexts, keys, strict=True):
            made.append(wire.RewrapItem(PERIOD, context, key.wrapped, key.kek_version))
    return made


async def opens(agent: KeyAgent, items: list[wire.RewrapItem]) -> bool:
    """Whether every item opens."""
    for start in range(0, len(items), BATCH):
        some = [wire.WrappedItem(one.context, one.wrapped, one.kek_version)
                for one in items[start : start + BATCH]]  # fmt: skip
        try:
            opened = await agent.open_data_keys(SCOPE, "pan", PERIOD, some, "forward")
        except PaywardenError:
            return False
        if isinstance(opened, Refused):
            return False
    return True


async def pan_key(rig: Rig, count: int) -> Drill:
    drill = Drill(f"pan key, {count} records")
    async with (  # one agent, three callers
        rig.house.running(),
        rig.house.agent("vault") as vault,
        rig.house.agent("operator") as operator,
        rig.house.agent("egress") as egress,
    ):
        items = await records(vault, count)
        with drill.step("mark compromised (a new version wraps at once)"):
            assert await operator.mark_compromised("pan", 1) is True
        fresh: list[wire.RewrapItem] = []
        with drill.step("wrap every data key anew"):
            for start in range(0, count, BATCH):
                some = items[start : start + BATCH]
                done = await vault.rewrap(SCOPE, "pan", some)
                assert not isinstance(done, Refused), done
                fresh += [wire.RewrapItem(PERIOD, old.context, new.wrapped, new.kek_version)
                          for old, new in zip(some, done, strict=True)]  # fmt: skip
        with drill.step("destroy the version"):
            assert await operator.destroy_version("pan", 1) is True
        drill.proved("old wrappings are useless", not await opens(egress, items[:1]))
        drill.proved("every record opens", await opens(egress, fresh))
    return drill


async def index_key(rig: Rig, count: int) -> Drill:
    drill = Drill(f"index key, {count} cards")
    async with (
        rig.house.running(),
        rig.house.agent("vault") as vault,
        rig.house.agent("operator") as operator,
    ):
        before = await vault.index_cards(SCOPE, [PAN])
        assert not isinstance(before, Refused)
        with drill.step("mark compromised"):
            assert await operator.mark_compromised("index", before[0][0].version) is True
        with drill.step("index every card anew"):
            for start in range(0, count, BATCH):
                pans = [b"%016d" % n for n in range(start, min(count, start + BATCH))]
                assert not isinstance(await vault.index_cards(SCOPE, pans), Refused)
        with drill.step("destroy the version"):
            assert await operator.destroy_version("index", before[0][0].version) is True
        after = await vault.index_cards(SCOPE, [PAN])
        assert not isinstance(after, Refused)
        digests = {one.digest for one in after[0]}
        drill.proved("old digests match nothing", before[0][0].digest not in digests)
    return drill


async def facts_key(rig: Rig, _count: int) -> Drill:
    drill = Drill("facts key")
    async with rig.house.running(), rig.house.agent("operator") as operator:
        old = await operator.facts_keys()
        assert not isinstance(old, Refused)
        with drill.step("mark compromised (a new key signs at once)"):
            assert await operator.mark_compromised("facts", 1) is True
        async with rig.house.agent("vault") as vault:
            signed = await vault.sign_facts([b"{}"])
        assert not isinstance(signed, Refused)
        drill.proved("another key signs", signed[0].key_id != old[0].key_id)
        states = await operator.states()
        assert not isinstance(states, Refused)
        marked = [one for one in states if (one.purpose, one.state) == ("facts", "compromised")]
        drill.proved("the old one is published as compromised", len(marked) == 1)
    return drill


async def custodian_part(rig: Rig, count: int) -> Drill:
    drill = Drill("one custodian's part (rekey)")
    table, old = rig.table, dict(rig.parts)
    async with rig.house.running(), rig.house.agent("vault") as vault:
        items = await records(vault, min(count, BATCH))
    with drill.step("rekey: two authorise, three take and enter parts, officer activates"):
        table.start("rekey")
        for person in ("ana", "ben"):
            table.enter(person, old[person])
        rig.parts = table.held()
    drill.proved("old parts open nothing", _refused(table, old))
    with drill.step("restart and quorum"):
        _quorum(table, rig.parts)
    rig.use_root()
    async with rig.house.running(), rig.house.agent("egress") as egress:
        drill.proved("every record opens", await opens(egress, items))
    return drill


async def root_key(rig: Rig, count: int) -> Drill:
    drill = Drill("root (rotate)")
    table, before = rig.table, rig.house.places.key_file.read_bytes()
    generation = table.desk.root.generation if table.desk.root else 0
    async with rig.house.running(), rig.house.agent("vault") as vault:
        items = await records(vault, min(count, BATCH))
    with drill.step("rotate: two authorise, three take and enter parts, officer activates"):
        table.start("rotate")
        for person in ("ana", "ben"):
            table.enter(person, rig.parts[person])
        rig.parts = table.held()
    rig.use_root()
    with drill.step("seal the key file under the new root (any rotation of a key writes it)"):
        async with rig.house.running(), rig.house.agent("operator") as operator:
            assert not isinstance(await operator.rotate("facts"), Refused)
    drill.proved("the key file is another", rig.house.places.key_file.read_bytes() != before)
    assert table.desk.root is not None
    drill.proved("the generation is the next", table.desk.root.generation == generation + 1)
    with drill.step("restart and quorum"):
        _quorum(table, rig.parts)
    rig.use_root()
    async with rig.house.running(), rig.house.agent("egress") as egress:
        drill.proved("every record opens", await opens(egress, items))
    return drill


async def restore(rig: Rig, count: int) -> Drill:
    """The key agent's folder from its backup on a clean home, the quorum from its custodians."""
    drill = Drill("restore of keys and quorum on a clean home")
    async with rig.house.running(), rig.house.agent("vault") as vault:
        items = await records(vault, min(count, BATCH))
    clean = Path(tempfile.mkdtemp(dir=rig.home.parent))
    try:
        with drill.step("copy the key folder"):
            shutil.copytree(rig.house.places.keys, clean / "cde" / "keys")
            places = Places(clean / "cde")
            places.make()
        copied = [path for path in places.keys.rglob("*") if path.is_file()]
        texts = b"".join(path.read_bytes() for path in copied)
        values = [read(Secret(part)).value.expose() for part in rig.parts.values()]
        drill.proved("the backup holds no part", not any(value in texts for value in values))
        with drill.step("quorum"):
            table = Table(places.keys, rig.table.clock)
            table.desk.await_quorum()
            table.enter("ben", rig.parts["ben"])
            drill.proved("one custodian alone opens nothing", table.desk.root is None)
            table.enter("cem", rig.parts["cem"])
        house = AgentHouse.__new__(AgentHouse)
        house.places, house.settings, house.clock = places, _settings(), rig.house.clock
        assert table.desk.root is not None
        house.root = table.desk.root
        with drill.step("start the agent with proofs of its own"):
            make_proofs(places.run, SystemRandomness())
            async with house.running(), house.agent("egress") as egress:
                drill.proved("every record opens", await opens(egress, items))
    finally:
        shutil.rmtree(clean)
    return drill


def _refused(table: Table, parts: dict[str, str]) -> bool:
    table.reopen()
    table.desk.await_quorum()
    for person in ("ana", "ben"):
        try:
            table.enter(person, parts[person])
        except PaywardenError:
            continue
        return False
    return table.desk.root is None


def _quorum(table: Table, parts: dict[str, str]) -> None:
    table.reopen()
    table.desk.await_quorum()
    for person in ("ana", "cem"):
        table.enter(person, parts[person])


DRILLS = (pan_key, index_key, facts_key, custodian_part, root_key, restore)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=2_000)
    given = parser.parse_args()
    for drill in DRILLS:
        with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR")) as folder:
            home = Path(folder) / "home"
            home.mkdir()
            done = asyncio.run(drill(Rig(home), given.records))
        print(f"\n{done.name}: {sum(seconds for _, seconds in done.steps):.2f} s")
        for what, seconds in done.steps:
            print(f"  {seconds:7.3f} s  {what}")
        for what in done.proofs:
            print(f"     proved  {what}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
