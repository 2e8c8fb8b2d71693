"""Reading a policy: what comes out, and every fault with its place and remedy."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from paywarden.core.errors import NotFound
from paywarden.core.outcome import Outcome
from paywarden.risk.rules.findings import Finding, PolicyErrors
from paywarden.risk.rules.model import Action, Policy, Source, Thresholds
from paywarden.risk.rules.reader import files_of, read_all, read_policy, read_policy_files

HEAD = """
name: shop
base_currency: EUR
thresholds:
  points: {challenge: 40, review: 60, block: 100}
  model: {review: 0.6}
stages:
  model: {deadline_ms: 20, on_failure: allow}
segments:
  - {name: ecommerce, when: 'payment.channel == "ecommerce"', challenge_unavailable: block}
  - {name: other, when: "true"}
merchant_groups:
  - {name: digital, when: 'merchant.mcc == "5815"'}
lists: {stolen_cards: card}
scenarios:
  card_testing: Cards are tried out
  structuring: {text: Sums are split, engine: aml}
reasons: {CARD_TESTING: Unusual attempts}
"""
WINDOWS = """
- name: card_declines_10m
  function: count
  by: [card]
  window: 10m
  where: event.kind == "payment_result" && event.status == "declined"
- {name: merchants_per_card_1d, function: distinct, of: merchant.id, by: [card], window: 1d}
- {name: long, function: sum, of: payment.amount_base_minor, by: [merchant, card], window: 400d,
   resolution: 1d, exclude_current: true}
"""
RULES = """
- id: card-testing-burst
  title: Many declined small payments on one card
  scenario: card_testing
  phase: [pre_auth]
  when: agg.card_declines_10m >= 5 && payment.amount_base_minor < 500
  then: {points: 60, outcome: block, reason: CARD_TESTING}
  hard: false
  segments: [ecommerce]
  examples:
    - given: {agg: {card_declines_10m: 6}, payment: {amount_base_minor: 100}}
      fires: true
"""


def files(**changes: str) -> dict[str, bytes]:
    found = {"policy.yaml": HEAD, "aggregates.yaml": WINDOWS, "rules/a.yaml": RULES}
    found.update({name.replace("__", "/") + ".yaml": text for name, text in changes.items()})
    return {name: text.encode() for name, text in found.items()}


def read(**changes: str) -> Policy:
    return read_policy_files(files(**changes))


def faults(given: Mapping[str, bytes]) -> dict[str, Finding]:
    return {finding.code: finding for finding in read_all(given).findings.items}


def test_a_policy_is_read_whole() -> None:
    policy = read()
    assert (policy.name, policy.base_currency) == ("shop", "EUR")
    assert policy.points == Thresholds(40, 60, 100)
    assert policy.model == Thresholds(None, 0.6, None)
    assert policy.stages["model"].on_failure is Outcome.ALLOW
    assert [one.name for one in policy.segments] == ["ecommerce", "other"]
    assert policy.segments[0].challenge_unavailable is Outcome.BLOCK
    assert policy.segments[1].challenge_unavailable is Outcome.REVIEW
    assert policy.scenarios["structuring"].engine == "aml"
    rule = policy.rules[0]
    assert (rule.id, rule.segments, rule.phases) == (
        "card-testing-burst",
        ("ecommerce",),
        ("pre_auth",),
    )
    assert (rule.then.points, rule.then.outcome) == (60, Outcome.BLOCK)
    assert rule.source == Source("rules/a.yaml", 2, 3)
    assert rule.examples[0].given["agg"] == {"card_declines_10m": 6}


def test_windows_count_payments_unless_they_name_other_events() -> None:
    first, second, third = read().aggregates
    assert first.where == 'event.kind == "payment_result" && event.status == "declined"'
    assert second.where == 'event.kind == "payment"'
    assert (first.window_us, second.of) == (600_000_000, "merchant.id")
    assert (third.by, third.daily, third.exclude_current) == (("card", "merchant"), True, True)


def test_a_folder_gives_the_same_policy_as_its_files(tmp_path: Path) -> None:
    for name, content in files().items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "config.yaml").write_text("broken: [")
    (tmp_path / "outside.yaml").symlink_to("/etc/hostname")
    assert read_policy(tmp_path) == read()
    with pytest.raises(NotFound):
        files_of(tmp_path / "absent")


def test_all_faults_are_collected_with_their_places() -> None:
    rules = """
- id: a
  scenaro: card_testing
  when: agg.x >
  then: {points: 5000, outcome: blok}
  phase: [pre-auth]
  segments: [ecomerce]
- id: a b
  scenario: card_tasting
  when: "true"
  then: {}
"""
    with pytest.raises(PolicyErrors) as caught:
        read(rules__a=rules)
    places = {(f.code, f.line, f.column) for f in caught.value.findings}
    assert places >= {
        ("unknown_key", 3, 3),
        ("missing_key", 2, 3),
        ("syntax_error", 4, 16),
        ("bad_value", 5, 18),
        ("unknown_outcome", 5, 33),
        ("unknown_phase", 6, 11),
        ("unknown_segment", 7, 14),
        ("bad_name", 8, 7),
        ("rule_without_effect", 11, 9),
    }
    remedies = {f.code: f.remedy for f in caught.value.findings}
    assert remedies["unknown_key"] == "did you mean `scenario`?"
    assert remedies["unknown_segment"] == "did you mean `ecommerce`?"


@pytest.mark.parametrize(
    ("then", "code"),
    [
        ("{points: 10, outcome: allow}", "allow_with_points"),
        ("{outcome: block, allow_scenarios: [card_testing]}", "allow_without_allow"),
        ("{outcome: allow, allow_scenarios: [tasting]}", "unknown_scenario"),
        ("{points: -1}", "bad_value"),
        ("{points: 1.5}", "bad_value"),
        ("{points: true}", "bad_value"),
        ("{points: 1, reason: lower}", "bad_name"),
        ("{actions: [{explode: {}}]}", "unknown_action"),
        ("{actions: [{add_to_list: {list: x, value: card.bin, expires_in: 1d}}]}", "unknown_list"),
        (
            "{actions: [{add_to_list: {list: stolen_cards, value: a, expires_in: 1d}}]}",
            "unknown_field",
        ),
        (
            "{actions: [{add_to_list: {list: stolen_cards, value: card.bin, expires_in: all}}]}",
            "bad_value",
        ),
        ("{actions: [{alert: {severity: huge, text: x}}]}", "unknown_severity"),
    ],
)
def test_effects_are_checked(then: str, code: str) -> None:
    rules = f"- id: a\n  scenario: card_testing\n  when: 'true'\n  then: {then}\n"
    assert code in faults(files(rules__a=rules))


def test_actions_come_out_as_values() -> None:
    rules = """
- id: a
  scenario: card_testing
  when: "true"
  then:
    actions:
      - add_to_list: {list: stolen_cards, value: card.fingerprint, expires_in: 7d, reason: test}
      - alert: {text: Look at it}
"""
    added, alert = read(rules__a=rules).rules[0].then.actions
    assert added == Action(
        "add_to_list",
        (
            ("expires_seconds", 604_800),
            ("list", "stolen_cards"),
            ("reason", "test"),
            ("value", "card.fingerprint"),
        ),
    )
    assert alert.parameters == (("severity", "medium"), ("text", "Look at it"))


def test_an_allow_rule_names_scenarios_or_means_its_own() -> None:
    rule = "- {id: a, scenario: card_testing, when: 'true', then: {outcome: allow%s}}\n"
    assert read(rules__a=rule % "").rules[0].then.allow_scenarios == ("card_testing",)
    named = read(rules__a=rule % ", allow_scenarios: ['*']")
    assert named.rules[0].then.allow_scenarios == ("*",)
    hard = "- {id: a, scenario: card_testing, hard: true, when: 'true', then: {outcome: allow}}\n"
    assert "hard_allow" in faults(files(rules__a=hard))


def test_ids_are_unique_over_all_files() -> None:
    found = faults(files(rules__b=RULES))
    assert found["duplicate_rule"].file == "rules/b.yaml"
    assert "rules/a.yaml:2:3" in found["duplicate_rule"].message


@pytest.mark.parametrize(
    ("window", "code"),
    [
        ("{name: a, function: cout, by: [card], window: 1d}", "unknown_function"),
        ("{name: a, function: count, by: [kard], window: 1d}", "bad_window_key"),
        ("{name: a, function: count, by: [], window: 1d}", "bad_window_key"),
        ("{name: a, function: count, by: [card, card], window: 1d}", "bad_window_key"),
        (
            "{name: a, function: count, by: [card, ip, bin, payer], window: 1d}",
            "bad_window_key",
        ),
        ("{name: a, function: count, by: [card], window: 91d}", "bad_window_length"),
        ("{name: a, function: count, by: [card], window: 0s}", "bad_window_length"),
        ("{name: a, function: count, by: [card], window: soon}", "bad_window_length"),
        (
            "{name: a, function: count, by: [card], window: 401d, resolution: 1d}",
            "bad_window_length",
        ),
        (
            "{name: a, function: count, by: [card], window: 36h, resolution: 1d}",
            "bad_window_length",
        ),
        ("{name: a, function: sum, by: [card], window: 1d}", "missing_key"),
        (
            "{name: a, function: sum, of: payment.currency, by: [card], window: 1d}",
            "bad_window_field",
        ),
        (
            "{name: a, function: last, of: device.id, by: [card], window: 1d}",
            "bad_window_field",
        ),
        (
            "{name: a, function: sum, of: payer.name, by: [card], window: 1d}",
            "bad_window_field",
        ),
        (
            "{name: a, function: count, of: merchant.id, by: [card], window: 1d}",
            "bad_window_field",
        ),
        ("{name: w_a, function: count, by: [card], window: 1d}", "bad_name"),
        (
            "{name: a, function: count, by: [card], window: 1d, where: payment.channel == 'x'}",
            "current_payment_in_filter",
        ),
        (
            "{name: a, function: count, by: [card], window: 1d, where: event.amount > 1}",
            "unknown_name",
        ),
        (
            "{name: a, function: count, by: [card], window: 1d, where: event.payment.hour}",
            "wrong_result_type",
        ),
    ],
)
def test_windows_are_checked(window: str, code: str) -> None:
    assert code in faults(files(aggregates=f"- {window}\n", rules__a="[]"))


def test_windows_for_ever_and_twice() -> None:
    both = "- {name: a, function: count, by: [card], window: all}\n" * 2
    assert "duplicate_aggregate" in faults(files(aggregates=both, rules__a="[]"))
    policy = read(aggregates=both[: len(both) // 2], rules__a="[]")
    assert policy.aggregates[0].window_us is None


@pytest.mark.parametrize(
    ("head", "code"),
    [
        ("name: a\n", "missing_key"),
        ("name: a\nbase_currency: euro\n", "bad_name"),
        (
            "name: a\nbase_currency: EUR\nthresholds: {points: {challenge: 9, block: 1}}\n",
            "bad_thresholds",
        ),
        (
            "name: a\nbase_currency: EUR\nstages: {modle: {deadline_ms: 1, on_failure: allow}}\n",
            "unknown_key",
        ),
        (
            "name: a\nbase_currency: EUR\nstages: {model: {deadline_ms: 1, on_failure: pass}}\n",
            "unknown_outcome",
        ),
        ("name: a\nbase_currency: EUR\nsegments: [{name: a, when: '1 +'}]\n", "syntax_error"),
        (
            "name: a\nbase_currency: EUR\n"
            "segments: [{name: a, when: 'true', challenge_unavailable: challenge}]\n",
            "unknown_outcome",
        ),
        ("name: a\nbase_currency: EUR\nlists: {a: cart}\n", "unknown_list_kind"),
        ("name: a\nbase_currency: EUR\nscenarios: {a: {text: x, engine: fun}}\n", "unknown_engine"),
        ("[1, 2]", "bad_value"),
        ("", "bad_value"),
    ],
)
def test_the_head_is_checked(head: str, code: str) -> None:
    assert code in faults({"policy.yaml": head.encode()})


def test_a_policy_without_head_is_refused() -> None:
    assert "policy_yaml_missing" in faults({})


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"a: &x 1\nb: *x\n", "alias_not_allowed"),
        (b"- !!python/object/apply:os.system [ls]\n", "tag_not_allowed"),
        (b"[" * 100_000, "file_too_deep"),
        (b"a: 1\na: 2\n", "duplicate_key"),
        (b"? [1]\n: 2\n", "key_not_text"),
        (b"\xff\xfe", "not_utf8"),
        (b"a: [", "yaml_syntax"),
        (b"a: \x01\n", "yaml_syntax"),
        (b"--- 1\n--- 2\n", "several_documents"),
        (b" " * (2 * 1024 * 1024 + 1), "file_too_large"),
    ],
)
def test_hostile_yaml_is_refused(content: bytes, code: str) -> None:
    found = faults({**files(), "rules/x.yaml": content})
    assert found[code].file == "rules/x.yaml"


def test_too_many_files_are_refused_unread() -> None:
    many = {f"rules/{n}.yaml": b"a: [" for n in range(2_001)}
    assert set(faults(many)) == {"policy_too_large"}


def test_plain_words_stay_texts() -> None:
    head = HEAD.replace("{stolen_cards: card}", "{'no': country, 'on': country}")
    assert read(policy=head).lists == {"no": "country", "on": "country"}


def test_lists_are_declared_or_say_their_kind() -> None:
    given = files() | {"lists/mules.csv": b"# kind: payee\nvalue,reason,expires_at\n"}
    reading = read_all(given)
    assert reading.policy.lists == {"stolen_cards": "card", "mules": "payee"}
    assert [f.code for f in reading.findings.items] == ["undeclared_list"]
    differs = files() | {"lists/stolen_cards.csv": b"# kind: payee\nvalue,reason,expires_at\n"}
    assert "list_kind_differs" in faults(differs)
    assert "bad_name" in faults(files() | {"lists/A B.csv": b""})


def test_conditions_point_into_blocks_of_text() -> None:
    head = "- id: a\n  scenario: card_testing\n  then: {points: 1}\n"
    rules = head + "  when: |\n    true &&\n      1 +\n"
    found = faults(files(rules__a=rules))["syntax_error"]
    assert (found.line, found.column) == (6, 10)


def test_errors_name_words_of_the_policy_shortly() -> None:
    word = "x" * 900
    rules = (
        f"- id: a\n  {word}: 1\n  scenario: card_testing\n  when: 'true'\n  then: {{points: 1}}\n"
    )
    assert len(faults(files(rules__a=rules))["unknown_key"].message) < 200


def test_unknown_files_are_only_doubted() -> None:
    reading = read_all({**files(), "rule/x.yaml": b"a: [", "README.md": b"", "polcy.yaml": b""})
    assert [(f.code, f.file) for f in reading.findings.items] == [
        ("unknown_file", "polcy.yaml"),
        ("unknown_file", "rule/x.yaml"),
    ]
    assert not reading.findings.failed
