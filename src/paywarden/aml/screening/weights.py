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
    "agreement": 5.930,
    "closeness": -3.215,
    "loosest_word": -8.507,
    "changed_words": 0.833,
    "contradiction": -2.373,
    "omission": 3.327,
    "unsupported": -5.408,
    "lone_word": 0.058,
    "initials": 3.228,
    "initials_only": 0.000,
    "forms_differ": -6.082,
    "numbers_differ": 0.051,
    "same_letters": 5.191,
    "native_differs": -23.460,
    "acronym": 10.904,
    "nothing_left": 1.149,
    "short_change": -1.216,
    "certainty": -0.740,
    "edit_share": -4.528,
    "short_changes": 1.365,
}
"""Weights of `compare_names` and of organisations and vessels."""
NAMES_INTERCEPT = -3.649
SEARCH: dict[str, float] = {
    "agreement": 11.760,
    "closeness": 8.101,
    "loosest_word": -7.899,
    "changed_words": 1.764,
    "contradiction": -2.548,
    "omission": -0.616,
    "unsupported": -3.568,
    "lone_word": 0.348,
    "initials": 1.739,
    "initials_only": 6.012,
    "forms_differ": 0.000,
    "numbers_differ": 0.000,
    "same_letters": 10.647,
    "native_differs": -0.110,
    "acronym": 0.000,
    "nothing_left": 0.000,
    "short_change": 5.463,
    "certainty": 0.846,
    "edit_share": -16.261,
    "short_changes": -0.787,
}
"""Weights of a person found in an index."""
SEARCH_INTERCEPT = -21.413
