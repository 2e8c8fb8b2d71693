"""The image of a store: all that it knows as arrays, from which an equal store goes on."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy.typing as npt

Image: TypeAlias = tuple[npt.NDArray[Any], ...]
"""Arrays in an order that the store knows; numbers are in an array of their own."""
