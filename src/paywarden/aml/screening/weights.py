"""What each feature is worth: logistic weights, learned offline and readable.

Two questions, two sets. `NAMES` answers whether two names that somebody holds beside each other
are of one party, and stands behind `compare_names`: learned from the labelled pairs of
opensanctions/nomenklatura name_bench (MIT). `SEARCH` answers whether the best find among tens of
thousands of listed persons is the one asked for, where chance likeness is common: learned from
distorted listed names (OFAC, UN, EU) and from made-up clean names (opensanctions/yente, MIT).
Source: `bench/screening_fit.py`, ridge logistic regression. Features that never differed have 0.
"""

from __future__ import annotations

NAMES: dict[str, float] = {
    "agreement": 6.805,
    "closeness": 0.000,
    "loosest_word": -7.665,
    "changed_words": 1.216,
    "contradiction": -2.619,
    "omission": 3.278,
    "unsupported": -4.863,
    "lone_word": 0.166,
    "initials": 3.456,
    "initials_only": 0.000,
    "forms_differ": -6.087,
    "numbers_differ": 0.231,
    "same_letters": 4.956,
    "native_differs": -23.500,
    "acronym": 8.056,
    "nothing_left": 0.000,
    "short_change": 2.209,
    "certainty": -0.712,
    "edit_share": -4.825,
    "short_changes": 0.920,
}
"""Weights of `compare_names` and of organisations and vessels."""
NAMES_INTERCEPT = -7.617
SEARCH: dict[str, float] = {
    "agreement": 8.558,
    "closeness": 11.528,
    "loosest_word": -5.743,
    "changed_words": 1.338,
    "contradiction": -3.374,
    "omission": -1.150,
    "unsupported": -3.514,
    "lone_word": -0.206,
    "initials": 2.402,
    "initials_only": 4.493,
    "forms_differ": 0.000,
    "numbers_differ": 0.000,
    "same_letters": 10.485,
    "native_differs": 0.000,
    "acronym": 0.000,
    "nothing_left": 0.000,
    "short_change": 10.150,
    "certainty": 0.862,
    "edit_share": -14.248,
    "short_changes": -2.457,
}
"""Weights of a person found in an index."""
SEARCH_INTERCEPT = -21.816
