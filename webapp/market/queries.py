"""What the open pages read: the starter list, and how the sources of prices are doing."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import func, select

from config import Config
from webapp.extensions import db
from webapp.models import InstrumentRow, ProviderCall, ProviderState

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


def starter_ids() -> list[int]:
    """Return the instruments of the list that everybody sees, by symbol."""
    return list(db.session.scalars(
        select(InstrumentRow.id).where(InstrumentRow.starter).order_by(InstrumentRow.symbol, InstrumentRow.mic)))


def active_source(settings: Config, now: dt.datetime) -> Source:
    """Return the provider that the settings choose, with its calls of the last 24 hours."""
    name, title, limit = (("simulator", "Simulator", None) if settings.simulated else
                          ("alpha-vantage", "Alpha Vantage", settings.ALPHA_VANTAGE_CALLS_PER_DAY or None))
    recent = (ProviderCall.provider == name, ProviderCall.started_at > now - A_DAY)
    used, oldest = db.session.execute(select(func.count(), func.min(ProviderCall.started_at)).where(*recent)).one()
    spent = limit is not None and used >= limit
    return Source(title, settings.simulated, used, limit, oldest + A_DAY if spent and oldest else None,
                  db.session.get(ProviderState, name))
