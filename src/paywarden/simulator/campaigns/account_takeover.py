"""Account take-over: leaked passwords, changed contacts, an emptied account.

Shape: failed logins over many customers from a few rented machines (credential stuffing), a success
on some; there a login from an unknown device, a new password, a new e-mail address or telephone
number, a new payee, then one to three large transfers to him. The hasty operator is done within an
hour; the evasive one comes through household lines, tries slowly, and lets three days pass between
the change and the money.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from paywarden.core.instants import MINUTE_US
from paywarden.simulator import outcomes
from paywarden.simulator.campaigns.model import Attack, Brief, Operator, Terms
from paywarden.simulator.rows import Ints, Rows
from paywarden.simulator.words import Channel, Initiator, Kind, Result, Type
from paywarden.simulator.world import banking, network, population
from paywarden.simulator.world.geography import COUNTRIES, CURRENCIES
from paywarden.simulator.world.lexicon import FAMILY, GIVEN

_CODES = {"57": 0.3, "61": 0.4, "05": 0.3}
_CURRENCY = np.array([CURRENCIES.index(country.currency) for country in COUNTRIES])


@dataclass(frozen=True, slots=True)
class AccountTakeover(Terms):
    """Credential stuffing, then payouts to mules."""

    def attack(self, brief: Brief) -> Attack:
        """Take over accounts and make `brief.size` transfers from them."""
        victims = _victims(brief)
        tools = _Tools.make(brief)
        entered = _entries(brief, len(victims))
        takings = _takings(brief, victims, entered, tools)
        stuffing = _stuffing(brief, entered, tools)
        return Attack(_operator(brief.evasive), takings, Rows.concat(
            [stuffing, *_seizures(brief, victims, entered, tools)]
        ))  # fmt: skip


CAMPAIGN = AccountTakeover(
    type="account_takeover",
    per_100k={"demo": 350.0, "realistic": 8.0},
    sizes=(2, 9),
    evasive_share=0.4,
)


@dataclass(frozen=True, slots=True)
class _Tools:
    """The operator's machines, lines and mule accounts (indices into the pools)."""

    devices: Ints
    lines: Ints
    mules: Ints

    @classmethod
    def make(cls, brief: Brief) -> _Tools:
        rng = brief.rng
        where = rng.integers(0, len(COUNTRIES), 6 if brief.evasive else 2)
        line = network.Line.HOME if brief.evasive else network.Line.HOSTING
        land = rng.integers(0, len(COUNTRIES), 2)
        given, family = rng.integers(0, len(GIVEN), 2), rng.integers(0, len(FAMILY), 2)
        return cls(
            devices=population.devices(rng, brief.cast, where),
            lines=network.draw(rng, brief.cast, where, line),
            mules=population.accounts(rng, brief.cast, land, given, family),
        )


def _operator(evasive: bool) -> Operator:
    if evasive:
        return Operator("patient crew", "household proxies, slow tries", "waits days, splits sums",
                        True, 2, 3.0, 0.12)  # fmt: skip
    return Operator("stuffing crew", "credential list on rented servers", "speed",
                    False, 3, 1.0, 0.06)  # fmt: skip


def _victims(brief: Brief) -> Ints:
    old = np.flatnonzero(brief.people.born_us < brief.start_us)
    return brief.rng.choice(old, max(1, (brief.size + 1) // 2), replace=False)


def _entries(brief: Brief, count: int) -> Ints:
    minutes = brief.rng.uniform(5, 600 if brief.evasive else 90, count)
    return brief.start_us + np.sort((minutes * MINUTE_US).astype(np.int64))


def _stuffing(brief: Brief, entered: Ints, tools: _Tools) -> Rows:
    rng = brief.rng
    tries = int(rng.integers(12, 40)) * len(entered) // (3 if brief.evasive else 1) + 5
    when = rng.integers(brief.start_us, int(entered[-1]) + 1, tries)
    machine = rng.integers(0, len(tools.devices), tries)
    return brief.events(
        when,
        kind=Kind.LOGIN,
        party=brief.people.party[rng.integers(0, len(brief.people), tries)],
        device=tools.devices[machine],
        ip=tools.lines[machine],
        result=Result.FAILED,
    )


def _seizures(brief: Brief, victims: Ints, entered: Ints, tools: _Tools) -> list[Rows]:
    rng, count = brief.rng, len(victims)
    machine = np.arange(count) % len(tools.devices)
    contact = rng.choice([Kind.EMAIL_CHANGE, Kind.PHONE_CHANGE], count)
    tables, when = [], entered
    for kind in (Kind.LOGIN, Kind.PASSWORD_CHANGE, contact, Kind.PAYEE_ADDED):
        table = brief.events(
            when,
            party=brief.people.party[victims],
            device=tools.devices[machine],
            ip=tools.lines[machine],
            result=Result.SUCCEEDED,
        )
        table["kind"] = kind
        adds = table["kind"] == Kind.PAYEE_ADDED
        table["payee"] = np.where(adds, tools.mules[np.arange(count) % 2], -1)
        tables.append(table)
        when = when + (rng.uniform(0.5, 5, count) * MINUTE_US).astype(np.int64)
    return tables


def _takings(brief: Brief, victims: Ints, entered: Ints, tools: _Tools) -> Rows:
    rng, count = brief.rng, brief.size
    which = np.arange(count) % len(victims)
    patience = brief.wait_us(3.0) if brief.evasive else 0
    # the seizure takes at most 15 minutes, so the money always leaves after it
    later = (rng.uniform(16, 55, count) * MINUTE_US).astype(np.int64)
    rows = brief.payments(entered[which] + patience + later)
    machine = which % len(tools.devices)
    country = brief.people.country[victims[which]]
    euros = rng.lognormal(np.log(420 if brief.evasive else 1_150), 0.6, count)
    rows["type"] = np.where(rng.random(count) < 0.7, Type.TRANSFER, Type.PAYOUT)
    rows["channel"], rows["initiator"] = Channel.IN_APP, Initiator.CUSTOMER
    rows["party"], rows["guest"] = brief.people.party[victims[which]], 0
    rows["payee"] = tools.mules[which % 2]
    rows["device"], rows["ip"] = tools.devices[machine], tools.lines[machine]
    rows["currency"] = _CURRENCY[country]
    rows["amount"] = banking.whole_sums(rng, euros, country)
    outcomes.authorise(rng, rows, np.full(count, 0.08), _CODES)
    return rows
