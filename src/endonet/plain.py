"""Results as plain JSON: numbers are JSON numbers, and what JSON cannot say (infinity, not-a-number) is null."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any


def plain(value: Any) -> Any:
    """Return ``value`` made of dicts, lists, strings, finite numbers, booleans and None only."""
    if value is None or isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): plain(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(entry) for entry in value]
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    return str(value)


def to_json(value: Any) -> str:
    """Return ``value`` as one line of JSON."""
    return json.dumps(plain(value), ensure_ascii=False, allow_nan=False)
