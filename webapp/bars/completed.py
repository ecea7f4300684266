"""Which weeks are over: at an exchange, and for one stock, whose last bar may still be on its way. Pure."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from zoneinfo import ZoneInfo

import numpy as np

from webapp.analytics.series import to_day, to_number
from webapp.analytics.weeks import friday_of
from webapp.markets import EXCHANGES, SessionBook, SessionTimes

WEEK = 7
# A stock that has no bar of the week's last session after so many days, counted from the Friday, will get none.
GRACE_DAYS = 4


@dataclass(frozen=True, slots=True)
class Over:
    """The last week that is over at an exchange, days as numbers (see Series.at).

    `friday` names it, `last_session` is its last trading day; `settled` says that no bar of it is waited for any more.
    """

    friday: int
    last_session: int
    settled: bool

    def through(self, last_day: int) -> int:
        """Return the Friday of the last complete week of a stock whose newest bar is of this day.

        Where that bar is older than the week's last session, the session's own is on its way; not for ever.
        """
        return self.friday if self.settled or last_day >= self.last_session else self.friday - WEEK


def last_week_over(book: SessionBook, mic: str, now: dt.datetime) -> Over:
    """Return the last week whose last session has closed; the Friday that is past where no sessions are known."""
    exchange = EXCHANGES.get(mic)
    today = to_number(now.astimezone(ZoneInfo(exchange.zone) if exchange else dt.UTC).date())
    friday = int(friday_of(np.array([today], np.int32))[0])
    session = _last_session(book, mic, friday)
    if session is None or session.closes_at > now:
        friday -= WEEK
        session = _last_session(book, mic, friday)
    last = to_number(session.day) if session else friday
    return Over(friday, last, settled=today > friday + GRACE_DAYS)


def _last_session(book: SessionBook, mic: str, friday: int) -> SessionTimes | None:
    """Return the last session of the week that ends on this Friday, None where none is known."""
    session = book.previous_before(mic, to_day(friday + 1))
    return session if session is not None and to_number(session.day) > friday - WEEK else None
