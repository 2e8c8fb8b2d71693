"""Random transfers, and typologies that read every feature function, for the flow engine."""

from __future__ import annotations

from hypothesis import strategies as st

from paywarden.aml.monitoring.functions import FUNCTIONS
from paywarden.aml.monitoring.transfers import Transfer
from paywarden.risk.rules.typology_model import Combined, FlowFeature, Term, Typology

START_US = 10**15
SECOND_US = 1_000_000
_NEEDED = {
    "count_between": {"low": 100, "high": 500},
    "sum_between": {"low": 100, "high": 500},
    "share_between": {"low": 100, "high": 500},
    "round_share": {"unit": 10},
    "benford": {"least": 10},
    "against_peers": {"least": 5},
    "new_counterparties": {"since": "10d"},
    "against_history": {"periods": 2},
    "near_equal": {"tolerance": 0.1},
    "mirrored": {"fee": 0.3},
}
_SELECTIONS = (
    {},
    {"direction": "in"},
    {"direction": "out", "kinds": "transfer,cash"},
    {"abroad": True},
    {"counterparty": "known"},
    {"counterparty": "outside", "direction": "in"},
)
_WITH_FEE = frozenset({"cycle", "chain", "scatter_gather", "gather_scatter"})


def every_feature() -> tuple[FlowFeature, ...]:
    """Every function under several selections and windows."""
    found: list[FlowFeature] = []

    def add(function: str, **settings: object) -> None:
        found.append(FlowFeature(f"f{len(found)}", function, settings))  # type: ignore[arg-type]

    for name, function in FUNCTIONS.items():
        if function.shape == "legs":
            for selection in _SELECTIONS:
                for window in ("2d", "9d"):
                    add(name, **selection, window=window, **_NEEDED.get(name, {}))
            continue
        for eligible in ({}, {"new_since": "5d"}, {"least_minor": 200, "kinds": "transfer"}):
            add(name, window="6d", **{"from": 2}, **eligible)
            if name in _WITH_FEE:
                add(name, window="6d", fee=0.5, **{"from": 2}, **eligible)
    add("share_countries", window="9d", countries="DE,KP")
    add("against_history", window="3d", of="count")
    add("cycle", window="9d", fee=-1, longest=5)
    return tuple(found)


def watching(features: tuple[FlowFeature, ...], *whens: str, quiet_days: int = 3) -> Typology:
    """A typology with a term for each condition, weights 40, 50, 60, ...; alert at 60."""
    terms = tuple(
        Term(f"t{number}", when, 40.0 + 10 * number, "it was so")
        for number, when in enumerate(whens)
    )
    return Typology(
        "watched", "Watched", "fan_in", "For tests.", ("none",), "log", "account", features, terms,
        Combined("sum", tuple(term.name for term in terms)), 60.0, quiet_days=quiet_days,
    )  # fmt: skip


@st.composite
def transfers(draw: st.DrawFn, most: int = 60) -> list[Transfer]:
    """In order of sequence; ties, steps back of up to 15 minutes, oneself, outside, twins."""
    accounts = ["", *(str(one) for one in range(draw(st.sampled_from([3, 6, 10]))))]
    step = draw(st.sampled_from([0, 3_600, 40_000]))
    rows = draw(
        st.lists(
            st.tuples(
                st.integers(-1, 2 * step),
                st.sampled_from(accounts),
                st.sampled_from(accounts),
                st.one_of(st.sampled_from([100, 200, 450, 500]), st.integers(1, 1_000)),
                st.sampled_from(["transfer", "cash", "other"]),
                st.sampled_from(["", "DE", "FR"]),
                st.sampled_from(["", "DE", "KP"]),
                st.sampled_from([0, 0, 0, 0, 0, 0, 0, 0, 0, 30, 500]),
            ),
            max_size=most,
        )
    )
    clock_us, made = START_US, []
    for sequence, (ahead, payer, payee, amount, kind, one, two, silence) in enumerate(rows, 1):
        clock_us += (max(ahead, 0) + silence * 86_400) * SECOND_US
        back_us = 600 * SECOND_US if ahead < 0 else 0
        twin = str(sequence - 1) if ahead == 7 else str(sequence)
        made.append(
            Transfer(sequence, clock_us - back_us, payer, payee, amount, kind, "", one, two,
                     reference=twin)
        )  # fmt: skip
    return made
