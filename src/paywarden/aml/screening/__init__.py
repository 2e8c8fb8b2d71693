"""Screening: lists of sanctioned parties, and names held against them.

The one name handed on here, `compare_names`, is promised to integrators under this path (the
contract of the Python interface); everything else is imported from the module that holds it.
"""

from paywarden.aml.screening.comparison import compare_names as compare_names
