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
    "agreement": 1.204,
    "loosest_word": -5.761,
    "contradiction": -1.945,
    "omission": 0.000,
    "unsupported": -0.581,
    "lone_word": -0.339,
    "initials": 2.283,
    "initials_only": 2.502,
    "forms_differ": -5.626,
    "numbers_differ": -2.191,
    "same_letters": 3.629,
    "native_differs": -15.898,
    "acronym": 14.475,
    "edit_share": 0.000,
    "common_only": 0.000,
    "inner_omission": 0.509,
    "known_apart": -0.254,
    "strangers": -2.056,
    "reversed_lineage": -5.651,
    "evidence": 0.000,
    "thin_evidence": -0.493,
}
"""Weights of `compare_names`."""
NAMES_INTERCEPT = -1.716
PERSONS: dict[str, float] = {
    "agreement": 4.389,
    "loosest_word": -2.183,
    "contradiction": -3.559,
    "omission": -1.093,
    "unsupported": 0.000,
    "lone_word": -0.623,
    "initials": 3.239,
    "initials_only": 0.223,
    "forms_differ": 0.000,
    "numbers_differ": 0.000,
    "same_letters": 16.329,
    "native_differs": 0.000,
    "acronym": 0.000,
    "edit_share": -21.461,
    "common_only": -1.056,
    "inner_omission": 0.538,
    "known_apart": 0.000,
    "strangers": -0.725,
    "reversed_lineage": 0.000,
    "evidence": 1.646,
    "thin_evidence": 0.000,
    "asked_over": -2.527,
    "asked_common": -4.507,
    "syllables_over": -5.531,
}
"""Weights of a find: person."""
PERSONS_INTERCEPT = -11.504
ORGANISATIONS: dict[str, float] = {
    "agreement": 0.000,
    "loosest_word": 0.000,
    "contradiction": -3.288,
    "omission": -1.919,
    "unsupported": 0.000,
    "lone_word": 0.000,
    "initials": 0.000,
    "initials_only": 2.334,
    "forms_differ": -1.935,
    "numbers_differ": -10.756,
    "same_letters": 6.563,
    "native_differs": 0.000,
    "acronym": 0.000,
    "edit_share": -9.554,
    "common_only": -0.785,
    "inner_omission": 0.000,
    "known_apart": -0.585,
    "strangers": -1.578,
    "reversed_lineage": 0.000,
    "evidence": 1.103,
    "thin_evidence": 0.000,
    "asked_over": 0.000,
    "asked_common": -2.614,
    "syllables_over": 0.000,
}
"""Weights of a find: organisation."""
ORGANISATIONS_INTERCEPT = -3.174
VESSELS: dict[str, float] = {
    "agreement": 1.158,
    "loosest_word": -2.618,
    "contradiction": 0.000,
    "omission": -4.632,
    "unsupported": 0.000,
    "lone_word": 0.000,
    "initials": 0.000,
    "initials_only": 7.315,
    "forms_differ": 0.000,
    "numbers_differ": -8.512,
    "same_letters": 12.867,
    "native_differs": 0.000,
    "acronym": 0.000,
    "edit_share": -13.467,
    "common_only": 0.000,
    "inner_omission": 1.865,
    "known_apart": 0.000,
    "strangers": 0.000,
    "reversed_lineage": 0.000,
    "evidence": 0.000,
    "thin_evidence": 0.000,
    "asked_over": -1.788,
    "asked_common": -1.480,
    "syllables_over": 0.000,
}
"""Weights of a find: vessel."""
VESSELS_INTERCEPT = -6.717
