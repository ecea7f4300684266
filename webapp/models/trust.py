"""What was not taken for a price at once: readings that wait to be confirmed, and the record of what was refused."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from webapp.extensions import Model
from webapp.models.market import BigCounter
from webapp.models.types import ExactDecimal, UtcDateTime


class Finding(StrEnum):
    """What was found wrong with a reading."""

    REJECTED = "rejected"
    OLDER = "older"
    UNCONFIRMED = "unconfirmed"
    SPLIT = "possible split"
    CHANGE = "other change"


class HeldQuote(Model):
    """A reading that waits: far from the last price, and so far said by one source only. One an instrument.

    `quote` is the reading whole, as the bus carries it. `ratio` is the split that it looks like, None where it looks
    like none; `no_split` says that a vendor was asked, at `asked_at`, and knows of none. `readings` counts how often it
    was said, `first_at` and `last_at` are when.
    """

    __tablename__ = "held_quotes"

    instrument_id: Mapped[int] = mapped_column(ForeignKey("instruments.id", ondelete="CASCADE"), primary_key=True)
    source: Mapped[str] = mapped_column(String(32))
    price: Mapped[Decimal] = mapped_column(ExactDecimal)
    as_of: Mapped[dt.datetime] = mapped_column(UtcDateTime)
    against: Mapped[Decimal] = mapped_column(ExactDecimal)
    ratio: Mapped[Decimal | None] = mapped_column(ExactDecimal)
    no_split: Mapped[bool] = mapped_column(default=False)
    reason: Mapped[str] = mapped_column(String(300))
    quote: Mapped[dict[str, Any]] = mapped_column(JSON)
    readings: Mapped[int] = mapped_column(default=1)
    first_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)
    last_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)
    asked_at: Mapped[dt.datetime | None] = mapped_column(UtcDateTime)


class QuoteFinding(Model):
    """A reading that was rejected, held or found odd, and why; the same one again only counts up.

    `ended_at` and `outcome` say what became of one that was held: confirmed, contradicted, explained by a split.
    """

    __tablename__ = "quote_findings"
    __table_args__ = (Index("ix_quote_findings_last_at", "last_at"),
                      Index("ix_quote_findings_open", "instrument_id", "kind", "source", "ended_at"))

    id: Mapped[int] = mapped_column(BigCounter, primary_key=True)
    instrument_id: Mapped[int] = mapped_column(ForeignKey("instruments.id", ondelete="CASCADE"))
    kind: Mapped[str] = mapped_column(String(16))
    source: Mapped[str] = mapped_column(String(32))
    price: Mapped[str] = mapped_column(String(40))
    as_of: Mapped[dt.datetime] = mapped_column(UtcDateTime)
    reason: Mapped[str] = mapped_column(String(300))
    count: Mapped[int] = mapped_column(default=1)
    first_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)
    last_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)
    ended_at: Mapped[dt.datetime | None] = mapped_column(UtcDateTime)
    outcome: Mapped[str] = mapped_column(String(300), default="")
