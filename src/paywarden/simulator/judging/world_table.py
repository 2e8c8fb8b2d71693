"""A simulated world as the lab reads it: payments, and all events in order of time.

Guards: the same fields that a live platform would have, facts of address and card included (as if
the operator had given tables of them), and nothing of the truth. Results, labels and account events
reach the windows at their own instants, so that nothing is known before it is told.
Open loop: every payment of the world takes place, whatever is decided. What attackers make of being
stopped is the stream's matter (`paywarden.simulator.stream`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from paywarden.lab.derived import derive_columns
from paywarden.lab.event_observations import EventObservations, EventOrder
from paywarden.lab.tables import PaymentTable, table_of
from paywarden.risk.enrichment.enricher import Enricher
from paywarden.risk.enrichment.rates import Rates, freeze
from paywarden.risk.enrichment.tables import EnrichmentTables
from paywarden.risk.features.digests import Digester
from paywarden.risk.features.plan import WindowPlan
from paywarden.simulator.frames import events_frame
from paywarden.simulator.history import History
from paywarden.simulator.rows import Bools, Ints, Rows
from paywarden.simulator.timeline import Timeline, timeline
from paywarden.simulator.words import Kind
from paywarden.simulator.world.geography import BINS, COUNTRIES, COUNTRY_CODES
from paywarden.simulator.world.network import Line

BASE = "EUR"
_KEPT = {
    "instrument.kind": "payment.instrument_kind",
    "instrument.reference": "card.fingerprint",
    "instrument.bin": "card.bin",
    "instrument.last4": "card.last4",
    "instrument.expiry": "card.expiry",
}
_PAYMENT = ("id", "attempt", "type", "phase", "amount_minor", "currency", "channel", "initiator",
            "entry_mode")  # fmt: skip
_OF_PAYMENT = ("checks", "billing_address", "shipping_address", "metadata")
_OWN = {"event.kind": "kind", "event.status": "status", "event.code": "code",
        "event.verdict": "verdict", "event.source": "source", "event.reason": "reason",
        "event.result": "result"}  # fmt: skip
_COUNTRY_OF_BIN = np.array([COUNTRY_CODES.index(b.country) for b in BINS])


@dataclass(frozen=True, slots=True)
class WorldTable:
    """A world to decide: `payments` [n] in order of time, and who is behind each.

    `value`: base minor units [n]. `fraud` [n]. `campaign`: its number in the history, -1 for none
    [n]."""

    history: History
    payments: PaymentTable
    value: Ints
    fraud: Bools
    campaign: Ints
    _subjects: PaymentTable
    _order: EventOrder

    def observations(self, plan: WindowPlan, digester: Digester) -> EventObservations:
        """The world's events as the windows of a plan see them."""
        return EventObservations(self._subjects, plan, digester, self._order)


def world_table(history: History) -> WorldTable:
    """Everything of a history up to its last payment."""
    line = timeline(history)
    kind = line.rows["kind"]
    last = int(np.flatnonzero(kind == Kind.PAYMENT)[-1]) + 1
    line = Timeline(line.rows.take(np.arange(last)), line.payment[:last])
    kind = line.rows["kind"]
    frame = events_frame(history, line.rows)
    subject = kind <= Kind.PAYMENT  # payments and account events have fields of their own
    subjects = _table(history, line.rows, frame, np.flatnonzero(subject))
    paying = np.flatnonzero(kind == Kind.PAYMENT)
    payments = _table(history, line.rows, frame, paying)
    amounts = payments.columns["payment.amount_base_minor"].data
    rows = line.payment[paying]
    return WorldTable(
        history,
        payments,
        amounts,
        history.payments["fraud"][rows] == 1,
        history.payments["campaign"][rows],
        subjects,
        _order(line, frame, subject),
    )


def rates() -> Rates:
    """The simulator's fixed exchange rates."""
    return Rates(BASE, {
        country.currency: freeze(country.currency, BASE, f"{1 / country.rate:.8f}", None)
        for country in COUNTRIES if country.currency != BASE
    })  # fmt: skip


def _order(line: Timeline, frame: pl.DataFrame, subject: Bools) -> EventOrder:
    place = np.cumsum(subject) - 1
    owner = np.full(int(line.payment.max()) + 1, -1, dtype=np.int64)
    paying = line.rows["kind"] == Kind.PAYMENT
    owner[line.payment[paying]] = place[paying]
    of = np.where(subject, place, owner[line.payment])
    own = {path: _codes(frame[column]) for path, column in _OWN.items()}
    return EventOrder(of, line.rows["time"], paying, own)


def _codes(series: pl.Series) -> tuple[np.ndarray[tuple[int], np.dtype[np.int32]], tuple[str, ...]]:
    texts = series.drop_nulls().unique().sort().to_list()
    codes = series.replace_strict(texts, list(range(len(texts))), default=-1) if texts else None
    numbers = np.full(len(series), -1) if codes is None else codes.fill_null(-1).to_numpy()
    return numbers.astype(np.int32), tuple(texts)


def _table(history: History, rows: Rows, frame: pl.DataFrame, at: Ints) -> PaymentTable:
    part = frame[at]
    columns = [_named(part, name) for name in part.columns if _path(name) is not None]
    fields = pl.DataFrame([*columns, *_facts(history, rows.take(at))])
    time_us = rows["time"][at]
    derived, _degraded = derive_columns(Enricher(EnrichmentTables(rates())), fields, time_us)
    return table_of(derived, time_us, at)


def _path(name: str) -> str | None:
    """Catalogue path of a public column; None for those that are no fields of a payment."""
    if name in _PAYMENT:
        return f"payment.{name}"
    place, _, leaf = name.partition(".")
    if not leaf:
        return None
    if place in _OF_PAYMENT:
        return f"payment.{name}"
    return _KEPT.get(name, name)


def _named(part: pl.DataFrame, name: str) -> pl.Series:
    series = part[name].alias(_path(name) or name)
    return series.cast(pl.Int64) if series.dtype.is_temporal() else series


def _facts(history: History, rows: Rows) -> list[pl.Series]:
    """What an operator's tables would say of cards and addresses."""
    pools, card, ip = history.pools, rows["card"], rows["ip"]
    issuer = pools.column("cards", "bin")[card]
    line = pools.column("ips", "line")[ip]
    lands = pools.column("ips", "country")[ip]
    rented = line == Line.HOSTING
    return [
        _chosen("card.country", COUNTRY_CODES, np.where(card < 0, -1, _COUNTRY_OF_BIN[issuer])),
        _chosen("card.funding", [b.funding.name.lower() for b in BINS],
                np.where(card < 0, -1, issuer)),
        _chosen("card.is_prepaid", [b.funding.name == "PREPAID" for b in BINS],
                np.where(card < 0, -1, issuer)),
        _chosen("ip.country", COUNTRY_CODES, np.where(ip < 0, -1, lands)),
        _chosen("ip.is_datacenter", [False, True], np.where(ip < 0, -1, rented)),
        # half of the rented ranges are on public lists of anonymisers
        _chosen("ip.is_vpn", [False, True], np.where(ip < 0, -1, rented & (lands % 2 == 0))),
    ]  # fmt: skip


def _chosen(name: str, values: tuple[str, ...] | list[str] | list[bool], index: Ints) -> pl.Series:
    table = pl.Series([*values, None])
    return table.gather(np.where(index < 0, len(values), index)).alias(name)
