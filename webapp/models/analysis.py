"""What the nightly analysis found: where every stock stands, week by week, and how many stand where."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import BigInteger, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from webapp import clock
from webapp.extensions import Model
from webapp.models.types import UtcDateTime


class Snapshot(Model):
    """Where an instrument stands by its completed weeks and days; the definitions are in docs/stages.md.

    All prices are in the currency and in the shares of `day`, the last session read; `week` is the Friday of the last
    completed week. `stage` (1 to 4) is None before there are 34 weeks; it holds since the week `since`, `weeks` long.
    `average` is the 30-week average, `slope` its change over 4 weeks in percent. What the running week's provisional
    stage follows from: `candidate` and `trend` (the last confirmed 2 or 4) of `week`, `closes_29` (the sum of the last
    29 weekly closes) and `average_3` (the average three weeks before `week`).

    `mansfield` is against `benchmark` (its key), `strength` the weighted return, `rs` its percentile 1 to 99; `rated`
    says that the universe has 500 or more, so that it may be called a rating. `from_high` and `from_average` are the
    last close against the 52-week high and the 30-week average, in percent. `relative_volume` is the last session's
    volume against the mean of the 50 before it, `week_volume` the last week's against the mean of the four before.
    `template` has a bit for each of its eight conditions that is met, None where one cannot be told.
    `breakout` is the week of the newest breakout, `base_high` what it had to exceed, `evidence` a bit each for
    the close, the average and the volume.
    `path` holds 52 weekly closes for the sparkline, as text with commas.

    `inputs_at` is when the newest of the bars and splits read was stored, `weeks_at` when a completed week came or
    changed last; `weeks_digest` is a digest of all of them, so that a change of the past is noticed.
    """

    __tablename__ = "snapshots"
    __table_args__ = (Index("ix_snapshots_stage", "stage", "weeks"), Index("ix_snapshots_rs", "rs"))

    instrument_id: Mapped[int] = mapped_column(ForeignKey("instruments.id", ondelete="CASCADE"), primary_key=True)
    day: Mapped[dt.date]
    week: Mapped[dt.date | None]
    close: Mapped[float]
    stage: Mapped[int | None]
    since: Mapped[dt.date | None]
    weeks: Mapped[int] = mapped_column(default=0)
    previous_stage: Mapped[int | None]
    candidate: Mapped[int | None]
    trend: Mapped[int | None]
    closes_29: Mapped[float | None]
    average_3: Mapped[float | None]
    average: Mapped[float | None]
    slope: Mapped[float | None]
    benchmark: Mapped[str] = mapped_column(String(30), default="")
    mansfield: Mapped[float | None]
    strength: Mapped[float | None]
    rs: Mapped[int | None]
    rated: Mapped[bool] = mapped_column(default=False)
    high_52: Mapped[float | None]
    low_52: Mapped[float | None]
    from_high: Mapped[float | None]
    from_average: Mapped[float | None]
    relative_volume: Mapped[float | None]
    week_volume: Mapped[float | None]
    template: Mapped[int | None]
    breakout: Mapped[dt.date | None]
    base_high: Mapped[float | None]
    evidence: Mapped[int | None]
    path: Mapped[str] = mapped_column(String(1200), default="")
    source: Mapped[str] = mapped_column(String(120), default="")
    weeks_digest: Mapped[str] = mapped_column(String(32), default="")
    weeks_at: Mapped[dt.datetime | None] = mapped_column(UtcDateTime)
    inputs_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)
    computed_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)


class StageWeek(Model):
    """One completed week of one instrument, `week` its Friday: the stage that it confirmed, since when, and why.

    Prices are in the shares of the snapshot's day; `slope` is in percent, `week_volume` against the mean of the four
    weeks before. What cannot be told yet is None.
    It refers to no table: to check millions of rows would cost PostgreSQL four times what it costs to write them. Who
    deletes a snapshot deletes its weeks; what is left of an instrument that is gone the daily analysis clears away.
    """

    __tablename__ = "stage_weeks"
    __table_args__ = ({"sqlite_with_rowid": False},)

    instrument_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    week: Mapped[dt.date] = mapped_column(primary_key=True)
    stage: Mapped[int | None]
    since: Mapped[dt.date | None]
    close: Mapped[float]
    average: Mapped[float | None]
    slope: Mapped[float | None]
    mansfield: Mapped[float | None]
    week_volume: Mapped[float | None]


class UnreadablePast(Model):
    """An instrument whose past cannot be analysed, as it was at `inputs_at` (see Snapshot), and why.

    It is tried again when something of it changes, and once a day; until then its snapshot, where it has one, stays.
    """

    __tablename__ = "unreadable_pasts"

    instrument_id: Mapped[int] = mapped_column(ForeignKey("instruments.id", ondelete="CASCADE"), primary_key=True)
    inputs_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)
    reason: Mapped[str] = mapped_column(String(300))


class StageCount(Model):
    """How many instruments were in each stage (0: none yet) in the week that ended on this Friday."""

    __tablename__ = "stage_counts"

    week: Mapped[dt.date] = mapped_column(primary_key=True)
    stage: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    count: Mapped[int] = mapped_column(BigInteger)


class SavedScreen(Model):
    """A screen that a person keeps: `query` is its address without the path, `token` the secret part of its link."""

    __tablename__ = "saved_screens"
    __table_args__ = (UniqueConstraint("user_id", "name"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(String(80))
    query: Mapped[str] = mapped_column(String(1000), default="")
    token: Mapped[str] = mapped_column(String(32), unique=True)
    created_at: Mapped[dt.datetime] = mapped_column(UtcDateTime, default=clock.now)
