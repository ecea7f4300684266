"""Past prices: the bars of each source as it sent them, what was found wrong with them, and how they came."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from webapp.extensions import Model
from webapp.models.market import BigCounter
from webapp.models.types import ExactDecimal, UtcDateTime

DAY, MINUTE = "1d", "1m"


class BarSeries(Model):
    """The bars of one instrument from one source, as that source sent them, in the instrument's currency.

    `interval` is "1d" or "1m". `adjusted` is an `Adjustment`: what the source had divided its prices by; `basis_day` is
    the day up to which it had done so (prices are in that day's shares), None where they are as traded. `changed_at` is
    when a bar last came, changed or went; `fetched_at` when the source was last asked, whether it had anything new.
    """

    __tablename__ = "bar_series"
    __table_args__ = (UniqueConstraint("instrument_id", "interval", "source"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    instrument_id: Mapped[int] = mapped_column(ForeignKey("instruments.id", ondelete="CASCADE"))
    interval: Mapped[str] = mapped_column(String(2))
    source: Mapped[str] = mapped_column(String(32))
    adjusted: Mapped[str] = mapped_column(String(24))
    basis_day: Mapped[dt.date | None]
    first_day: Mapped[dt.date | None]
    last_day: Mapped[dt.date | None]
    bars: Mapped[int] = mapped_column(default=0)
    fetched_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)
    changed_at: Mapped[dt.datetime] = mapped_column(UtcDateTime, index=True)


class BarChunk(Model):
    """A year of a series' bars (a day of them, where they are of a minute), packed by `webapp.bars.codec`.

    `start` is the year's first of January, or the day.
    """

    __tablename__ = "bar_chunks"

    series_id: Mapped[int] = mapped_column(ForeignKey("bar_series.id", ondelete="CASCADE"), primary_key=True)
    start: Mapped[dt.date] = mapped_column(primary_key=True)
    bars: Mapped[int]
    data: Mapped[bytes] = mapped_column(LargeBinary)


class DividendRow(Model):
    """Who buys from `day` (the ex-date) on does not get `amount` a share, in the currency and in that day's shares."""

    __tablename__ = "dividends"

    instrument_id: Mapped[int] = mapped_column(ForeignKey("instruments.id", ondelete="CASCADE"), primary_key=True)
    day: Mapped[dt.date] = mapped_column(primary_key=True)
    source: Mapped[str] = mapped_column(String(32), primary_key=True)
    amount: Mapped[Decimal] = mapped_column(ExactDecimal)
    known_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)


class TradingYear(Model):
    """On which days of a year an exchange was open; `days` are numbers of days in the year, from 1, ascending."""

    __tablename__ = "trading_years"

    mic: Mapped[str] = mapped_column(String(4), primary_key=True)
    year: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    days: Mapped[list[int]] = mapped_column(JSON)


class BarFault(StrEnum):
    """What was found odd in a series."""

    GAP = "gap"
    DUPLICATE = "duplicate"
    NO_SESSION = "no session"
    ORDER = "order"
    OUTLIER = "outlier"
    SPLIT = "possible split"
    NO_VOLUME = "no volume"


class FaultState(StrEnum):
    """What became of a finding."""

    OPEN = "open"
    EXPLAINED = "explained"
    REPAIRED = "repaired"


class BarFinding(Model):
    """Something odd in a series, from `day` to `last_day`; `detail` says what, in words fit for a page.

    `settled_by` is a person's address, or "" where a later import or event settled it; `note` is that person's reason.
    """

    __tablename__ = "bar_findings"
    __table_args__ = (UniqueConstraint("series_id", "kind", "day"), Index("ix_bar_findings_state", "state", "day"))

    id: Mapped[int] = mapped_column(BigCounter, primary_key=True)
    series_id: Mapped[int] = mapped_column(ForeignKey("bar_series.id", ondelete="CASCADE"))
    kind: Mapped[str] = mapped_column(String(16))
    day: Mapped[dt.date]
    last_day: Mapped[dt.date]
    detail: Mapped[str] = mapped_column(String(300))
    state: Mapped[str] = mapped_column(String(10), default=FaultState.OPEN.value)
    found_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)
    settled_at: Mapped[dt.datetime | None] = mapped_column(UtcDateTime)
    settled_by: Mapped[str] = mapped_column(String(254), default="")
    note: Mapped[str] = mapped_column(String(300), default="")


class BarRepair(Model):
    """A bar that a person set right: the original, kept for ever, and what stands in its place; None is no bar.

    Both map open, high, low, close (decimals as text) and volume. An import never undoes it.
    """

    __tablename__ = "bar_repairs"
    __table_args__ = (Index("ix_bar_repairs_series_id", "series_id", "day"),)

    id: Mapped[int] = mapped_column(BigCounter, primary_key=True)
    series_id: Mapped[int] = mapped_column(ForeignKey("bar_series.id", ondelete="CASCADE"))
    finding_id: Mapped[int | None] = mapped_column(ForeignKey("bar_findings.id", ondelete="SET NULL"))
    day: Mapped[dt.date]
    original: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    repaired: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    repaired_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)
    repaired_by: Mapped[str] = mapped_column(String(254))


class RunState(StrEnum):
    """How far an ingestion run has come."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    REFUSED = "refused"
    FAILED = "failed"
    SKIPPED = "skipped"


class IngestRun(Model):
    """One try to get bars, from a file or a provider: what came of it, why not, and how long it took.

    `source` is a provider's short name or the file's format, `subject` the file's name or the instrument's key.
    `done` of `total` are bytes of a file read so far. `added`, `changed` and `unchanged` count bars, `refused` lines;
    `problems` holds up to 50 of those as [line, reason]. `reason` says why it was skipped, refused or failed.
    `options` is what a person said of the file.
    """

    __tablename__ = "ingest_runs"
    __table_args__ = (Index("ix_ingest_runs_started_at", "started_at"),
                      Index("ix_ingest_runs_instrument_id", "instrument_id", "started_at"))

    id: Mapped[int] = mapped_column(BigCounter, primary_key=True)
    kind: Mapped[str] = mapped_column(String(10))
    source: Mapped[str] = mapped_column(String(32), default="")
    subject: Mapped[str] = mapped_column(String(200))
    instrument_id: Mapped[int | None] = mapped_column(ForeignKey("instruments.id", ondelete="CASCADE"))
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    state: Mapped[str] = mapped_column(String(10), default=RunState.WAITING.value)
    started_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)
    finished_at: Mapped[dt.datetime | None] = mapped_column(UtcDateTime)
    done: Mapped[int] = mapped_column(BigInteger, default=0)
    total: Mapped[int] = mapped_column(BigInteger, default=0)
    added: Mapped[int] = mapped_column(default=0)
    changed: Mapped[int] = mapped_column(default=0)
    unchanged: Mapped[int] = mapped_column(default=0)
    refused: Mapped[int] = mapped_column(default=0)
    findings: Mapped[int] = mapped_column(default=0)
    reason: Mapped[str] = mapped_column(String(500), default="")
    problems: Mapped[list[list[Any]] | None] = mapped_column(JSON(none_as_null=True))
    options: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
