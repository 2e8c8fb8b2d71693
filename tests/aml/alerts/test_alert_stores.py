"""Stores and desk of alerts: once by id, quiet days, groups, pages, scopes, one announcement."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from paywarden.aml.alerts import tables
from paywarden.aml.alerts.desk import AlertDesk
from paywarden.aml.alerts.events import ALERT_RAISED
from paywarden.aml.alerts.model import Alert, Entity, Reason
from paywarden.aml.alerts.ports import AlertFilter
from paywarden.aml.alerts.stores.sqlite import SCHEMA, SqliteAlerts
from paywarden.core.clock import FixedClock
from paywarden.core.instants import DAY_US
from paywarden.core.scope import Environment, Scope
from paywarden.kit.db.migrate import migrate
from paywarden.kit.db.reader import Reader
from paywarden.kit.db.schema import KIT
from paywarden.kit.db.unit import UnitOfWork
from paywarden.kit.db.writer import Writer
from paywarden.kit.metrics import Metrics

HERE = Scope("default", Environment.LIVE)
THERE = Scope("elsewhere", Environment.LIVE)


class Bureau:
    """A desk over a database of its own."""

    def __init__(self, path: Path) -> None:
        migrate(path, (KIT, SCHEMA))
        self.reader = Reader(path)
        self.writer = Writer(path, (KIT, SCHEMA))
        self.writer.start()
        self.store = SqliteAlerts(self.reader)
        self.metrics = Metrics()
        self.desk = AlertDesk(self.store, self.writer, FixedClock(), self.metrics)

    def messages(self) -> int:
        rows = self.reader.rows("SELECT count(*) FROM outbox WHERE topic = ?", (ALERT_RAISED,))
        return int(rows[0][0])

    def page(self, scope: Scope = HERE, after: str = "", limit: int = 100, **wanted: Any) -> Any:
        return [one.alert for one in self.store.page(scope, AlertFilter(**wanted), after, limit)]

    def close(self) -> None:
        self.writer.close()
        self.reader.close()


@pytest.fixture
def bureau(tmp_path: Path) -> Iterator[Bureau]:
    made = Bureau(tmp_path / "alerts.sqlite")
    yield made
    made.close()


def alert(sequence: int, **changes: Any) -> Alert:
    made = Alert(
        "typology", Entity("payer", "aa"), "structuring", 80.0, 70.0, sequence * DAY_US, sequence,
        (Reason("below", 40.0, "3 deposits"),), False, ("dec_1",), ("order-1",),
        (Entity("payee", "bb"),), (("ruleset", "rs_1"),),
    )  # fmt: skip
    return replace(made, **changes)


def test_what_is_kept_comes_back_as_it_was(bureau: Bureau) -> None:
    given_ = alert(5, interdicted=True, quiet_days=3)
    assert bureau.desk.raise_all(HERE, [given_]) == 1
    found = bureau.store.find(HERE, given_.id)
    assert found is not None and found.alert == given_
    assert bureau.store.find(THERE, given_.id) is None
    assert bureau.store.kept(HERE, [given_.id, "al_x"]) == {given_.id}


def test_the_same_work_twice_adds_and_announces_nothing(bureau: Bureau) -> None:
    many = [alert(n) for n in range(450)]
    assert bureau.desk.raise_all(HERE, [*many, *many[:30]]) == 450
    assert bureau.desk.raise_all(HERE, many) == 0
    unit = UnitOfWork()
    bureau.desk.join(unit, HERE, many[:5])  # also inside another act
    bureau.writer.submit(unit).result()
    assert bureau.messages() == 450
    group = bureau.store.group(HERE, many[0].group)
    assert group is not None and group.alerts == 450


def test_another_scope_keeps_its_own(bureau: Bureau) -> None:
    assert bureau.desk.raise_all(HERE, [alert(1)]) == 1
    assert bureau.desk.raise_all(THERE, [alert(1)]) == 1
    assert len(bureau.page()) == len(bureau.page(THERE)) == 1
    assert bureau.store.groups(HERE, "", 9)[0].alerts == 1


def test_quiet_days_hold_for_one_subject_and_entity(bureau: Bureau) -> None:
    desk = bureau.desk
    assert desk.raise_all(HERE, [alert(10, quiet_days=7)]) == 1
    assert desk.raise_all(HERE, [alert(16, quiet_days=7)]) == 0
    assert desk.raise_all(HERE, [alert(16, quiet_days=7, subject="smurfing")]) == 1
    assert desk.raise_all(HERE, [alert(16, quiet_days=7, entity=Entity("payer", "cc"))]) == 1
    assert desk.raise_all(HERE, [alert(16, quiet_days=0)]) == 1, "a held payment is always told"
    assert desk.raise_all(HERE, [alert(23, quiet_days=7)]) == 1, "seven days after day 16"
    assert desk.raise_all(HERE, [alert(3, quiet_days=7)]) == 1, "what came before is no repeat"
    assert bureau.messages() == 6


def test_pages_end_and_hold_every_alert_once(bureau: Bureau) -> None:
    bureau.desk.raise_all(HERE, [alert(n) for n in range(25)])
    seen, after = [], ""
    while part := bureau.page(after=after, limit=4):
        seen += [one.sequence for one in part]
        after = part[-1].id
    assert seen == list(range(24, -1, -1))
    assert bureau.page(after="al_" + "0" * 32) == []
    bureau.desk.raise_all(HERE, [alert(1, entity=Entity("merchant", f"m{n}")) for n in range(9)])
    groups, after = [], ""
    while page := bureau.store.groups(HERE, after, 4):
        groups += [one.entity.id for one in page]
        after = page[-1].id
    assert groups == [f"m{n}" for n in range(8, -1, -1)] + ["aa"]


def test_filters_are_joined_by_and(bureau: Bureau) -> None:
    held = alert(7, interdicted=True)
    screened = alert(8, kind="screening", subject="un-1", entity=Entity("payee", "bb"))
    bureau.desk.raise_all(HERE, [alert(6), held, screened])
    assert bureau.page(interdicted=True) == [held]
    assert bureau.page(kind="screening") == [screened]
    assert bureau.page(subject="structuring", since_us=7 * DAY_US) == [held]
    assert bureau.page(until_us=7 * DAY_US) == [alert(6)]
    assert bureau.page(entity_kind="payee", entity_id="bb") == [screened]
    assert bureau.page(group=held.group, kind="screening") == []


def test_figures_count_what_others_said_of_an_entity(bureau: Bureau) -> None:
    risk = alert(9, kind="customer_risk", subject="model", score=500.0)
    screened = alert(8, kind="screening", subject="un-1", score=0.9)
    bureau.desk.raise_all(HERE, [alert(6), alert(7, score=95.5), screened, risk])
    assert bureau.store.figures(HERE, "payer", "aa", 0) == (3, 95.5)
    assert bureau.store.figures(HERE, "payer", "aa", 8 * DAY_US) == (1, 0.0)
    assert bureau.store.figures(THERE, "payer", "aa", 0) == (0, 0.0)


def test_metrics_and_hook_tell_of_what_was_kept(bureau: Bureau) -> None:
    told: list[str] = []
    bureau.desk.on_kept = lambda _scope, kept: told.extend(one.id for one in kept)
    bureau.desk.raise_all(HERE, [alert(1, interdicted=True, quiet_days=0), alert(2)])
    bureau.desk.raise_all(HERE, [alert(2)])
    assert told == [alert(1).id, alert(2).id]
    text = bureau.metrics.text().decode()
    assert 'paywarden_aml_alerts_total{interdicted="true",kind="typology"} 1.0' in text
    assert 'paywarden_aml_alerts_total{interdicted="false",kind="typology"} 1.0' in text


async def test_tasks_raise_as_threads_do(bureau: Bureau) -> None:
    many = [alert(n) for n in range(5)]
    done = await asyncio.gather(*(bureau.desk.raised(HERE, many) for _ in range(3)))
    assert 5 <= sum(done) <= 15, "each may count what all of them kept"
    assert bureau.messages() == 5


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 30), st.sampled_from("ab"), st.sampled_from([0, 3, 7])),
        max_size=12,
    )
)
def test_keeping_follows_the_plain_model(
    tmp_path_factory: pytest.TempPathFactory, given_: list[tuple[int, str, int]]
) -> None:
    bureau = Bureau(tmp_path_factory.mktemp("model") / "alerts.sqlite")
    kept: list[Alert] = []
    for day, entity, quiet in given_:
        one = alert(day, entity=Entity("payer", entity), quiet_days=quiet)
        known = any(other.id == one.id for other in kept)
        near = any(
            other.entity == one.entity and day - quiet < other.sequence <= day for other in kept
        )
        new = bureau.desk.raise_all(HERE, [one])
        assert new == (not known and not near)
        kept += [one] * new
    assert bureau.messages() == len(kept)
    bureau.close()


def test_the_migration_makes_the_declared_tables(tmp_path: Path) -> None:
    path = tmp_path / "alerts.sqlite"
    migrate(path, (SCHEMA,))
    declared = sa.create_engine("sqlite://")
    tables.metadata.create_all(declared)
    made = sa.inspect(sa.create_engine(f"sqlite:///{path}"))
    wanted = sa.inspect(declared)
    for name in ("aml_alerts", "aml_alert_groups"):
        columns = [(c["name"], str(c["type"]), c["nullable"]) for c in made.get_columns(name)]
        assert columns == [
            (c["name"], str(c["type"]), c["nullable"]) for c in wanted.get_columns(name)
        ]
        assert sorted(str(one) for one in made.get_indexes(name)) == sorted(
            str(one) for one in wanted.get_indexes(name)
        )
