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
    "agreement": 6.065,
    "closeness": -1.236,
    "loosest_word": -7.754,
    "changed_words": 1.086,
    "contradiction": -2.544,
    "omission": 3.148,
    "unsupported": -4.820,
    "lone_word": -0.246,
    "initials": 3.239,
    "initials_only": 0.000,
    "forms_differ": -6.129,
    "numbers_differ": 0.135,
    "same_letters": 4.969,
    "native_differs": -23.630,
    "acronym": 11.995,
    "nothing_left": 1.335,
    "short_change": -1.406,
    "certainty": -0.778,
    "edit_share": -6.614,
    "short_changes": 1.326,
}
"""Weights of `compare_names` and of organisations and vessels."""
NAMES_INTERCEPT = -5.425
SEARCH: dict[str, float] = {
    "agreement": 9.972,
    "closeness": 10.434,
    "loosest_word": -6.718,
    "changed_words": 1.437,
    "contradiction": -2.734,
    "omission": -0.822,
    "unsupported": -3.641,
    "lone_word": 0.166,
    "initials": 2.207,
    "initials_only": 5.198,
    "forms_differ": 0.000,
    "numbers_differ": 0.000,
    "same_letters": 10.977,
    "native_differs": 0.000,
    "acronym": 0.000,
    "nothing_left": 0.000,
    "short_change": 9.619,
    "certainty": 0.754,
    "edit_share": -14.799,
    "short_changes": -2.370,
}
"""Weights of a person found in an index."""
SEARCH_INTERCEPT = -22.309
