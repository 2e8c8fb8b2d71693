"""Fixtures of the edge."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from edge_kit import SHOP_KEY, Edge, running_edge


@pytest.fixture
def edge() -> Iterator[Edge]:
    with running_edge() as made:
        yield made


@pytest.fixture
def shop(edge: Edge) -> Iterator[httpx.Client]:
    headers: Any = {"authorization": f"Bearer {SHOP_KEY}"}
    with httpx.Client(base_url=edge.origin, headers=headers, timeout=30) as client:
        yield client
