"""What the workers did: their runs, the calls to providers and what came of them; and what admins changed."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from webapp import clock
from webapp.extensions import Model
from webapp.models.market import BigCounter
from webapp.models.types import UtcDateTime


class ProviderCall(Model):
    """One call to a provider, counted before it is made, so that no crash can forget it.

    `started_at` is when that was, and from its end on that end: the vendor has counted it by then, and not later.
    """

    __tablename__ = "provider_calls"
    __table_args__ = (Index("ix_provider_calls_provider_started_at", "provider", "started_at"),)

    id: Mapped[int] = mapped_column(BigCounter, primary_key=True)
    provider: Mapped[str] = mapped_column(String(32))
    started_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)
    subject: Mapped[str] = mapped_column(String(120), default="")
    outcome: Mapped[str] = mapped_column(String(300), default="started")


class ProviderState(Model):
    """How a provider is: paused until when and why, and when it last answered.

    `stopped_at` is since when an admin lets it make no call at all, None where it may.
    """

    __tablename__ = "provider_states"

    provider: Mapped[str] = mapped_column(String(32), primary_key=True)
    paused_until: Mapped[dt.datetime | None] = mapped_column(UtcDateTime)
    last_call_at: Mapped[dt.datetime | None] = mapped_column(UtcDateTime)
    last_success_at: Mapped[dt.datetime | None] = mapped_column(UtcDateTime)
    last_error: Mapped[str] = mapped_column(String(300), default="")
    last_error_at: Mapped[dt.datetime | None] = mapped_column(UtcDateTime)
    stopped_at: Mapped[dt.datetime | None] = mapped_column(UtcDateTime)


class JobRun(Model):
    """The last run of each periodic job, kept by name: when, how long, how it ended."""

    __tablename__ = "job_runs"

    name: Mapped[str] = mapped_column(String(60), primary_key=True)
    started_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)
    finished_at: Mapped[dt.datetime | None] = mapped_column(UtcDateTime)
    succeeded_at: Mapped[dt.datetime | None] = mapped_column(UtcDateTime)
    outcome: Mapped[str] = mapped_column(String(300), default="")
    failures: Mapped[int] = mapped_column(default=0)


class RefreshPlan(Model):
    """How one stock is refreshed, as the planner last saw it: by whom, how often, when next, and why not sooner.

    `interval_s` is None where no interval can be promised; `streamed` says that trades come over a web socket.
    """

    __tablename__ = "refresh_plans"

    instrument_id: Mapped[int] = mapped_column(ForeignKey("instruments.id", ondelete="CASCADE"), primary_key=True)
    provider: Mapped[str] = mapped_column(String(32), index=True)
    interval_s: Mapped[float | None]
    next_at: Mapped[dt.datetime | None] = mapped_column(UtcDateTime)
    reason: Mapped[str] = mapped_column(String(200), default="")
    weight: Mapped[float] = mapped_column(default=0.0)
    day_range: Mapped[float] = mapped_column(default=0.0)
    streamed: Mapped[bool] = mapped_column(default=False)
    planned_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)


class StreamState(Model):
    """How a vendor's web socket is: `status` in a word (connected, waiting, refused, off), and since when."""

    __tablename__ = "stream_states"

    provider: Mapped[str] = mapped_column(String(32), primary_key=True)
    status: Mapped[str] = mapped_column(String(16))
    since: Mapped[dt.datetime] = mapped_column(UtcDateTime)
    heard_at: Mapped[dt.datetime | None] = mapped_column(UtcDateTime)
    symbols: Mapped[int] = mapped_column(default=0)
    trades: Mapped[int] = mapped_column(BigInteger, default=0)
    last_error: Mapped[str] = mapped_column(String(300), default="")
    last_error_at: Mapped[dt.datetime | None] = mapped_column(UtcDateTime)


class SymbolSearch(Model):
    """A text that providers were asked for, and what came of it; kept so that it is not asked twice."""

    __tablename__ = "symbol_searches"

    text: Mapped[str] = mapped_column(String(60), primary_key=True)
    asked_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)
    answered_at: Mapped[dt.datetime | None] = mapped_column(UtcDateTime)
    provider: Mapped[str] = mapped_column(String(32), default="")
    problem: Mapped[str] = mapped_column(String(300), default="")
    found: Mapped[list[dict[str, Any]] | None] = mapped_column(JSON)


class AuditEntry(Model):
    """A change that an admin made: who (`user_id`, and `who` as it was called then), what, of what, from and to.

    `action` is a word like "user.lock", `subject` what it was done to (an e-mail address, XNAS:AAPL, finnhub).
    `before` and `after` hold the fields that changed, never a secret. `via` is "page", "api" or "shell".
    """

    __tablename__ = "audit_entries"
    __table_args__ = (Index("ix_audit_entries_action", "action"),)

    id: Mapped[int] = mapped_column(BigCounter, primary_key=True)
    at: Mapped[dt.datetime] = mapped_column(UtcDateTime, default=clock.now)
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    who: Mapped[str] = mapped_column(String(254), default="")
    action: Mapped[str] = mapped_column(String(40))
    subject: Mapped[str] = mapped_column(String(254), default="")
    before: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    after: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    via: Mapped[str] = mapped_column(String(8), default="page")


class SiteSetting(Model):
    """What an admin set for the whole place while it runs; what has no row is as the environment says."""

    __tablename__ = "site_settings"

    key: Mapped[str] = mapped_column(String(40), primary_key=True)
    value: Mapped[str] = mapped_column(String(200))
    changed_at: Mapped[dt.datetime] = mapped_column(UtcDateTime, default=clock.now)
