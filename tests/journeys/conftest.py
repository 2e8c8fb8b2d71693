"""Fixtures of the journeys: `server` (each kind in turn) and `granian`."""

from __future__ import annotations

from test_support_api import granian, server

__all__ = ["granian", "server"]
