"""Frames: the history as two tables of text and numbers, in time order.

`events` has one row per payment or event, columns named by the dotted paths of the API's bodies;
absent is null. `truth` alone holds campaign and fraud. The order comes from `timeline`.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from datetime import date, timedelta

import numpy as np
import polars as pl

from paywarden.simulator.history import History
from paywarden.simulator.naming import names
from paywarden.simulator.rows import Ints, Rows
from paywarden.simulator.timeline import Timeline
from paywarden.simulator.words import (
    CODES,
    REASONS,
    Avs,
    Channel,
    Cvv,
    Entry,
    Funding,
    Initiator,
    Kind,
    Promo,
    Result,
    Source,
    Status,
    ThreeDs,
    Type,
    Verdict,
    word,
)
from paywarden.simulator.world.geography import BINS, COUNTRY_CODES, CURRENCIES
from paywarden.simulator.world.lexicon import AGENTS, FAMILY, GIVEN, LANGUAGES, MAIL_DOMAINS
from paywarden.simulator.world.network import text as address_text
from paywarden.simulator.world.trades import TRADES

_DAY = timedelta(days=1)
_EPOCH = date(1970, 1, 1)


def events_frame(history: History, rows: Rows) -> pl.DataFrame:
    """The public table of a timeline's rows (all, or a slice)."""
    return _Renderer(history, rows).frame()


def truth_frame(history: History, line: Timeline) -> pl.DataFrame:
    """One row per payment attempt and per account event of a campaign.

    Columns: kind, id, attempt, campaign_id, campaign_type, operator, fraud, exposed. `exposed`
    marks genuine payments at which a campaign copied the card; their campaign is the one that
    copied. Rows of a campaign that are no fraud (a mule's inflow, say) have its name and `fraud`
    false. Worlds with laundering have three columns more: engine (of the campaign), laundering, and
    look_alike: part of an innocent pattern that looks like laundering."""
    rows = line.rows
    account = (rows["kind"] < Kind.PAYMENT) & (rows["campaign"] >= 0)
    keep = np.flatnonzero((rows["kind"] == Kind.PAYMENT) | account)
    seen, campaign = history.exposed
    copied_by = np.full(len(history.payments), -1, dtype=np.int64)
    copied_by[seen] = campaign
    of = line.payment[keep]
    exposed = np.where(of >= 0, copied_by[of], -1)
    strike = np.where(exposed >= 0, exposed, rows["campaign"][keep])
    part = rows.take(keep)
    strikes = history.strikes
    frame = pl.DataFrame({
        "kind": _words(Kind, part["kind"]),
        "id": _identity(history.seed, part),
        "attempt": _texts([str(n) for n in range(10)], part["attempt"]),
        "campaign_id": _texts([strike.id for strike in strikes], strike),
        "campaign_type": _texts([strike.type for strike in strikes], strike),
        "operator": _texts([strike.operator.name for strike in strikes], strike),
        "fraud": pl.Series(part["fraud"] == 1),
        "exposed": pl.Series(exposed >= 0),
    })  # fmt: skip
    if not any(strike.engine == "aml" for strike in strikes):
        return frame
    return frame.with_columns(
        engine=_texts([strike.engine for strike in strikes], strike),
        laundering=pl.Series(part["laundering"] == 1),
        look_alike=pl.Series(part["laundering"] == 0),
    )


def _identity(seed: int, rows: Rows) -> pl.Series:
    paying = rows["kind"] == Kind.PAYMENT
    payment = names(seed, "payments", "pay-", np.where(paying, rows["number"], -1))
    event = names(seed, "events", "ev-", np.where(paying, -1, rows["number"]))
    return pl.select(pl.coalesce(payment, event)).to_series()


def _texts(values: Sequence[str], index: Ints) -> pl.Series:
    """values[index] as a column of text; a negative index gives null."""
    table = pl.Series([*values, None], dtype=pl.String)
    return table.gather(np.where(index < 0, len(values), index))


def _words(kind: type[enum.IntEnum], index: Ints) -> pl.Series:
    return _texts([word(member) for member in kind], index)


def _either(first: pl.Series, second: pl.Series) -> pl.Series:
    return pl.select(pl.coalesce(first, second)).to_series()


def _numbers(values: Ints) -> pl.Series:
    frame = pl.DataFrame({"n": values})
    return frame.select(n=pl.when(pl.col("n") >= 0).then(pl.col("n"))).to_series()


def _instants(values: Ints) -> pl.Series:
    return _numbers(values).cast(pl.Datetime("us", "UTC"))


class _Renderer:
    """Turns numbers into the columns of the public table."""

    def __init__(self, history: History, rows: Rows) -> None:
        self._rows, self._history, self._pools = rows, history, history.pools

    def frame(self) -> pl.DataFrame:
        rows, seed = self._rows, self._history.seed
        speaks = rows["kind"] > Kind.PAYMENT
        columns: dict[str, pl.Series] = {
            "kind": _words(Kind, rows["kind"]),
            "id": _identity(seed, rows),
            "payment_id": names(
                seed, "payments", "pay-", np.where(speaks, rows["payment_number"], -1)
            ),
            "attempt": _texts([str(n) for n in range(10)], rows["attempt"]),
            "occurred_at": _instants(rows["time"]),
            **self._what(), **self._merchant(), **self._payer(), **self._payee(),
            **self._card(), **self._checks(), **self._device(), **self._places(),
            **self._extras(), **self._remittance(), **self._events(),
        }  # fmt: skip
        return pl.DataFrame(columns)

    def _names(self, kind: str, prefix: str, pool: str) -> list[str]:
        return names(self._history.seed, kind, prefix, self._pools.column(pool, "number")).to_list()

    def _pick(self, values: Sequence[str], pool: str, column: str, index: Ints) -> pl.Series:
        codes = self._pools.column(pool, column)
        return _texts(values, np.where(index < 0, -1, codes[index]))

    def _what(self) -> dict[str, pl.Series]:
        rows = self._rows
        paying = rows["kind"] == Kind.PAYMENT
        return {
            "type": _words(Type, rows["type"]),
            "phase": _texts(
                ["pre_auth", "refund"], np.where(paying, rows["type"] == Type.REFUND, -1)
            ),
            "amount_minor": _numbers(rows["amount"]),
            "currency": _texts(CURRENCIES, rows["currency"]),
            "channel": _words(Channel, rows["channel"]),
            "initiator": _words(Initiator, rows["initiator"]),
            "entry_mode": _words(Entry, rows["entry"]),
        }

    def _merchant(self) -> dict[str, pl.Series]:
        index = self._rows["merchant"]
        created = self._pools.column("merchants", "created")[index]
        return {
            "merchant.id": _texts(self._names("merchants", "m-", "merchants"), index),
            "merchant.mcc": self._pick([t.mcc for t in TRADES], "merchants", "trade", index),
            "merchant.country": self._pick(COUNTRY_CODES, "merchants", "country", index),
            "merchant.created_at": _instants(np.where(index < 0, -1, created)),
        }

    def _payer(self) -> dict[str, pl.Series]:
        index, pools = self._rows["party"], self._pools
        table = pools.rows("parties")
        member = np.where(self._rows["guest"] == 1, -1, index)
        full, mail = [], []
        for given, family, domain, tag in zip(
            *(table[c].tolist() for c in ("given", "family", "domain", "tag")), strict=True
        ):
            full.append(f"{GIVEN[given]} {FAMILY[family]}")
            local = f"{GIVEN[given]}.{FAMILY[family]}{tag}".lower()
            mail.append(f"{local}@{MAIL_DOMAINS[domain]}")
        born = [(_EPOCH + d * _DAY).isoformat() for d in table["birth_day"].tolist()]
        return {
            "payer.id": _texts(self._names("parties", "cus-", "parties"), member),
            "payer.name": _texts(full, index),
            "payer.email": _texts(mail, index),
            "payer.phone": _texts([f"+{p}" for p in table["phone"].tolist()], index),
            "payer.country": self._pick(COUNTRY_CODES, "parties", "country", index),
            "payer.birth_date": _texts(born, member),
            "payer.created_at": _instants(np.where(member < 0, -1, table["created"][member])),
        }

    def _payee(self) -> dict[str, pl.Series]:
        index, table = self._rows["payee"], self._pools.rows("payees")
        full = [
            f"{GIVEN[g]} {FAMILY[f]}"
            for g, f in zip(table["given"].tolist(), table["family"].tolist(), strict=True)
        ]
        return {
            "payee.id": _texts(self._names("payees", "acc-", "payees"), index),
            "payee.name": self._said("payee_text", _texts(full, index)),
            "payee.country": self._pick(COUNTRY_CODES, "payees", "country", index),
            "payee.account": _texts([iban(n) for n in table["account"].tolist()], index),
        }

    def _card(self) -> dict[str, pl.Series]:
        index, table = self._rows["card"], self._pools.rows("cards")
        last4 = [f"{n:04d}" for n in table["last4"].tolist()]
        expiry = [f"{m // 12}-{m % 12 + 1:02d}" for m in table["expiry_month"].tolist()]
        account = self._rows["account"]
        ibans = [iban(n) for n in self._pools.column("payees", "account").tolist()]
        card = _texts(self._names("cards", "card-", "cards"), index)
        kind = np.where(index >= 0, 0, np.where(account >= 0, 1, -1))
        return {
            "instrument.kind": _texts(["card", "account"], kind),
            "instrument.reference": _either(card, _texts(ibans, account)),
            "instrument.bin": self._pick([b.digits for b in BINS], "cards", "bin", index),
            "instrument.last4": _texts(last4, index),
            "instrument.expiry": _texts(expiry, index),
        }

    def _said(self, column: str, otherwise: pl.Series) -> pl.Series:
        """The text that a row points to, else what it says by itself."""
        index = self._rows[column]
        if not (index >= 0).any():
            return otherwise
        return _either(_texts(self._pools.texts, index), otherwise)

    def _remittance(self) -> dict[str, pl.Series]:
        """A column of worlds that have such texts at all."""
        if not self._pools.texts:
            return {}
        none = _texts([], np.full(len(self._rows), -1, dtype=np.int64))
        return {"remittance_information": self._said("remittance", none)}

    def _checks(self) -> dict[str, pl.Series]:
        rows = self._rows
        mastercard = np.array([b.scheme == "mastercard" for b in BINS])
        bins = self._pools.column("cards", "bin")[rows["card"]]
        online = (rows["channel"] == Channel.ECOMMERCE) & (rows["initiator"] == Initiator.CUSTOMER)
        online &= rows["type"] == Type.CARD_PAYMENT
        level = np.select(
            [rows["three_ds"] == ThreeDs.AUTHENTICATED, rows["three_ds"] == ThreeDs.ATTEMPTED],
            [0, 1], 2,
        )  # fmt: skip
        eci = np.where(online, level + 3 * mastercard[bins], -1)
        return {
            "checks.avs": _words(Avs, rows["avs"]),
            "checks.cvv": _words(Cvv, rows["cvv"]),
            "checks.eci": _texts(["05", "06", "07", "02", "01", "00"], eci),
            "checks.three_ds": _words(ThreeDs, rows["three_ds"]),
        }

    def _device(self) -> dict[str, pl.Series]:
        rows = self._rows
        lines = [address_text(a) for a in self._pools.column("ips", "address").tolist()]
        return {
            "device.id": _texts(self._names("devices", "dev-", "devices"), rows["device"]),
            "device.ip": _texts(lines, rows["ip"]),
            "device.user_agent": self._pick(AGENTS, "devices", "agent", rows["device"]),
            "device.language": self._pick(LANGUAGES, "devices", "language", rows["device"]),
        }

    def _places(self) -> dict[str, pl.Series]:
        columns = {}
        postal = [str(p) for p in self._pools.column("addresses", "postal").tolist()]
        for name in ("billing", "shipping"):
            index = self._rows[name]
            columns[f"{name}_address.country"] = self._pick(
                COUNTRY_CODES, "addresses", "country", index
            )
            columns[f"{name}_address.postal_code"] = _texts(postal, index)
        return columns

    def _extras(self) -> dict[str, pl.Series]:
        rows = self._rows
        funding = [word(Funding(b.funding)) for b in BINS]
        buys_online = rows["channel"] == Channel.ECOMMERCE
        age = self._pools.column("parties", "mail_age_days")[rows["party"]]
        return {
            "metadata.basket_size": _numbers(rows["basket"]),
            "metadata.terminal_id": _texts(
                self._names("terminals", "till-", "terminals"), rows["terminal"]
            ),
            "metadata.card_country": self._pick(
                [b.country for b in BINS], "cards", "bin", rows["card"]
            ),
            "metadata.card_funding": self._pick(funding, "cards", "bin", rows["card"]),
            "metadata.promotion": _words(Promo, rows["promo"]),
            "metadata.email_age_days": _numbers(np.where(buys_online, age, -1)),
        }

    def _events(self) -> dict[str, pl.Series]:
        rows = self._rows
        return {
            "status": _words(Status, rows["status"]),
            "code": _texts(CODES, rows["code"]),
            "verdict": _words(Verdict, rows["verdict"]),
            "source": _words(Source, rows["source"]),
            "reason": _texts(REASONS, rows["reason"]),
            "result": _words(Result, rows["result"]),
        }


def iban(account: int) -> str:
    """A made-up Dutch-style IBAN of a bank that does not exist, check digits per ISO 13616.

    Ten digits in a row at most: an account must never have the shape of a card number."""
    # PAYW = 25 10 34 32 and NL00 = 23 21 00 in the standard's letter values
    value = (25_103_432 * 10**10 + account) * 10**6 + 232_100
    return f"NL{98 - value % 97:02d}PAYW{account:010d}"
