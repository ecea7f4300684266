"""Instruments, the latest quote of each, the ticks behind it, and the exchanges' sessions."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

from sqlalchemy import JSON, BigInteger, CheckConstraint, ForeignKey, Index, Integer, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship, validates

from webapp.extensions import Model
from webapp.folding import fold
from webapp.models.types import ExactDecimal, UtcDateTime
from webapp.records import Instrument, LiveQuote, Quote, Session, State

# SQLite counts rows up only in a column of its own INTEGER type.
BigCounter = BigInteger().with_variant(Integer, "sqlite")


class InstrumentRow(Model):
    """A symbol on one exchange. `starter` marks the list that everybody sees on the front page.

    `status` is "listed", "delisted" or "renamed", since `status_day` where that is known; `renamed_to` is the key of
    its successor (XNAS:META). `figi` names the share class for ever, `listed_on` is its first day. `listed_by` is the
    provider in whose directory it last stood, `missing_since` the day on which it was first not in it. `benchmark` is
    the key of what its relative strength is measured against, "" where that is the usual one of its currency.
    `set_by_admin` names those of name, kind and status, with commas, that an admin set and no directory changes.
    """

    __tablename__ = "instruments"
    __table_args__ = (UniqueConstraint("symbol", "mic"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    symbol: Mapped[str] = mapped_column(String(24))
    mic: Mapped[str] = mapped_column(String(4))
    name: Mapped[str] = mapped_column(String(120), index=True)
    folded_name: Mapped[str] = mapped_column(String(240))
    currency: Mapped[str] = mapped_column(String(3))
    unit: Mapped[str] = mapped_column(String(3), default="")
    country: Mapped[str] = mapped_column(String(2))
    kind: Mapped[str] = mapped_column(String(12), default="stock")
    decimals: Mapped[int] = mapped_column(default=2)
    starter: Mapped[bool] = mapped_column(default=False, index=True)
    status: Mapped[str] = mapped_column(String(10), default="listed")
    status_day: Mapped[dt.date | None]
    renamed_to: Mapped[str] = mapped_column(String(30), default="")
    figi: Mapped[str] = mapped_column(String(12), default="", index=True)
    listed_on: Mapped[dt.date | None]
    listed_by: Mapped[str] = mapped_column(String(32), default="")
    missing_since: Mapped[dt.date | None]
    sector: Mapped[str] = mapped_column(String(60), default="", index=True)
    benchmark: Mapped[str] = mapped_column(String(30), default="")
    set_by_admin: Mapped[str] = mapped_column(String(40), default="")

    @validates("name")
    def keep_folded_name(self, _key: str, name: str) -> str:
        """Keep beside the name what a search compares."""
        self.folded_name = fold(name)[:240]
        return name

    def record(self) -> Instrument:
        """Return what travels."""
        return Instrument(self.id, self.symbol, self.mic, self.name, self.currency, self.country, self.kind,
                          self.decimals, self.unit)


class QuoteRow(Model):
    """The newest quote of an instrument. Without a price it only carries `problem`, why there is none.

    `deviation` is the standard deviation of the daily returns, renewed each day; None until enough days are known.
    """

    __tablename__ = "quotes"
    __table_args__ = (CheckConstraint("price IS NULL OR as_of IS NOT NULL", name="priced"),)

    instrument_id: Mapped[int] = mapped_column(ForeignKey("instruments.id", ondelete="CASCADE"), primary_key=True)
    version: Mapped[int] = mapped_column(BigInteger, index=True)
    price: Mapped[Decimal | None] = mapped_column(ExactDecimal)
    as_of: Mapped[dt.datetime | None] = mapped_column(UtcDateTime)
    as_of_is_day: Mapped[bool] = mapped_column(default=False)
    day: Mapped[dt.date | None]
    source: Mapped[str] = mapped_column(String(32), default="")
    state: Mapped[str] = mapped_column(String(20), default=State.UNKNOWN.value)
    session: Mapped[str] = mapped_column(String(8), default=Session.CLOSED.value)
    previous_close: Mapped[Decimal | None] = mapped_column(ExactDecimal)
    open: Mapped[Decimal | None] = mapped_column(ExactDecimal)
    high: Mapped[Decimal | None] = mapped_column(ExactDecimal)
    low: Mapped[Decimal | None] = mapped_column(ExactDecimal)
    volume: Mapped[int | None] = mapped_column(BigInteger)
    bid: Mapped[Decimal | None] = mapped_column(ExactDecimal)
    ask: Mapped[Decimal | None] = mapped_column(ExactDecimal)
    extended_price: Mapped[Decimal | None] = mapped_column(ExactDecimal)
    extended_as_of: Mapped[dt.datetime | None] = mapped_column(UtcDateTime)
    stale_at: Mapped[dt.datetime | None] = mapped_column(UtcDateTime)
    closes_at: Mapped[dt.datetime | None] = mapped_column(UtcDateTime)
    fetched_at: Mapped[dt.datetime | None] = mapped_column(UtcDateTime)
    unit: Mapped[str] = mapped_column(String(3), default="")
    sent_unit: Mapped[str] = mapped_column(String(3), default="")
    delay: Mapped[str] = mapped_column(String(20), default="")
    previous_day: Mapped[dt.date | None]
    stated_change: Mapped[Decimal | None] = mapped_column(ExactDecimal)
    deviation: Mapped[float | None]
    problem: Mapped[str] = mapped_column(String(300), default="")
    spark: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    instrument: Mapped[InstrumentRow] = relationship(lazy="joined", innerjoin=True)

    def quote(self) -> Quote | None:
        """Return the price with all that belongs to it, or None where there is none yet."""
        if self.price is None or self.as_of is None or self.day is None:
            return None
        return Quote(
            instrument_id=self.instrument_id, price=self.price, as_of=self.as_of, day=self.day, source=self.source,
            state=State(self.state), session=Session(self.session), previous_close=self.previous_close,
            open=self.open, high=self.high, low=self.low, volume=self.volume, bid=self.bid, ask=self.ask,
            extended_price=self.extended_price, extended_as_of=self.extended_as_of,
            as_of_is_day=self.as_of_is_day, stale_at=self.stale_at, unit=self.unit, sent_unit=self.sent_unit,
            delay=State(self.delay) if self.delay else None, previous_day=self.previous_day,
            stated_change=self.stated_change, closes_at=self.closes_at)

    def live(self) -> LiveQuote:
        """Return the row as pages show it."""
        points = (self.spark or {}).get("prices", [])
        return LiveQuote(self.instrument.record(), self.version, self.quote(), self.fetched_at, self.problem,
                         tuple(points))


class Tick(Model):
    """One observed price, kept for days. An instrument has one row a version: a job run twice adds nothing."""

    __tablename__ = "ticks"
    __table_args__ = (UniqueConstraint("instrument_id", "as_of", "source"),
                      Index("ix_ticks_as_of", "as_of"))

    id: Mapped[int] = mapped_column(BigCounter, primary_key=True)
    instrument_id: Mapped[int] = mapped_column(ForeignKey("instruments.id", ondelete="CASCADE"))
    version: Mapped[int] = mapped_column(BigInteger)
    as_of: Mapped[dt.datetime] = mapped_column(UtcDateTime)
    price: Mapped[Decimal] = mapped_column(ExactDecimal)
    volume: Mapped[int | None] = mapped_column(BigInteger)
    source: Mapped[str] = mapped_column(String(32))


class QuoteGap(Model):
    """A time in which an instrument's prices were not fetched although they should have been, and why."""

    __tablename__ = "quote_gaps"

    id: Mapped[int] = mapped_column(BigCounter, primary_key=True)
    instrument_id: Mapped[int] = mapped_column(ForeignKey("instruments.id", ondelete="CASCADE"), index=True)
    started_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)
    ended_at: Mapped[dt.datetime] = mapped_column(UtcDateTime, index=True)
    reason: Mapped[str] = mapped_column(String(200))


class FeedVersion(Model):
    """One row, one number: how many commits have changed quotes.

    Whoever changes quotes first counts it up in the same transaction. The row lock makes versions become
    visible in their order, so a reader that has seen version n has missed nothing older.
    """

    __tablename__ = "feed_version"

    id: Mapped[int] = mapped_column(primary_key=True)
    value: Mapped[int] = mapped_column(BigInteger, default=0)


class MarketSession(Model):
    """One trading day of one exchange, in UTC; pre, post and the midday break are None where the exchange has none."""

    __tablename__ = "market_sessions"

    mic: Mapped[str] = mapped_column(String(4), primary_key=True)
    day: Mapped[dt.date] = mapped_column(primary_key=True)
    opens_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)
    closes_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)
    pre_opens_at: Mapped[dt.datetime | None] = mapped_column(UtcDateTime)
    post_closes_at: Mapped[dt.datetime | None] = mapped_column(UtcDateTime)
    break_starts_at: Mapped[dt.datetime | None] = mapped_column(UtcDateTime)
    break_ends_at: Mapped[dt.datetime | None] = mapped_column(UtcDateTime)


class SplitRow(Model):
    """A split that is known: from the opening of `day` on, `ratio` shares stand for each one before."""

    __tablename__ = "splits"

    instrument_id: Mapped[int] = mapped_column(ForeignKey("instruments.id", ondelete="CASCADE"), primary_key=True)
    day: Mapped[dt.date] = mapped_column(primary_key=True)
    ratio: Mapped[Decimal] = mapped_column(ExactDecimal)
    source: Mapped[str] = mapped_column(String(32))
    known_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)


class Close(Model):
    """What a session closed at, in the currency, as it was known on the day after: not adjusted for later splits."""

    __tablename__ = "closes"

    instrument_id: Mapped[int] = mapped_column(ForeignKey("instruments.id", ondelete="CASCADE"), primary_key=True)
    day: Mapped[dt.date] = mapped_column(primary_key=True)
    price: Mapped[Decimal] = mapped_column(ExactDecimal)
    source: Mapped[str] = mapped_column(String(32))


class VendorSymbol(Model):
    """How one provider writes an instrument, where its notation is not what the rules make of it; an admin says so.

    "" says that the provider does not have it, and is not to be asked.
    """

    __tablename__ = "vendor_symbols"

    instrument_id: Mapped[int] = mapped_column(ForeignKey("instruments.id", ondelete="CASCADE"), primary_key=True)
    provider: Mapped[str] = mapped_column(String(32), primary_key=True)
    symbol: Mapped[str] = mapped_column(String(40), default="")
