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
    "agreement": 0.667,
    "loosest_word": -6.102,
    "contradiction": -1.695,
    "omission": 0.000,
    "unsupported": -0.740,
    "lone_word": -0.376,
    "initials": 2.078,
    "initials_only": -0.053,
    "forms_differ": -5.518,
    "numbers_differ": -1.546,
    "same_letters": 3.724,
    "native_differs": -16.017,
    "acronym": 14.588,
    "edit_share": 0.000,
    "common_only": 0.000,
    "inner_omission": 0.449,
    "known_apart": -0.035,
    "strangers": -2.578,
    "reversed_lineage": -5.578,
    "evidence": 0.000,
    "thin_evidence": -0.564,
}
"""Weights of `compare_names`."""
NAMES_INTERCEPT = -1.206
SEARCH: dict[str, float] = {
    "agreement": 4.671,
    "loosest_word": -2.627,
    "contradiction": -4.647,
    "omission": -0.205,
    "unsupported": 0.000,
    "lone_word": -0.638,
    "initials": 4.111,
    "initials_only": 0.549,
    "forms_differ": 0.000,
    "numbers_differ": 0.000,
    "same_letters": 15.942,
    "native_differs": 0.000,
    "acronym": 0.000,
    "edit_share": -14.094,
    "common_only": -1.305,
    "inner_omission": 0.417,
    "known_apart": 0.000,
    "strangers": -0.051,
    "reversed_lineage": 0.000,
    "evidence": 1.373,
    "thin_evidence": 0.000,
    "asked_over": -2.300,
    "asked_common": -4.694,
}
"""Weights of a person found in an index."""
SEARCH_INTERCEPT = -12.201
