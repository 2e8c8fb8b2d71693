"""The score against the truth: the same measure as `paywarden decide`."""

from __future__ import annotations

from paywarden.cli.demo.scoring import Rates, Score


def test_any_first_answer_but_allow_catches_fraud_and_hurts_the_honest() -> None:
    score = Score()
    for outcome in ("allow", "challenge", "review", "block"):
        score.decided(True, "card_testing", "a/1", 100, outcome)
        score.decided(False, None, None, 700, outcome)
    document = score.standing().document()
    assert (document["fraud"], document["fraud_value_minor"]) == (4, 400)
    assert (document["caught"], document["caught_value_minor"]) == (3, 300)
    assert (document["genuine"], document["genuine_hurt"]) == (4, 3)
    assert document["genuine_hurt_by"] == {"challenge": 1, "review": 1, "block": 1}


def test_first_stop_counts_payments_within_each_campaign() -> None:
    score = Score()
    for campaign, outcomes in {
        "a/1": ("allow", "allow", "block", "block"),
        "b/1": ("challenge", "allow"),
        "a/2": ("allow",),
    }.items():
        for outcome in outcomes:
            score.decided(True, "stolen_card", campaign, 10, outcome)
    attacks = score.standing().attacks["stolen_card"]
    assert (attacks.campaigns, attacks.campaigns_stopped) == (3, 2)
    assert sorted(attacks.first_stops) == [1, 3]
    assert attacks.first_stop() == (1, 3)


def test_interleaved_campaigns_keep_their_own_count() -> None:
    score = Score()
    for number in range(3):
        for campaign in ("a/1", "b/1"):
            outcome = "block" if number == 2 and campaign == "b/1" else "allow"
            score.decided(True, "card_testing", campaign, 1, outcome)
    assert score.standing().attacks["card_testing"].first_stops == [3]


def test_what_a_challenge_made_of_it_stands_beside_the_first_answer() -> None:
    score = Score()
    score.decided(True, "account_takeover", "a/1", 50, "challenge")
    score.continued(True, "account_takeover", 50, "allow")
    score.decided(False, None, None, 50, "challenge")
    score.continued(False, None, 50, "allow")
    score.decided(False, None, None, 50, "challenge")
    score.continued(False, None, 50, "block")
    document = score.standing().document()
    assert document["caught"] == 1
    assert document["slipped_after_challenge"] == 1
    assert document["slipped_after_challenge_value_minor"] == 50
    assert document["genuine_hurt"] == 2
    assert document["genuine_passed_challenge"] == 1
    assert document["genuine_turned_away"] == 1


def test_whole_is_the_sum_of_the_types() -> None:
    score = Score()
    score.decided(True, "card_testing", "a/1", 5, "block")
    score.decided(True, "stolen_card", "a/2", 7, "allow")
    score.decided(True, None, None, 11, "review")
    standing = score.standing()
    whole = standing.whole()
    assert sorted(standing.attacks) == ["card_testing", "other", "stolen_card"]
    assert (whole.payments, whole.value_minor) == (3, 23)
    assert (whole.caught, whole.caught_value_minor) == (2, 16)
    assert (whole.campaigns, whole.first_stops) == (2, [1])


def test_a_standing_does_not_change_any_more() -> None:
    score = Score()
    score.decided(True, "card_testing", "a/1", 5, "block")
    before = score.standing()
    score.decided(True, "card_testing", "a/1", 5, "block")
    score.decided(False, None, None, 5, "block")
    assert before.whole().payments == 1
    assert before.honest.payments == 0


def test_nothing_scores_nothing() -> None:
    standing = Score().standing()
    assert standing.whole().first_stop() is None
    assert standing.document()["fraud"] == 0


def test_campaigns_without_end_stay_bounded() -> None:
    score = Score()
    for number in range(6_000):
        score.decided(True, "card_testing", f"a/{number}", 1, "allow")
    assert score.standing().attacks["card_testing"].campaigns == 6_000
    assert len(score._campaigns) <= 4_096


def test_values_are_euros_whatever_the_currency() -> None:
    rates = Rates({"EUR": (2, 1.0), "USD": (2, 1.1), "JPY": (0, 160.0)})
    assert rates.euro_minor(1_000, "EUR") == 1_000
    assert rates.euro_minor(1_100, "USD") == 1_000
    assert rates.euro_minor(1_600, "JPY") == 1_000
    assert rates.euro_minor(1_600, "XXX") == 0
