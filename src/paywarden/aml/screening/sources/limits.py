"""Limits on what a list may hold, above what published lists of 2026 need by a factor of five."""

from __future__ import annotations

from typing import Final

FILES_LIMIT: Final = 1_000
DEPTH_LIMIT: Final = 4
"""Folders below the given one."""
MEMBERS_LIMIT: Final = 100
"""Files in one zip archive."""
STORED_LIMIT_OCTETS: Final = 1 << 30
UNPACKED_LIMIT_OCTETS: Final = 4 << 30
RATIO_LIMIT: Final = 150
"""Unpacked to packed octets; lists in XML reach 25."""
RATIO_FREE_OCTETS: Final = 16 << 20
"""Below this much unpacked, the ratio says nothing."""
HEAD_OCTETS: Final = 1 << 16
"""Octets looked at to recognise a format."""
LINE_LIMIT_OCTETS: Final = 16 << 20
DOCUMENT_LIMIT_OCTETS: Final = 256 << 20
"""Formats that can only be read whole (a JSON array)."""
ENTITIES_LIMIT: Final = 5_000_000
NAMES_LIMIT: Final = 2_000
"""Names of one entity."""
PARTS_LIMIT: Final = 2_000
"""Identifiers, dates, countries or programs of one entity."""
NAME_LIMIT: Final = 1_000
"""Characters of one name."""
REMARKS_LIMIT: Final = 4_000
XML_DEPTH_LIMIT: Final = 64
NOTES_LIMIT: Final = 20
