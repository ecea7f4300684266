"""What the open pages and machines read: quotes by symbol, and how the source of prices is doing."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select

from config import Config
from webapp.extensions import db
from webapp.filters import source_title
from webapp.instruments import Ambiguous, Found, Unknown, resolve_all
from webapp.models import ProviderCall, ProviderState

A_DAY = dt.timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Source:
    """One provider as the page shows it. `left` is None where there is no daily limit.

    `next_call_at` is when the oldest of the counted calls drops out, where none is left.
    """

    name: str
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


def active_sources(settings: Config, now: dt.datetime) -> list[Source]:
    """Return the providers that the settings choose, in their order, with their calls of the last 24 hours."""
    names = settings.vendors or ("simulator",)
    calls = {name: (used, oldest) for name, used, oldest in db.session.execute(
        select(ProviderCall.provider, func.count(), func.min(ProviderCall.started_at))
        .where(ProviderCall.started_at > now - A_DAY).group_by(ProviderCall.provider))}
    states = {state.provider: state for state in db.session.scalars(select(ProviderState))}
    found = []
    for name in names:
        used, oldest = calls.get(name, (0, None))
        limit = settings.calls_per_day(name)
        next_call_at = oldest + A_DAY if limit is not None and used >= limit and oldest else None
        found.append(Source(name, source_title(name), settings.simulated, used, limit, next_call_at, states.get(name)))
    return found
