"""What each feature is worth: logistic weights, learned offline and readable.

Two questions, two sets. `NAMES` answers whether two names that somebody holds beside each other
are of one party, and stands behind `compare_names`: learned from the labelled pairs of
opensanctions/nomenklatura name_bench (MIT). `SEARCH` answers whether the best find among tens of
thousands of listed persons is the one asked for, where chance likeness is common: learned from
distorted listed names (OFAC, UN, EU) and from made-up clean names (opensanctions/yente, MIT).
Source: ridge logistic regression as in `bench/screening_fit.py`, over another mix of the same
kinds of names than it draws: running it gives like weights, not these. Features that never
differed have 0.
"""

from __future__ import annotations

NAMES: dict[str, float] = {
    "agreement": 6.396,
    "closeness": -3.031,
    "loosest_word": -7.869,
    "changed_words": 0.782,
    "contradiction": -2.355,
    "omission": 3.479,
    "unsupported": -6.115,
    "lone_word": 0.314,
    "initials": 3.334,
    "initials_only": 0.000,
    "forms_differ": -6.212,
    "numbers_differ": 0.071,
    "same_letters": 5.411,
    "native_differs": -23.484,
    "acronym": 10.587,
    "nothing_left": 1.100,
    "short_change": -1.507,
    "certainty": -0.732,
    "edit_share": -4.866,
    "short_changes": 1.400,
    "common_only": 0.646,
    "inner_omission": 0.578,
}
"""Weights of `compare_names` and of organisations and vessels."""
NAMES_INTERCEPT = -4.512
SEARCH: dict[str, float] = {
    "agreement": 10.048,
    "closeness": 8.643,
    "loosest_word": -8.683,
    "changed_words": 1.689,
    "contradiction": -3.402,
    "omission": -1.066,
    "unsupported": -3.056,
    "lone_word": -0.238,
    "initials": 1.023,
    "initials_only": 6.017,
    "forms_differ": 0.000,
    "numbers_differ": 0.000,
    "same_letters": 10.167,
    "native_differs": 0.000,
    "acronym": 0.000,
    "nothing_left": 0.000,
    "short_change": 6.260,
    "certainty": 0.445,
    "edit_share": -17.710,
    "short_changes": -1.009,
    "common_only": -0.952,
    "inner_omission": -0.593,
}
"""Weights of a person found in an index."""
SEARCH_INTERCEPT = -18.672
