"""Window macros: from calls to named windows, shared where they are equal."""

import pytest

from paywarden.risk.features.model import Aggregate
from paywarden.risk.rules.cel.errors import CompileError
from paywarden.risk.rules.cel.parser import parse
from paywarden.risk.rules.cel.unparse import unparse
from paywarden.risk.rules.macros import WindowMacros

DAY_US = 86_400_000_000
DECLINED = 'event.kind == "payment_result" && event.status == "declined"'


def only(text: str) -> Aggregate:
    macros = WindowMacros()
    macros.expand(parse(text))
    (window,) = macros.made
    return window


@pytest.mark.parametrize(
    ("text", "function", "of", "by", "window_us"),
    [
        ('count(card, "10m")', "count", None, ("card",), 600_000_000),
        (
            'sum([merchant, card], payment.amount_base_minor, "1d")',
            "sum",
            "payment.amount_base_minor",
            ("card", "merchant"),
            DAY_US,
        ),
        ('distinct(card, merchant.id, "1w")', "distinct", "merchant.id", ("card",), 7 * DAY_US),
        ('avg(ip, payment.hour, "1h")', "avg", "payment.hour", ("ip",), 3_600_000_000),
        ('last(card, ip.country, "90d")', "last", "ip.country", ("card",), 90 * DAY_US),
        ('since_first(payer, "all")', "since_first", None, ("payer",), None),
        (
            'distinct(card, event.code, "1d", event.code != "")',
            "distinct",
            "event.code",
            ("card",),
            DAY_US,
        ),
    ],
)
def test_a_macro_becomes_a_window(
    text: str, function: str, of: str | None, by: tuple[str, ...], window_us: int | None
) -> None:
    window = only(f"{text} != null")
    assert (window.function, window.of, window.by, window.window_us) == (
        function,
        of,
        by,
        window_us,
    )
    assert not window.exclude_current


def test_every_function_has_a_form_without_the_present_payment() -> None:
    window = only('payment.amount_minor > avg_before(card, payment.amount_minor, "30d")')
    assert window.exclude_current
    assert window.function == "avg"


def test_without_a_filter_payments_count() -> None:
    assert only('count(card, "1h") > 1').where == 'event.kind == "payment"'
    narrowed = only('count(card, "1h", event.payment.channel == "pos") > 1')
    assert narrowed.where == 'event.kind == "payment" && event.payment.channel == "pos"'
    assert only('count(card, "1h", event.status == "declined") > 1').where == (
        'event.status == "declined"'
    )


def test_equal_windows_share_a_name_however_they_are_written() -> None:
    macros = WindowMacros()
    first = macros.expand(
        parse('count([card, ip], "60m", event.status == "declined" && event.code == "05") > 1')
    )
    second = macros.expand(
        parse("count([ip, card], '1h', ('05' == event.code) && event.status == 'declined') > 1")
    )
    assert unparse(first) == unparse(second)
    assert len(macros.made) == 1


def test_a_declared_window_keeps_its_name() -> None:
    declared = Aggregate("mine", "count", None, ("card",), 600_000_000, False, DECLINED, False)
    macros = WindowMacros([declared])
    text = 'count(card, "10m", event.status == "declined" && event.kind == "payment_result") > 1'
    assert unparse(macros.expand(parse(text))) == "agg.mine > 1"
    assert macros.made == ()


def test_windows_that_differ_have_different_names() -> None:
    texts = [
        'count(card, "10m")',
        'count(card, "11m")',
        'count(ip, "10m")',
        'count_before(card, "10m")',
        'count(card, "10m", event.status == "declined")',
        'distinct(card, ip.country, "10m")',
        'distinct(card, merchant.country, "10m")',
    ]
    macros = WindowMacros()
    names = {unparse(macros.expand(parse(text))) for text in texts}
    assert len(names) == len(macros.made) == len(texts)


def test_names_do_not_depend_on_other_rules() -> None:
    alone = only('count(card, "10m") > 1').name
    macros = WindowMacros()
    macros.expand(parse('count(ip, "5m") > 1 && count(card, "10m") > 1'))
    assert alone in {window.name for window in macros.made}


@pytest.mark.parametrize(
    ("text", "code", "column"),
    [
        ('count(card, "10m", payment.channel == "pos")', "current_payment_in_filter", 20),
        ('count(card, "10m", event.card.fingerprint == "x")', "not_in_filters", 20),
        ('count(card, "10m", count(ip, "1m") > 1)', "window_in_filter", 20),
        ('count(card, "10m", event.statu == "x")', "unknown_name", 20),
        ('count(card, "10m", event.payment.hour + 1)', "wrong_result_type", 39),
        ("count(card)", "bad_window", 1),
        ('count(card, "1m", true, true)', "bad_window", 1),
        ('sum(card, "1m")', "bad_window", 1),
        ('count(kard, "1m")', "bad_window_key", 7),
        ('count(payment.channel, "1m")', "bad_window_key", 7),
        ('count([], "1m")', "bad_window_key", 7),
        ('sum(card, payment.currency, "1m")', "bad_window_field", 11),
        ('last(card, device.id, "1m")', "bad_window_field", 12),
        ('sum(card, payment.amount, "1m")', "bad_window_field", 11),
        ("count(card, 10)", "bad_window_length", 13),
        ('count(card, "10")', "bad_window_length", 13),
        ('count(card, "91d")', "bad_window_length", 13),
    ],
)
def test_faulty_macros_are_refused_at_their_place(text: str, code: str, column: int) -> None:
    with pytest.raises(CompileError) as caught:
        WindowMacros().expand(parse(text))
    assert (caught.value.code, caught.value.column) == (code, column)


def test_member_calls_and_other_functions_are_left_alone() -> None:
    text = 'size(payment.channel) > 1 && [1, 2].exists(x, x > 1) && "a".count("b")'
    expr = parse(text)
    assert WindowMacros().expand(expr) == expr
