"""Column-wise is row-wise: every field, every window and every outcome, payment by payment."""

from __future__ import annotations

import heapq
import itertools
import shutil
from pathlib import Path
from typing import Any

import lab_material as material
import numpy as np
import polars as pl
import pytest

from paywarden.core.clock import FixedClock
from paywarden.core.secret import Secret
from paywarden.decision.conduct import PolicyRuntime, Situation, conduct
from paywarden.decision.derive import Deriver
from paywarden.lab.card_screen import CardScreen
from paywarden.lab.decide_file import FileRequest, decide_file
from paywarden.lab.file_lists import FileLists
from paywarden.lab.files import open_file
from paywarden.lab.mapping import METADATA
from paywarden.lab.mapping_file import read_mapping
from paywarden.lab.sources import Given, read_given
from paywarden.risk.enrichment.enricher import Enricher
from paywarden.risk.enrichment.rates import Rates, freeze
from paywarden.risk.enrichment.tables import EnrichmentTables
from paywarden.risk.features.arena import Windows
from paywarden.risk.features.digests import Digester
from paywarden.risk.features.observing import Ticker, inherit, observe_fields
from paywarden.risk.rules.compiler import compile_policy
from paywarden.risk.rules.firing import AML
from paywarden.risk.rules.reader import read_policy

KEY = Secret(b"k" * 32)
ROWS = 3_000


class Rowwise:
    """The same file, one payment at a time, by the functions that decide live."""

    def __init__(self, given: Given, policy: Path, delay_us: int) -> None:
        self.runtime = PolicyRuntime(compile_policy(read_policy(policy)))
        self.lists = FileLists(self.runtime.policy.lists, policy)
        rates = Rates("EUR", {"USD": freeze("USD", "EUR", "0.91", None)})
        self.deriver = Deriver(Enricher(EnrichmentTables(rates)))
        self.digester = Digester(KEY)
        self.given = given
        self.delay_us = delay_us
        self.features: list[list[Any]] = []
        self.results: dict[int, Any] = {}

    def run(self) -> None:
        order = np.argsort(self.given.time_us, kind="stable").tolist()
        rows = self.given.fields.to_dicts()
        times = self.given.time_us.tolist()
        ticker = Ticker(times[order[0]])
        windows = Windows(self.runtime.plan, times[order[0]])
        seq = itertools.count(1)
        reports: list[tuple[int, int, Any, int]] = []
        for place, row in enumerate(order):
            while reports and reports[0][0] < times[row]:
                when, _, attempt, mark = heapq.heappop(reports)
                verdict = "fraud" if mark == 1 else "genuine"
                own = {
                    "event.kind": "label",
                    "event.verdict": verdict,
                    "event.source": "issuer_notice",
                }
                t_us, s_us, _ = ticker.recorded(when)
                windows.add(inherit(attempt, own, seq=next(seq), t_us=t_us, s_us=s_us))
            t_us, s_us, late = ticker.recorded(times[row])
            fields = _fields(rows[row], times[row])
            self.deriver.derive(fields, s_us, late)
            seen = observe_fields(
                fields, self.digester.digest, seq=next(seq), t_us=t_us, s_us=s_us, identity=1 + row
            )
            values = windows.observe(seen)
            self.features.append(values)
            self.results[row] = conduct(
                self.runtime,
                fields,
                values,
                windows.partial(t_us),
                self.lists.at(t_us),
                Situation(),
            )
            mark = int(self.given.labels[row])
            if mark >= 0:
                heapq.heappush(reports, (times[row] + self.delay_us, place, seen, mark))


def _fields(row: dict[str, Any], time_us: int) -> dict[str, Any]:
    fields = {path: value for path, value in row.items() if value is not None}
    metadata = {
        path.removeprefix(METADATA): fields.pop(path)
        for path in list(fields)
        if path.startswith(METADATA)
    }
    if metadata:
        fields["payment.metadata"] = metadata
    fields["payment.occurred_at"] = time_us
    return fields


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("lab")
    shutil.copytree(material.POLICY, root / "policy")
    (root / "map.toml").write_text(material.MAPPING)
    material.frame(ROWS).write_parquet(root / "payments.parquet")
    return root


@pytest.fixture(scope="module")
def rowwise(folder: Path) -> Rowwise:
    mapping = read_mapping(folder / "map.toml")
    file = open_file(folder / "payments.parquet")
    given = read_given(mapping, file, None, CardScreen(KEY))
    assert mapping.label is not None and mapping.label.delay_us is not None
    slow = Rowwise(given, folder / "policy", mapping.label.delay_us)
    slow.run()
    return slow


def _decide(folder: Path, name: str, watch: Any = None) -> Any:
    request = FileRequest(
        folder / name, folder / "map.toml", folder / "policy", KEY, folder / "out.jsonl"
    )
    return decide_file(request, lambda _done, _total: None, FixedClock(), watch)


def test_every_window_is_that_of_the_single_payment(folder: Path, rowwise: Rowwise) -> None:
    seen: list[list[Any]] = []

    def watch(start: int, features: Any, _fired: Any) -> None:
        assert start == len(seen)
        seen.extend(features.row(place) for place in range(len(features.rows)))

    _decide(folder, "payments.parquet", watch)
    assert len(seen) == ROWS
    names = rowwise.runtime.plan.names
    for place, (fast, slow) in enumerate(zip(seen, rowwise.features, strict=True)):
        for name, one, other in zip(names, fast, slow, strict=True):
            assert type(one) is type(other), (place, name)
            assert one == other, (place, name)


def test_every_outcome_is_that_of_the_single_payment(folder: Path, rowwise: Rowwise) -> None:
    summary = _decide(folder, "payments.parquet")
    rows = pl.read_ndjson(folder / "out.jsonl").to_dicts()
    assert [row["row"] for row in rows] == list(range(1, ROWS + 1))
    for number, row in enumerate(rows):
        result = rowwise.results[number]
        assert row["payment_id"] == f"p{number}"
        assert row["outcome"] == result.answer.word
        assert row["points"] == result.points
        assert tuple(row["reasons"]) == result.reasons
    written = rowwise.runtime.rows
    for one in summary.cases:
        alike = [
            row
            for row, result in rowwise.results.items()
            if tuple(written[index].id for index in result.fired) == one.rules
        ]
        marks = rowwise.given.labels[alike]
        assert one.payments <= len(alike)
        assert one.fraud <= int((marks == 1).sum())
        assert one.without(one.rules) is one.outcome
    assert sum(one.payments for one in summary.cases) == sum(
        bool(result.fired) for result in rowwise.results.values()
    )


def test_material_reaches_every_rule(rowwise: Rowwise) -> None:
    fired = {index for result in rowwise.results.values() for index in result.fired}
    rows, rules = rowwise.runtime.rows, rowwise.runtime.policy.rules
    assert {rows[index].id for index in fired} >= {rule.id for rule in rules}
    assert any(rows[index].engine == AML for index in fired), "typologies, too"
    outcomes = {result.answer.word for result in rowwise.results.values()}
    assert outcomes == {"allow", "challenge", "review", "block"}


@pytest.mark.parametrize("name", ["payments.csv", "payments.csv.gz", "payments.jsonl"])
def test_every_kind_of_file_gives_the_same_answers(
    folder: Path, rowwise: Rowwise, name: str
) -> None:
    import gzip

    frame = material.frame(ROWS).with_columns(
        pl.col("when", "opened").dt.strftime("%Y-%m-%dT%H:%M:%SZ")
    )
    if name.endswith(".gz"):
        (folder / name).write_bytes(gzip.compress(frame.write_csv().encode()))
    elif name.endswith(".csv"):
        frame.write_csv(folder / name)
    else:
        frame.write_ndjson(folder / name)
    _decide(folder, name)
    rows = pl.read_ndjson(folder / "out.jsonl").to_dicts()
    assert [row["outcome"] for row in rows] == [
        rowwise.results[number].answer.word for number in range(ROWS)
    ]
    assert [tuple(row["reasons"]) for row in rows] == [
        rowwise.results[number].reasons for number in range(ROWS)
    ]
