"""What a ceremony makes and has not put in force: parts, the record they open, the root's keys.

Guards: all of it lives in memory until every custodian has entered the part again; the record is
opened once with exactly what they entered, before anybody may activate it.
"""

from __future__ import annotations

from dataclasses import dataclass

from paywarden.cde.ceremonies import components, shamir
from paywarden.cde.ceremonies.model import Act, Plan
from paywarden.cde.ceremonies.parts import Kind, Part
from paywarden.cde.primitives import check_value
from paywarden.cde.roots import record as records
from paywarden.cde.roots.record import Header, Holder, RootRecord
from paywarden.core.clock import Randomness
from paywarden.core.errors import Corrupt
from paywarden.core.secret import Secret

Roots = dict[int, Secret[bytes]]
"""Keys of a root by generation."""


@dataclass(frozen=True, slots=True)
class Made:
    """The record to be written, the keys that it holds, and the parts in the order of the plan."""

    record: RootRecord
    keys: Roots
    parts: list[Part]


@dataclass(frozen=True, slots=True)
class Former:
    """What is in force: the record, and its keys."""

    record: RootRecord
    keys: Roots


def make(
    plan: Plan, ceremony: str, former: Former | None, now_us: int, randomness: Randomness
) -> Made:
    """Parts and record of `plan`; `former` is None for the first root."""
    unsealing = Secret(randomness.octets(32))
    parts = _parts(plan, unsealing, randomness)
    root, older, generation = _next_root(plan.act, former, randomness)
    holders = [
        Holder(person, part.place, part.check.hex())
        for person, part in zip(plan.custodians, parts, strict=True)
    ]
    name = former.record.header.name if former else f"root-{randomness.octets(4).hex()}"
    header = Header(
        name, generation, plan.scheme, parts[0].set_id.hex(), plan.needed, holders,
        check_value(root).hex(), ceremony, now_us,
    )  # fmt: skip
    record = records.sealed_record(header, unsealing, root, randomness, older)
    return Made(record, {**older, generation: root}, parts)


def prove(made: Made, entered: list[Part]) -> None:
    """That what was entered opens the new record. Errors: Corrupt `root_record_corrupt`."""
    if not records.opened(made.record, joined(entered)):
        raise Corrupt("root_record_corrupt", "the parts do not open the new record")


def joined(parts: list[Part]) -> Secret[bytes]:
    """The unsealing key of shares or components. Errors: InvalidRequest."""
    way = shamir.join if parts[0].kind is Kind.SHAMIR else components.join
    return way(parts)


def _parts(plan: Plan, unsealing: Secret[bytes], randomness: Randomness) -> list[Part]:
    count = len(plan.custodians)
    if plan.scheme == "shares":
        return shamir.split(unsealing, plan.needed, count, randomness)
    return components.split(unsealing, count, randomness)


def _next_root(
    act: Act, former: Former | None, randomness: Randomness
) -> tuple[Secret[bytes], Roots, int]:
    """(root, former roots by generation, generation) of the record to be made."""
    if former is None:
        return Secret(randomness.octets(32)), {}, 1
    present = former.record.header.generation
    if act is Act.ROTATE:
        return Secret(randomness.octets(32)), dict(former.keys), present + 1
    older = {one: key for one, key in former.keys.items() if one != present}
    return former.keys[present], older, present
