"""What each feature is worth: logistic weights, learned offline and readable.

Two questions, two sets. `NAMES` answers whether two names that somebody holds beside each other
are of one party, and stands behind `compare_names`. `PERSONS`, `ORGANISATIONS` and `VESSELS` answer
whether a find among tens of thousands of listed names is the one asked for, where chance likeness
is common. Written by `bench/screening_fit.py`, not by hand: from labelled pairs and
clean names (opensanctions/nomenklatura and yente, MIT), from OFAC's lists (work of the US
government) and from distortions of those. A feature of 0 never differed or wanted another sign.
"""

from __future__ import annotations

MATERIAL = "caff464d0398c9809c9b308b0422e24526c5dcce8afd493207d5bbf4f841ce54"
"""SHA-256 over the material."""
NAMES: dict[str, float] = {
    "agreement": 1.305,
    "loosest_word": -5.762,
    "contradiction": -1.916,
    "omission": 0.000,
    "unsupported": -0.495,
    "lone_word": -0.315,
    "initials": 2.198,
    "initials_only": 0.000,
    "forms_differ": -5.651,
    "numbers_differ": -2.577,
    "same_letters": 3.611,
    "native_differs": -16.274,
    "acronym": 14.482,
    "edit_share": 0.000,
    "common_only": 0.000,
    "inner_omission": 0.519,
    "known_apart": -0.387,
    "strangers": -2.045,
    "reversed_lineage": -5.815,
    "evidence": 0.000,
    "thin_evidence": -0.461,
}
"""Weights of `compare_names`."""
NAMES_INTERCEPT = -1.820
PERSONS: dict[str, float] = {
    "agreement": 4.414,
    "loosest_word": -2.231,
    "contradiction": -3.547,
    "omission": -1.088,
    "unsupported": 0.000,
    "lone_word": -0.622,
    "initials": 3.167,
    "initials_only": 0.253,
    "forms_differ": 0.000,
    "numbers_differ": 0.000,
    "same_letters": 16.333,
    "native_differs": 0.000,
    "acronym": 0.000,
    "edit_share": -21.349,
    "common_only": -1.054,
    "inner_omission": 0.537,
    "known_apart": 0.000,
    "strangers": -0.733,
    "reversed_lineage": 0.000,
    "evidence": 1.647,
    "thin_evidence": 0.000,
    "asked_over": -2.527,
    "asked_common": -4.506,
    "syllables_over": -5.539,
}
"""Weights of a find: person."""
PERSONS_INTERCEPT = -11.532
ORGANISATIONS: dict[str, float] = {
    "agreement": 0.000,
    "loosest_word": -1.424,
    "contradiction": -3.407,
    "omission": -1.896,
    "unsupported": 0.000,
    "lone_word": 0.000,
    "initials": 0.000,
    "initials_only": 3.854,
    "forms_differ": -1.757,
    "numbers_differ": -10.582,
    "same_letters": 7.969,
    "native_differs": 0.000,
    "acronym": 0.000,
    "edit_share": -7.643,
    "common_only": -0.826,
    "inner_omission": 0.000,
    "known_apart": -0.448,
    "strangers": -1.909,
    "reversed_lineage": 0.000,
    "evidence": 1.125,
    "thin_evidence": 0.000,
    "asked_over": 0.000,
    "asked_common": -2.438,
    "syllables_over": 0.000,
}
"""Weights of a find: organisation."""
ORGANISATIONS_INTERCEPT = -4.447
VESSELS: dict[str, float] = {
    "agreement": 3.843,
    "loosest_word": -5.213,
    "contradiction": 0.000,
    "omission": -4.932,
    "unsupported": 0.000,
    "lone_word": 0.000,
    "initials": 0.814,
    "initials_only": 8.924,
    "forms_differ": 0.000,
    "numbers_differ": -8.637,
    "same_letters": 10.984,
    "native_differs": 0.000,
    "acronym": 0.000,
    "edit_share": -10.432,
    "common_only": 0.000,
    "inner_omission": 3.851,
    "known_apart": 0.000,
    "strangers": 0.000,
    "reversed_lineage": 0.000,
    "evidence": 0.000,
    "thin_evidence": 0.000,
    "asked_over": -1.399,
    "asked_common": -1.476,
    "syllables_over": 0.000,
}
"""Weights of a find: vessel."""
VESSELS_INTERCEPT = -7.602
