"""What each feature is worth: logistic weights, learned offline and readable.

Source: `bench/screening_fit.py` on the labelled pairs of opensanctions/nomenklatura name_bench
(MIT), ridge logistic regression; cross-validated figures stand in docs/explanation/screening.md.
A score is the logistic function of intercept plus weighted features, so 0.5 means: of labelled
pairs that look like this, half were the same party.
"""

from __future__ import annotations

WEIGHTS = {
    "agreement": 5.774,
    "closeness": -0.523,
    "loosest_word": -8.712,
    "changed_words": 1.078,
    "contradiction": -2.945,
    "omission": 2.662,
    "unsupported": -4.026,
    "lone_word": 0.616,
    "initials": 3.548,
    "initials_only": 0.000,
    "forms_differ": -6.156,
    "numbers_differ": -0.263,
    "same_letters": 4.435,
    "native_differs": -23.712,
    "acronym": 6.525,
    "nothing_left": -0.001,
    "short_change": 4.713,
}
INTERCEPT = -6.730
