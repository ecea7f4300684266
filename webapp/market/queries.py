"""What the open pages and machines read: quotes by symbol, and how the source of prices is doing."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select

from config import Config
from webapp.extensions import db
from webapp.instruments import Ambiguous, Found, Unknown, resolve_all
from webapp.models import ProviderCall, ProviderState

A_DAY = dt.timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Source:
    """One provider as the page shows it. `left` is None where there is no daily limit.

    `next_call_at` is when the oldest of the counted calls drops out, where none is left.
    """

    title: str
    simulated: bool
    used: int
    limit: int | None
    next_call_at: dt.datetime | None
    state: ProviderState | None

    @property
    def left(self) -> int | None:
        """Return how many calls remain of the last 24 hours' allowance."""
        return None if self.limit is None else max(0, self.limit - self.used)

    def paused_at(self, now: dt.datetime) -> bool:
        """Tell whether the provider is left alone at `now`, because it said so or its limit is reached."""
        return bool(self.state and self.state.paused_until and self.state.paused_until > now)


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


def active_source(settings: Config, now: dt.datetime) -> Source:
    """Return the provider that the settings choose, with its calls of the last 24 hours."""
    name, title, limit = (("simulator", "Simulator", None) if settings.simulated else
                          ("alpha-vantage", "Alpha Vantage", settings.ALPHA_VANTAGE_CALLS_PER_DAY or None))
    recent = (ProviderCall.provider == name, ProviderCall.started_at > now - A_DAY)
    used, oldest = db.session.execute(select(func.count(), func.min(ProviderCall.started_at)).where(*recent)).one()
    spent = limit is not None and used >= limit
    return Source(title, settings.simulated, used, limit, oldest + A_DAY if spent and oldest else None,
                  db.session.get(ProviderState, name))
