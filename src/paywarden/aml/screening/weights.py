"""What each feature is worth: logistic weights, learned offline and readable.

Two questions, two sets. `NAMES` answers whether two names that somebody holds beside each other
are of one party, and stands behind `compare_names`; organisations and vessels use it too. `SEARCH`
answers whether the best find among tens of thousands of listed persons is the one asked for, where
chance likeness is common. Written by `bench/screening_fit.py`, not by hand: from labelled pairs and
clean names (opensanctions/nomenklatura and yente, MIT), from OFAC's lists (work of the US
government) and from distortions of those. A feature of 0 never differed or wanted another sign.
"""

from __future__ import annotations

MATERIAL = "caff464d0398c9809c9b308b0422e24526c5dcce8afd493207d5bbf4f841ce54"
"""SHA-256 over the material."""
NAMES: dict[str, float] = {
    "agreement": 1.207,
    "loosest_word": -5.766,
    "contradiction": -1.945,
    "omission": 0.000,
    "unsupported": -0.585,
    "lone_word": -0.339,
    "initials": 2.281,
    "initials_only": 2.504,
    "forms_differ": -5.625,
    "numbers_differ": -2.191,
    "same_letters": 3.622,
    "native_differs": -15.898,
    "acronym": 14.481,
    "edit_share": 0.000,
    "common_only": 0.000,
    "inner_omission": 0.509,
    "known_apart": -0.254,
    "strangers": -2.056,
    "reversed_lineage": -5.651,
    "evidence": 0.000,
    "thin_evidence": -0.494,
}
"""Weights of `compare_names`."""
NAMES_INTERCEPT = -1.712
SEARCH: dict[str, float] = {
    "agreement": 2.743,
    "loosest_word": -2.312,
    "contradiction": -3.752,
    "omission": -1.138,
    "unsupported": 0.000,
    "lone_word": -0.635,
    "initials": 3.496,
    "initials_only": -0.021,
    "forms_differ": 0.000,
    "numbers_differ": 0.000,
    "same_letters": 14.809,
    "native_differs": 0.000,
    "acronym": 0.000,
    "edit_share": -22.534,
    "common_only": -0.952,
    "inner_omission": 0.479,
    "known_apart": 0.000,
    "strangers": -0.643,
    "reversed_lineage": 0.000,
    "evidence": 1.813,
    "thin_evidence": 0.000,
    "asked_over": -2.476,
    "asked_common": -4.390,
    "syllables_over": -5.335,
}
"""Weights of a person found in an index."""
SEARCH_INTERCEPT = -9.749
