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
    "agreement": 1.246,
    "loosest_word": -6.184,
    "contradiction": -1.996,
    "omission": 0.000,
    "unsupported": -0.469,
    "lone_word": -0.463,
    "initials": 2.230,
    "initials_only": 1.821,
    "forms_differ": -5.490,
    "numbers_differ": -1.833,
    "same_letters": 3.624,
    "native_differs": -16.210,
    "acronym": 14.525,
    "edit_share": 0.000,
    "common_only": 0.000,
    "inner_omission": 0.406,
    "known_apart": -0.729,
    "strangers": -2.086,
    "reversed_lineage": -5.778,
    "evidence": 0.000,
    "thin_evidence": -0.422,
}
"""Weights of `compare_names`."""
NAMES_INTERCEPT = -1.674
SEARCH: dict[str, float] = {
    "agreement": 2.116,
    "loosest_word": -2.820,
    "contradiction": -3.776,
    "omission": -0.779,
    "unsupported": 0.000,
    "lone_word": -0.677,
    "initials": 3.843,
    "initials_only": 0.628,
    "forms_differ": 0.000,
    "numbers_differ": 0.000,
    "same_letters": 16.328,
    "native_differs": 0.000,
    "acronym": 0.000,
    "edit_share": -17.593,
    "common_only": -1.173,
    "inner_omission": 0.545,
    "known_apart": 0.000,
    "strangers": -0.686,
    "reversed_lineage": 0.000,
    "evidence": 1.708,
    "thin_evidence": 0.000,
    "asked_over": -2.388,
    "asked_common": -4.664,
    "syllables_over": -5.423,
}
"""Weights of a person found in an index."""
SEARCH_INTERCEPT = -10.295
