"""The rule library: sound, large enough to matter, readable, measured, consistent with texts."""

import functools
import re
from collections import Counter
from pathlib import Path

from paywarden.core.outcome import Outcome
from paywarden.fraud.reasons import REASONS
from paywarden.fraud.scenarios import SCENARIOS
from paywarden.fraud.shipped_policies import policy_folder
from paywarden.risk.rules.check import check_files, check_folder
from paywarden.risk.rules.model import Policy, Rule
from paywarden.risk.rules.reader import files_of, read_policy

OWN_RULE = """
- id: own-night-limit
  title: A sum above our own limit at night
  scenario: unusual_amount
  when: payment.hour < 5 && payment.amount_base_minor >= 123400
  then: {points: 20, reason: UNUSUAL_AMOUNT}
  explanation: Our own number.
  examples:
    - {given: {payment: {hour: 3, amount_base_minor: 123400}}, fires: true}
    - {given: {payment: {hour: 9, amount_base_minor: 123400}}, fires: false}
"""


@functools.cache
def library() -> Policy:
    return read_policy(policy_folder())


def written() -> dict[str, Rule]:
    """One rule per rule that stands in the files."""
    return {rule.template or rule.id: rule for rule in library().rules}


def test_it_has_no_errors_and_no_doubts_but_those_that_it_allows() -> None:
    found = check_folder(policy_folder())
    assert [str(finding) for finding in found.items] == []
    assert found.proofs is not None
    assert found.proofs.undecided == found.proofs.pairs_left_out == 0


def test_it_is_a_few_written_rules_and_thousands_of_stamped_ones() -> None:
    assert 150 <= len(written()) <= 250
    assert 3_000 <= len(library().rules) <= 4_000
    by_scenario = Counter(rule.scenario for rule in written().values())
    assert set(by_scenario) == set(SCENARIOS)
    assert len(by_scenario) >= 12
    assert all(count >= 3 for name, count in by_scenario.items() if name != "trusted")


def test_every_rule_explains_itself_and_is_tested_both_ways() -> None:
    for name, rule in written().items():
        assert rule.title != rule.id, name
        assert rule.explanation.endswith("."), name
        assert rule.then.reason or rule.then.outcome is Outcome.ALLOW, name
        assert len(rule.explanation.split()) >= 5, name
        assert {example.fires for example in rule.examples} == {True, False}, name


def test_words_and_texts_agree_with_the_room() -> None:
    policy = library()
    assert {name: one.text for name, one in policy.scenarios.items()} == dict(SCENARIOS)
    own = {"POLICY", "TEST_VALUE"}  # the program gives these, no rule does
    assert dict(policy.reasons) == {k: v for k, v in REASONS.items() if k not in own}


def test_trust_never_covers_reports_or_stolen_cards() -> None:
    rules = written()
    allowed = set(rules["trusted-payer"].then.allow_scenarios)
    assert not allowed & {"*", "model", "known_fraud", "account_takeover", "payout_fraud"}
    assert rules["card-reported-stolen"].hard
    assert rules["card-reported-stolen"].then.outcome is Outcome.BLOCK


def test_every_payment_has_a_segment_and_a_group() -> None:
    policy = library()
    assert policy.segments[-1].when == "true"
    assert policy.merchant_groups[-1].when == "true"


def test_one_weak_signal_is_not_enough_to_hurt_anybody() -> None:
    challenge = library().points.challenge
    assert challenge is not None
    weak = ("card-far-above-habit", "amount-above-merchant", "amount-large-for-group")
    for name in (*weak, "payer-far-above-habit", "card-new-device", "card-minutes-burst"):
        assert written()[name].then.points < challenge, name
        assert written()[name].then.outcome is None, name


def test_the_rule_of_the_guide_fits_the_library() -> None:
    guide = Path(__file__).parents[2] / "docs" / "how-to" / "write-a-policy.md"
    found = re.search(r"```yaml\n(- id: .*?)```", guide.read_text(), re.DOTALL)
    assert found is not None
    files = files_of(policy_folder())
    files["rules/guide.yaml"] = found[1].encode()
    assert [str(finding) for finding in check_files(files).items] == []


def test_the_page_names_every_rule_and_no_other() -> None:
    page = Path(__file__).parents[2] / "docs" / "reference" / "rule-library.md"
    text = page.read_text()
    named = re.findall(r"^(?:\| |- )`([a-z0-9-]+)`", text, re.MULTILINE)
    assert sorted(named) == sorted(written())
    assert f"has {len(written())} written rules" in " ".join(text.split())


def test_every_rule_that_was_measured_earns_its_place() -> None:
    page = Path(__file__).parents[2] / "docs" / "reference" / "rule-library.md"
    rows = re.findall(r"^\| `([a-z0-9-]+)`.*", page.read_text(), re.MULTILINE)
    assert len(rows) >= 120
    for line in page.read_text().splitlines():
        if not line.startswith("| `"):
            continue
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        matches, lift = int(cells[2].replace(",", "")), int(cells[5])
        assert lift >= 2 or matches < 100, line


def test_ratios_of_the_schemes_hurt_no_buyer() -> None:
    ratios = [rule for rule in written().values() if rule.scenario == "merchant_ratios"]
    assert len(ratios) >= 6
    for rule in ratios:
        assert rule.then.points <= 25 and rule.then.outcome is None, rule.id
        assert [action.name for action in rule.then.actions] == ["alert"], rule.id


def test_requests_for_refunds_are_held_and_never_challenged() -> None:
    refunds = [rule for rule in written().values() if "refund" in rule.phases]
    assert len(refunds) >= 8
    assert {rule.then.outcome for rule in refunds} <= {Outcome.REVIEW, Outcome.BLOCK}


def test_own_rules_live_beside_the_library() -> None:
    files = files_of(policy_folder())
    files["rules/own/night.yaml"] = OWN_RULE.encode()
    files["rules/own/limits.yaml"] = b"rules: []\n"
    assert [str(finding) for finding in check_files(files).items] == []
    without = {name: text for name, text in files.items() if name != "rules/gift_cards.yaml"}
    assert not [item for item in check_files(without).items if item.severity == "error"]
