"""The starter policy: sound, large enough to matter, readable, and consistent with the texts."""

import functools
import re
from pathlib import Path

from paywarden.core.outcome import Outcome
from paywarden.fraud.reasons import REASONS
from paywarden.fraud.scenarios import SCENARIOS
from paywarden.fraud.shipped_policies import policy_folder
from paywarden.risk.rules.check import check_files, check_folder
from paywarden.risk.rules.model import Policy, Rule
from paywarden.risk.rules.reader import files_of, read_policy


@functools.cache
def starter() -> Policy:
    return read_policy(policy_folder())


def written() -> dict[str, Rule]:
    """One rule per rule that stands in the files."""
    return {rule.template or rule.id: rule for rule in starter().rules}


def test_it_has_no_errors_and_no_doubts_but_those_that_it_allows() -> None:
    found = check_folder(policy_folder())
    assert [str(finding) for finding in found.items] == []
    assert found.proofs is not None
    assert found.proofs.undecided == found.proofs.pairs_left_out == 0
    assert set(found.proofs.suppressed) == {
        "empty_list",
        "allow_lowers_block",
        "missing_value_trap",
    }


def test_it_is_a_few_written_rules_and_thousands_of_stamped_ones() -> None:
    assert 40 <= len(written()) <= 100
    assert len(starter().rules) >= 3_000
    needed = {
        "card_testing",
        "bin_enumeration",
        "stolen_card",
        "account_takeover",
        "payout_fraud",
        "bot_traffic",
    }
    assert needed <= {rule.scenario for rule in starter().rules} <= set(SCENARIOS)


def test_every_rule_explains_itself_and_is_tested_both_ways() -> None:
    for name, rule in written().items():
        assert rule.title != rule.id, name
        assert rule.explanation.endswith("."), name
        assert rule.then.reason or rule.then.outcome is Outcome.ALLOW, name
        assert {example.fires for example in rule.examples} == {True, False}, name


def test_words_and_texts_agree_with_the_room() -> None:
    policy = starter()
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
    policy = starter()
    assert policy.segments[-1].when == "true"
    assert policy.merchant_groups[-1].when == "true"


def test_one_weak_signal_is_not_enough_to_hurt_anybody() -> None:
    challenge = starter().points.challenge
    assert challenge is not None
    weak = ("card-far-above-habit", "amount-above-merchant", "amount-large-for-group")
    for name in (*weak, "payer-far-above-habit", "card-new-device", "card-minutes-burst"):
        assert written()[name].then.points < challenge, name
        assert written()[name].then.outcome is None, name


def test_the_rule_of_the_guide_fits_the_starter_policy() -> None:
    guide = Path(__file__).parents[2] / "docs" / "how-to" / "write-a-policy.md"
    found = re.search(r"```yaml\n(- id: .*?)```", guide.read_text(), re.DOTALL)
    assert found is not None
    files = files_of(policy_folder())
    files["rules/guide.yaml"] = found[1].encode()
    assert [str(finding) for finding in check_files(files).items] == []
