"""What rules may be mined over: the policy's windows, generic ones, and fields that may decide.

Guards: fields that speak of who somebody is (name, birth, home, language, nationality) never become
conditions, whatever they would catch: PROTECTED lists them, and only fields of ALLOWED are looked
at. Countries are compared with each other, never named. Every window is written as the macro or the
name by which a rule asks for it. Not done here: values (`material.py`), thresholds
(`conditions.py`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from paywarden.risk.features.catalogue import FIELDS
from paywarden.risk.features.model import SECOND_US, Aggregate
from paywarden.risk.features.observing import KEY_PATHS
from paywarden.risk.rules.cel.parser import parse
from paywarden.risk.rules.macros import PREFIX, generated_name
from paywarden.risk.rules.model import Policy
from paywarden.risk.rules.windows import identity_of, length_text, read_filter

AMOUNT = "payment.amount_base_minor"
NUMBERS = (AMOUNT, "payment.hour", "merchant.age_days", "payer.age_days", "payee.age_days")
FLAGS = (
    "ip.is_datacenter",
    "ip.is_vpn",
    "email.is_disposable",
    "email.is_free",
    "card.is_prepaid",
)
WORDS = (
    "payment.type",
    "payment.channel",
    "payment.entry_mode",
    "payment.wallet",
    "payment.instrument_kind",
    "payment.checks.avs",
    "payment.checks.cvv",
    "payment.checks.eci",
    "payment.checks.three_ds",
    "merchant.id",
    "merchant.mcc",
    "merchant.mcc_group",
    "card.bin",
    "card.brand",
    "card.funding",
)
DIFFERING = (
    ("card.country", "ip.country"),
    ("card.country", "payment.shipping_address.country"),
    ("ip.country", "payment.shipping_address.country"),
)
ALLOWED = frozenset((*NUMBERS, *FLAGS, *WORDS))
PROTECTED = frozenset(path for path, field in FIELDS.items() if field.personal) | {
    "payer.country",
    "payee.country",
    "card.country",
    "ip.country",
    "payment.billing_address.country",
    "payment.shipping_address.country",
    "device.language",
    "device.user_agent",
}
"""Fields that speak of who somebody is or where somebody is from."""
_HOUR = 3_600 * SECOND_US
_DAY = 24 * _HOUR
_KEYS = ("card", "payer", "device", "ip", "email", "merchant", "bin", "payee")
_FRAUD = 'event.verdict == "fraud"'


@dataclass(frozen=True, slots=True)
class Window:
    """A window that conditions may ask: how rules write it, and where examples give its value."""

    aggregate: Aggregate
    text: str
    declared: bool


def windows_of(policy: Policy, paths: Iterable[str], longest_us: int) -> tuple[Window, ...]:
    """Windows over keys that the file has, none longer than the history before the judged days.

    The policy's own keep their names; generic ones are macros. Equal windows stand once.
    """
    here = set(paths)
    found: dict[tuple[object, ...], Window] = {}
    for one in policy.aggregates:
        macro = one.name.startswith(PREFIX)
        text = _macro(one) if macro else f"agg.{one.name}"
        found.setdefault(identity_of(one), Window(one, text, not macro))
    for one in _generic(here):
        found.setdefault(identity_of(one), Window(one, _macro(one), False))
    return tuple(
        window
        for window in found.values()
        if window.aggregate.window_us is not None
        and window.aggregate.window_us <= longest_us
        and all(KEY_PATHS[key] in here for key in window.aggregate.by)
    )


def with_windows(policy: Policy, windows: Iterable[Window]) -> Policy:
    """The policy that computes all of them."""
    known = {identity_of(one) for one in policy.aggregates}
    more = [one.aggregate for one in windows if identity_of(one.aggregate) not in known]
    return replace(policy, aggregates=(*policy.aggregates, *more))


def _generic(paths: set[str]) -> Iterable[Aggregate]:
    keys = [key for key in _KEYS if KEY_PATHS[key] in paths]
    for key in keys:
        for length in (_HOUR // 6, _HOUR, _DAY, 7 * _DAY):
            yield _window("count", None, (key,), length)
        yield _window("count", None, (key,), 30 * _DAY, before=True)
        yield _window("avg", AMOUNT, (key,), 30 * _DAY, before=True)
        yield _window("sum", AMOUNT, (key,), _DAY)
        for length in (7 * _DAY, 28 * _DAY):
            yield _window("count", None, (key,), length, where=_FRAUD)
    for of, key in (
        ("card.fingerprint", "ip"),
        ("card.fingerprint", "device"),
        ("card.fingerprint", "merchant"),
        ("card.fingerprint", "bin"),
        ("payer.id", "device"),
        ("payer.id", "ip"),
        ("merchant.id", "card"),
        ("merchant.id", "bin"),
        ("device.id", "payer"),
    ):
        if key in keys and of in paths:
            for length in (_HOUR, _DAY):
                yield _window("distinct", of, (key,), length)


def _window(
    function: str,
    of: str | None,
    by: tuple[str, ...],
    window_us: int,
    *,
    before: bool = False,
    where: str | None = None,
) -> Aggregate:
    filtered = read_filter(None if where is None else parse(where))
    made = Aggregate("", function, of, by, window_us, False, filtered, before)
    return replace(made, name=generated_name(made))


def _macro(one: Aggregate) -> str:
    """The macro that asks for a window."""
    keys = one.by[0] if len(one.by) == 1 else f"[{', '.join(one.by)}]"
    parts = [keys, *((one.of,) if one.of else ()), f'"{length_text(one.window_us)}"']
    if one.where != read_filter(None):
        parts.append(one.where or "")
    before = "_before" if one.exclude_current else ""
    return f"{one.function}{before}({', '.join(parts)})"
