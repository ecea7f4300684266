"""What machines read: quotes by symbol."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from webapp.instruments import Ambiguous, Found, Unknown, resolve_all


def sort_out(texts: Sequence[str]) -> tuple[list[int], list[dict[str, Any]]]:
    """Return the instruments that the texts name without doubt, and for each other text why it names none."""
    ids: dict[int, None] = {}
    errors: list[dict[str, Any]] = []
    for text, answer in zip(texts, resolve_all(texts), strict=True):
        match answer:
            case Found(instrument):
                ids[instrument.id] = None
            case Ambiguous(candidates):
                errors.append({"symbol": text, "error": "ambiguous", "candidates": [one.key for one in candidates]})
            case Unknown():
                errors.append({"symbol": text, "error": "unknown"})
    return list(ids), errors
