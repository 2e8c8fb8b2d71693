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
    "agreement": 6.858,
    "closeness": 1.019,
    "loosest_word": -5.764,
    "changed_words": 0.626,
    "contradiction": -2.803,
    "omission": 3.274,
    "unsupported": -5.450,
    "lone_word": 0.191,
    "initials": 3.255,
    "initials_only": 0.000,
    "forms_differ": -6.137,
    "numbers_differ": 0.198,
    "same_letters": 4.338,
    "native_differs": -23.512,
    "acronym": 8.348,
    "nothing_left": 0.000,
    "short_change": 1.804,
    "certainty": -0.732,
    "edit_share": -5.281,
    "short_changes": 0.927,
}
"""Weights of `compare_names` and of organisations and vessels."""
NAMES_INTERCEPT = -7.917
SEARCH: dict[str, float] = {
    "agreement": 9.822,
    "closeness": 8.300,
    "loosest_word": -5.581,
    "changed_words": 1.622,
    "contradiction": -2.921,
    "omission": -0.164,
    "unsupported": -3.066,
    "lone_word": 0.448,
    "initials": 2.531,
    "initials_only": 0.000,
    "forms_differ": 0.000,
    "numbers_differ": 0.000,
    "same_letters": 12.732,
    "native_differs": 0.000,
    "acronym": 0.000,
    "nothing_left": 0.000,
    "short_change": 7.801,
    "certainty": 0.716,
    "edit_share": -12.151,
    "short_changes": -2.383,
}
"""Weights of a person found in an index."""
SEARCH_INTERCEPT = -21.979
