"""What the workers did: their runs, the calls to providers and what came of them."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import Index, String
from sqlalchemy.orm import Mapped, mapped_column

from webapp.extensions import Model
from webapp.models.market import BigCounter
from webapp.models.types import UtcDateTime


class ProviderCall(Model):
    """One call to a provider, counted before it is made, so that no crash can forget it."""

    __tablename__ = "provider_calls"
    __table_args__ = (Index("ix_provider_calls_provider_started_at", "provider", "started_at"),)

    id: Mapped[int] = mapped_column(BigCounter, primary_key=True)
    provider: Mapped[str] = mapped_column(String(32))
    started_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)
    subject: Mapped[str] = mapped_column(String(120), default="")
    outcome: Mapped[str] = mapped_column(String(300), default="started")


class ProviderState(Model):
    """How a provider is: paused until when and why, and when it last answered."""

    __tablename__ = "provider_states"

    provider: Mapped[str] = mapped_column(String(32), primary_key=True)
    paused_until: Mapped[dt.datetime | None] = mapped_column(UtcDateTime)
    last_call_at: Mapped[dt.datetime | None] = mapped_column(UtcDateTime)
    last_success_at: Mapped[dt.datetime | None] = mapped_column(UtcDateTime)
    last_error: Mapped[str] = mapped_column(String(300), default="")
    last_error_at: Mapped[dt.datetime | None] = mapped_column(UtcDateTime)


class JobRun(Model):
    """The last run of each periodic job, kept by name: when, how long, how it ended."""

    __tablename__ = "job_runs"

    name: Mapped[str] = mapped_column(String(60), primary_key=True)
    started_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)
    finished_at: Mapped[dt.datetime | None] = mapped_column(UtcDateTime)
    succeeded_at: Mapped[dt.datetime | None] = mapped_column(UtcDateTime)
    outcome: Mapped[str] = mapped_column(String(300), default="")
    failures: Mapped[int] = mapped_column(default=0)
