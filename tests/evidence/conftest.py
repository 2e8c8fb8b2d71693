"""Fixtures: `home` is a folder with an empty log, `room` that log, open."""

from __future__ import annotations

from evidence_room import empty_log, home, room

__all__ = ["empty_log", "home", "room"]
