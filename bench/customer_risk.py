"""Customer risk: one assessment, the largest structure of owners, what a payment pays for levels.

    python bench/customer_risk.py [--quick] [--json [FILE]]

An assessment is a form made facts and held against the shipped model; it runs in rounds beside
payments. A payment reads up to three levels by keyed hash among a million customers.
"""

from __future__ import annotations

import time
from datetime import date
from types import SimpleNamespace
from typing import Any

import msgspec

import _report
from paywarden.aml.customer_risk.flattening import facts_of
from paywarden.aml.customer_risk.forms import CustomerForm
from paywarden.aml.customer_risk.model_desk import model_of_text, shipped_text
from paywarden.aml.customer_risk.ownership import HOLDINGS, PARTIES, Holding, Party, structure_of
from paywarden.aml.customer_risk.ports import Rated
from paywarden.aml.customer_risk.scoring import assess
from paywarden.core.secret import Secret
from paywarden.decision.customer_fields import risk_fields
from paywarden.decision.customer_standings import CustomerStandings
from paywarden.risk.features.digests import Digester

TODAY = date(2026, 11, 22)
COMPANY = {
    "company": {
        "name": "Muster GmbH", "country": "DE", "founded_on": "2010-05-05",
        "legal_form": "limited", "industry": "manufacturing", "operations": ["DE", "FR"],
        "listed": False, "regulated": False, "cash_intensive": False,
        "ownership": {
            "parties": [{"id": "h", "kind": "company", "country": "CY"},
                        {"id": "p", "kind": "person", "country": "DE"}],
            "holdings": [{"owner": "h", "owned": "self", "percent": 100},
                         {"owner": "p", "owned": "h", "percent": 60}],
            "bearer_shares": False,
        },
    },
    "customer_since": "2024-01-10", "channel": "video", "products": ["card_acquiring"],
    "expected_monthly_minor": 2_000_000,
    "verification": {"level": "standard", "source_of_funds": "verified"},
    "screening": {"sanctions": "clear", "owner_sanctions": "clear", "pep": "none",
                  "adverse_media": "none", "at": "2026-11-20"},
}  # fmt: skip


def assessing(count: int) -> dict[str, Any]:
    """Form to explained score, one by one."""
    model, form = (
        model_of_text(shipped_text()),
        msgspec.convert(COMPANY, CustomerForm, strict=False),
    )
    took = []
    for _ in range(count):
        begun = time.perf_counter_ns()
        assess(model, facts_of(form, TODAY))
        took.append(time.perf_counter_ns() - begun)
    return {"assessments": count, **_report.percentiles(took),
            "a_second": round(count / (sum(took) / 1e9))}  # fmt: skip


def tangled(count: int) -> dict[str, Any]:
    """The largest graph that is taken, full of circles."""
    names = [f"c{n}" for n in range(PARTIES)]
    pairs = {(names[(n * 7 + k) % PARTIES], names[n]) for n in range(PARTIES) for k in (1, 2, 5)}
    holdings = [Holding(a, b, 33.0) for a, b in sorted(pairs) if a != b][: HOLDINGS - 1]
    parties = [Party(name, "company") for name in names]
    holdings.append(Holding("c0", "self", 100.0))
    took = []
    for _ in range(count):
        begun = time.perf_counter_ns()
        structure_of(parties, holdings)
        took.append(time.perf_counter_ns() - begun)
    return {"structures": count, **_report.percentiles(took)}


def reading(customers: int, count: int) -> dict[str, Any]:
    """What a payment of three known parties pays; memory of so many customers."""
    digester = Digester(Secret(bytes(32)))
    before = _report.resident_mib()
    standings = CustomerStandings()
    digest = digester.digest
    standings.take(
        (Rated(f"{digest('customer', f'c_{n}'):016x}", "medium", 30) for n in range(customers)),
        model_of_text(shipped_text()),
    )
    digester.forget()
    memory = round(_report.resident_mib() - before, 1)
    state = SimpleNamespace(customers=standings, digester=digester, windows=None)
    took = []
    for n in range(count):
        payer, payee = f"c_{n % customers}", f"c_{(n * 7) % customers}"
        fields = {"payer.id": payer, "payee.id": payee, "merchant.id": f"c_{n % 997}"}
        begun = time.perf_counter_ns()
        risk_fields(state, fields, 0)
        took.append(time.perf_counter_ns() - begun)
    return {"customers": customers, "memory_mib": memory, **_report.percentiles(took)}


def main() -> None:
    """Measure and report; times in microseconds."""
    options = _report.arguments(__doc__ or "").parse_args()
    quick = options.quick
    report = {
        "machine": _report.machine(),
        "assessing": assessing(300 if quick else 3_000),
        "tangled": tangled(20 if quick else 100),
        "reading": reading(100_000 if quick else 1_000_000, 20_000),
    }
    names = ("assessing", "tangled", "reading")
    shown = "\n\n".join(_report.table([report[name]]) for name in names)
    _report.finish(report, shown, options.json)


if __name__ == "__main__":
    main()
