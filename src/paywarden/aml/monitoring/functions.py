"""Feature functions of `runs: log` typologies: the registry of names, settings and exact meaning.

Guards: a file is read against this table; an unknown function or setting, or a value out of range,
is refused with its nearest name. `plain` computes exactly what the texts say, slowly; `engine` does
it fast, `batch` over tables; all three give equal values.

What every function shares:

- A LEG is one side of a transfer: `in` for the account that is paid, `out` for the account that
  pays. Features are read for one account at one transfer i, after i was added: legs with
  t - window < s <= t, and of equal s only those whose sequence is not above that of i.
- Only the latest MOST_LEGS legs of an account are looked at; more are counted in a metric.
- The selection of legs: `direction` (in, out, both), `counterparty` (any, known, outside),
  `kinds` (kinds of transfer, separated by commas; empty: all), `abroad` (true: only legs whose two
  countries are known and differ).
- Integers stay integers; a double comes from one division of integers unless the text says more.
- A MOTIF is a shape of several transfers that i completes; its value for an account is the size
  of the largest such motif that the account takes part in, 0 for none. Only ELIGIBLE transfers make
  motifs: both accounts known, amount at least `least_minor`, one of `kinds`, and with
  `new_since` only those between two accounts that had no transfer (in either direction) in so
  long a time before. A size below `from` counts as 0. Each part of a motif lies within
  `window` before t; "before" and "after" compare (s, sequence).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from types import MappingProxyType
from typing import Final, Literal

from paywarden.core.errors import InvalidRequest
from paywarden.core.instants import DAY_US, HOUR_US, MICROSECONDS, MINUTE_US
from paywarden.risk.rules.typology_model import FlowFeature

MOST_LEGS: Final = 1_000
MEMORY_US: Final = 400 * DAY_US
"""Nothing older is remembered: a pair or an account that was silent so long is new again."""
LONGEST_WINDOW_US: Final = 90 * DAY_US
BASIS: Final = 10_000
"""Shares such as a fee or a tolerance are whole basis points."""
FOREVER_US: Final = 2**62

SettingKind = Literal["duration", "int", "minor", "share", "text", "choice", "bool"]
_UNITS = {"s": MICROSECONDS, "m": MINUTE_US, "h": HOUR_US, "d": DAY_US}
_DURATION = re.compile(r"([1-9][0-9]{0,5})([smhd])")
_LIST = re.compile(r"[A-Za-z0-9_]{1,40}(,[A-Za-z0-9_]{1,40}){0,31}")


@dataclass(frozen=True, slots=True)
class Setting:
    """`default` None: must be given. `low`, `high`: bounds after conversion (see `_READ`)."""

    kind: SettingKind
    text: str
    default: str | int | float | bool | None = None
    low: int = 0
    high: int = 2**53
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Function:
    """`value`: type of the result; `empty`: where there is nothing to look at (None: absent)."""

    shape: Literal["legs", "motif"]
    value: Literal["int", "double"]
    empty: Literal[0] | None
    text: str
    settings: Mapping[str, Setting]


@dataclass(frozen=True, slots=True)
class Measure:
    """A function with all its settings converted: durations in microseconds, shares in basis
    points, booleans 0 or 1, lists sorted. Equal measures are computed once.
    """

    function: str
    settings: tuple[tuple[str, int | str], ...]

    def number(self, name: str) -> int:
        """A setting that is a number. Errors: KeyError for a name it does not have."""
        found = dict(self.settings)[name]
        assert isinstance(found, int)
        return found

    def text(self, name: str) -> str:
        """A setting that is a text. Errors: KeyError for a name it does not have."""
        return str(dict(self.settings)[name])

    @property
    def names(self) -> frozenset[str]:
        """Members of the setting `kinds`; empty: all."""
        kinds = self.text("kinds")
        return frozenset(kinds.split(",")) if kinds else frozenset()

    @property
    def is_motif(self) -> bool:
        """Whether accounts other than the two of the transfer may have a value."""
        return FUNCTIONS[self.function].shape == "motif"


_WINDOW = Setting("duration", "length of the window", low=MICROSECONDS, high=LONGEST_WINDOW_US)
_SELECTION: Final[Mapping[str, Setting]] = MappingProxyType(
    {
        "window": _WINDOW,
        "direction": Setting("choice", "which legs", "both", choices=("in", "out", "both")),
        "counterparty": Setting(
            "choice", "who is on the other side", "any", choices=("any", "known", "outside")
        ),
        "kinds": Setting("text", "kinds of transfer, separated by commas", ""),
        "abroad": Setting("bool", "only legs between two countries", False),
    }
)
_MOTIF: Final[Mapping[str, Setting]] = MappingProxyType(
    {
        "window": _WINDOW,
        "new_since": Setting(
            "duration", "only between accounts new to each other for so long; 0: all", 0,
            high=MEMORY_US,
        ),
        "least_minor": Setting("minor", "smallest amount", 1, low=1),
        "kinds": Setting("text", "kinds of transfer, separated by commas", ""),
        "from": Setting("int", "smallest size that counts", 3, low=2, high=1_000),
    }
)  # fmt: skip
_NO_FEE: Final = -1
_ANY_SUMS = Setting("share", "largest share that stays behind; -1: any sums", -1, low=-1,
                    high=BASIS - 1)  # fmt: skip


def _legs(
    text: str, value: Literal["int", "double"] = "int", empty: Literal[0] | None = 0, **own: Setting
) -> Function:
    return Function("legs", value, empty, text, MappingProxyType({**_SELECTION, **own}))


def _motif(text: str, **own: Setting) -> Function:
    return Function("motif", "int", 0, text, MappingProxyType({**_MOTIF, **own}))


_LOW = Setting("minor", "smallest amount that counts")
_HIGH = Setting("minor", "amounts below this count")

FUNCTIONS: Final[Mapping[str, Function]] = MappingProxyType(
    {
        "count": _legs("Number of legs."),
        "sum": _legs("Sum of their amounts, minor units."),
        "mean": _legs("Sum by number; absent without legs.", "double", None),
        "max": _legs("Largest amount; absent without legs.", "int", None),
        "distinct_counterparties": _legs("Number of different counterparties."),
        "new_counterparties": _legs(
            "Legs that open a relation: between the two accounts there was no transfer, in either"
            " direction and of any kind, later than s - since.",
            since=Setting("duration", "how long unknown", "90d", low=1, high=MEMORY_US),
        ),
        "count_between": _legs("Legs with low <= amount < high.", low=_LOW, high=_HIGH),
        "sum_between": _legs("Sum of amounts of legs with low <= amount < high.",
                             low=_LOW, high=_HIGH),
        "share_between": _legs(
            "Legs with low <= amount < high, by all legs; absent without legs.", "double", None,
            low=_LOW, high=_HIGH,
        ),
        "near_equal": _legs(
            "Most legs of nearly one amount: the largest group whose largest amount is at most"
            " its smallest times (1 + tolerance); 10,000 largest <= (10,000 + bp) smallest.",
            tolerance=Setting("share", "tolerance", 0.01, high=BASIS),
        ),
        "round_share": _legs(
            "Share of legs whose amount is a multiple of `unit`; absent without legs.",
            "double", None, unit=Setting("minor", "what is round", 10_000, low=2),
        ),
        "share_kept": _legs(
            "(in - out) / in, sums of the selected legs (direction is not looked at); absent when"
            " in is 0; negative when more left than came.", "double", None,
        ),
        "dormant_days": _legs(
            "Longest silence that a selected leg ended: whole days since the account's previous"
            " leg of any kind; absent when none of them had one within 400 days.", "int", None,
        ),
        "against_history": _legs(
            "value * periods / (value over the `periods` equal windows before this one), `of` sum"
            " or count; absent where the past value is 0 or the account's first leg is later than"
            " t - (periods + 1) windows.", "double", None,
            of=Setting("choice", "what is compared", "sum", choices=("sum", "count")),
            periods=Setting("int", "equal windows before this one", 3, low=1, high=24),
        ),
        "against_peers": _legs(
            "Mean amount of the account's legs by the mean amount of the like-selected legs of all"
            " accounts on the `days` UTC days before the day of t: (sum / n) / (sum / n); absent"
            " without own legs or with fewer than `least` of theirs.", "double", None,
            days=Setting("int", "days before today", 7, low=1, high=30),
            least=Setting("int", "fewest legs of others", 100, low=1, high=1_000_000),
        ),
        "benford": _legs(
            "Chi-square of first digits of amounts against Benford's law: over d = 1..9 in order"
            " (seen - n p) (seen - n p) / (n p), p = log10(1 + 1/d) from BENFORD; absent with fewer"
            " than `least` legs.", "double", None,
            least=Setting("int", "fewest legs", 50, low=10, high=MOST_LEGS),
        ),
        "share_countries": _legs(
            "Share of legs whose counterparty's country is one of `countries`; empty: any country"
            " that is known and not the account's own. Absent without legs.", "double", None,
            countries=Setting("text", "alpha-2 codes, separated by commas", ""),
        ),
        "turnaround_hours": _legs(
            "Mean over selected OUT legs of the time since the account's latest leg in before"
            " them, where that lies in the window too: sum of microseconds / (n * 3,600,000,000);"
            " absent without such legs.", "double", None,
        ),
        "mirrored": _legs(
            "Selected OUT legs that pass on a leg in: before it in the window one came in from"
            " another counterparty with amount (1 - fee) in <= out <= in.",
            fee=Setting("share", "largest share kept", 0.1, high=BASIS - 1),
        ),
        "fan_in": _motif(
            "i pays y: number of accounts that paid y. Members: y and they."
        ),
        "fan_out": _motif(
            "x pays by i: number of accounts that x paid. Members: x and they."
        ),
        "gather_scatter": _motif(
            "x pays by i: the smaller of the numbers of accounts that paid x before i and that x"
            " paid; with `fee` 0 where not (1 - fee) in <= out <= in, the sums of these hops."
            " Members: x and all of them.",
            fee=_ANY_SUMS,
        ),
        "scatter_gather": _motif(
            "m pays b by i: for each account a (neither m nor b) that paid m before, the number of"
            " accounts m' to which a paid before m' paid b, with `fee` (1 - fee) a <= b <= a for"
            " these two amounts; m must be one of them. Members: a, b, the m'.",
            fee=_ANY_SUMS,
        ),
        "bipartite": _motif(
            "x pays y by i; R: accounts that x paid. 1 + number of accounts that paid y, are not"
            " in R, and paid at least `shared` of R. Members: x, y, they.",
            shared=Setting("int", "receivers in common", 2, low=1, high=64),
        ),
        "cycle": _motif(
            "i comes back: y paid ..., who paid x, each hop after the one before, all accounts"
            " different, with `fee` each amount at most the one before and at least (1 - fee) of"
            " it. Size: hops of the longest such way of at most `longest`. Members: all on it.",
            fee=Setting("share", "largest share that falls away; -1: any amounts", -1, low=-1,
                        high=BASIS - 1),
            longest=Setting("int", "most hops", 6, low=2, high=10),
        ),
        "chain": _motif(
            "Hops that lead to i: 1 + the most among transfers j before that paid x within"
            " `window`, not from y, of amount (1 - fee) j <= i <= j; at most `longest`. Members:"
            " accounts along the way (from several longest, the latest j).",
            fee=Setting("share", "largest share kept at a hop; -1: any amounts", 0.1, low=-1,
                        high=BASIS - 1),
            longest=Setting("int", "most hops", 8, low=2, high=16),
        ),
    }
)  # fmt: skip

BENFORD: Final = (
    0.3010299956639812, 0.17609125905568124, 0.12493873660829995, 0.09691001300805642,
    0.07918124604762482, 0.06694678963061322, 0.05799194697768673, 0.05115252244738129,
    0.04575749056067514,
)  # fmt: skip


def measure_of(feature: FlowFeature) -> Measure:
    """The function and settings of a feature, checked and converted.

    Errors: InvalidRequest for an unknown function or setting, a missing one, a value out of range.
    """
    function = FUNCTIONS.get(feature.function)
    if function is None:
        hint = _nearest(feature.function, FUNCTIONS)
        detail = f"feature {feature.name}: no such function{hint}"
        raise InvalidRequest("flow_function_unknown", detail)
    for name in feature.settings:
        if name not in function.settings:
            hint = _nearest(name, function.settings)
            detail = f"feature {feature.name}: no such setting{hint}"
            raise InvalidRequest("flow_setting_unknown", detail)
    values = {
        name: _converted(setting, feature.settings.get(name, setting.default), feature.name, name)
        for name, setting in function.settings.items()
    }
    measure = Measure(feature.function, tuple(sorted(values.items())))
    _check_together(measure, feature.name)
    return measure


def type_of(feature: FlowFeature) -> Literal["int", "double"]:
    """Type of `flow.<name>` in conditions."""
    return FUNCTIONS[feature.function].value


def _converted(
    setting: Setting, given: str | int | float | bool | None, feature: str, name: str
) -> int | str:
    if given is None:
        raise InvalidRequest("flow_setting_missing", f"feature {feature} needs a {name}")
    value = _READ[setting.kind](setting, given)
    if value is None or (isinstance(value, int) and not setting.low <= value <= setting.high):
        raise InvalidRequest("flow_setting", f"feature {feature}: {name} is no {setting.text}")
    return value


def _duration(setting: Setting, given: object) -> int | None:
    if given == 0 and not isinstance(given, bool):
        return 0
    found = _DURATION.fullmatch(given) if isinstance(given, str) else None
    return int(found[1]) * _UNITS[found[2]] if found else None


def _whole(setting: Setting, given: object) -> int | None:
    return given if isinstance(given, int) and not isinstance(given, bool) else None


def _share(setting: Setting, given: object) -> int | None:
    if isinstance(given, bool) or not isinstance(given, int | float) or not -1 <= given <= 1:
        return None
    return _NO_FEE if given == -1 else round(given * BASIS)


def _choice(setting: Setting, given: object) -> str | None:
    return given if isinstance(given, str) and given in setting.choices else None


def _names(setting: Setting, given: object) -> str | None:
    if given == "":
        return ""
    if not isinstance(given, str) or not _LIST.fullmatch(given):
        return None
    return ",".join(sorted(set(given.split(","))))


def _flag(setting: Setting, given: object) -> int | None:
    return int(given) if isinstance(given, bool) else None


_READ: Final[Mapping[SettingKind, Callable[[Setting, object], int | str | None]]] = {
    "duration": _duration,
    "int": _whole,
    "minor": _whole,
    "share": _share,
    "choice": _choice,
    "text": _names,
    "bool": _flag,
}


def _check_together(measure: Measure, feature: str) -> None:
    settings = dict(measure.settings)
    if "low" in settings and measure.number("low") >= measure.number("high"):
        raise InvalidRequest("flow_setting", f"feature {feature}: low must be below high")
    periods = measure.number("periods") if "periods" in settings else 0
    if measure.number("window") * (1 + periods) > MEMORY_US:
        detail = f"feature {feature}: periods reach back more than 400 days"
        raise InvalidRequest("flow_setting", detail)
    if "since" in settings and measure.number("since") < measure.number("window"):
        raise InvalidRequest("flow_setting", f"feature {feature}: since is shorter than window")


def _nearest(name: str, known: Mapping[str, object]) -> str:
    near = get_close_matches(name[:60], known, 1)
    return f"; nearest is {near[0]}" if near else ""
