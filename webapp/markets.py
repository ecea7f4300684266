"""Exchanges and their trading days: which session a moment belongs to. Pure: no clock, no database, no Flask."""

from __future__ import annotations

import datetime as dt
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from webapp.records import Session

NEW_YORK = "America/New_York"


@dataclass(frozen=True, slots=True)
class Exchange:
    """One exchange. `prefix` is TradingView's word for it, `suffixes` are Yahoo's and Alpha Vantage's.

    `calendar` is its code in exchange_calendars; `extended` says that it trades before and after the regular
    session, as the exchanges of the United States do.
    """

    mic: str
    name: str
    zone: str
    country: str
    prefix: str
    calendar: str
    suffixes: tuple[str, ...] = ()
    extended: bool = False


EXCHANGES = {exchange.mic: exchange for exchange in (
    Exchange("XNAS", "NASDAQ", "America/New_York", "US", "NASDAQ", "XNYS", extended=True),
    Exchange("XNYS", "NYSE", "America/New_York", "US", "NYSE", "XNYS", extended=True),
    Exchange("XASE", "NYSE American", "America/New_York", "US", "AMEX", "XNYS", extended=True),
    Exchange("ARCX", "NYSE Arca", "America/New_York", "US", "AMEX", "XNYS", extended=True),
    Exchange("BATS", "Cboe BZX", "America/New_York", "US", "CBOE", "XNYS", extended=True),
    Exchange("XTSE", "Toronto", "America/Toronto", "CA", "TSX", "XTSE", ("TO", "TRT")),
    Exchange("XTSX", "TSX Venture", "America/Toronto", "CA", "TSXV", "XTSE", ("V", "TRV")),
    Exchange("BVMF", "B3 São Paulo", "America/Sao_Paulo", "BR", "BMFBOVESPA", "BVMF", ("SA", "SAO")),
    Exchange("XMEX", "Mexico", "America/Mexico_City", "MX", "BMV", "XMEX", ("MX",)),
    Exchange("XLON", "London", "Europe/London", "GB", "LSE", "XLON", ("L", "LON")),
    Exchange("XETR", "Xetra", "Europe/Berlin", "DE", "XETR", "XETR", ("DE", "DEX")),
    Exchange("XFRA", "Frankfurt", "Europe/Berlin", "DE", "FWB", "XFRA", ("F", "FRK")),
    Exchange("XPAR", "Euronext Paris", "Europe/Paris", "FR", "EURONEXT", "XPAR", ("PA", "PAR")),
    Exchange("XAMS", "Euronext Amsterdam", "Europe/Amsterdam", "NL", "EURONEXT", "XAMS", ("AS", "AMS")),
    Exchange("XBRU", "Euronext Brussels", "Europe/Brussels", "BE", "EURONEXT", "XBRU", ("BR",)),
    Exchange("XLIS", "Euronext Lisbon", "Europe/Lisbon", "PT", "EURONEXT", "XLIS", ("LS",)),
    Exchange("XMIL", "Borsa Italiana", "Europe/Rome", "IT", "MIL", "XMIL", ("MI",)),
    Exchange("XMAD", "Madrid", "Europe/Madrid", "ES", "BME", "XMAD", ("MC",)),
    Exchange("XSWX", "SIX Swiss Exchange", "Europe/Zurich", "CH", "SIX", "XSWX", ("SW",)),
    Exchange("XSTO", "Nasdaq Stockholm", "Europe/Stockholm", "SE", "OMXSTO", "XSTO", ("ST", "STO")),
    Exchange("XCSE", "Nasdaq Copenhagen", "Europe/Copenhagen", "DK", "OMXCOP", "XCSE", ("CO",)),
    Exchange("XHEL", "Nasdaq Helsinki", "Europe/Helsinki", "FI", "OMXHEX", "XHEL", ("HE",)),
    Exchange("XJSE", "Johannesburg", "Africa/Johannesburg", "ZA", "JSE", "XJSE", ("JO",)),
    Exchange("XTKS", "Tokyo", "Asia/Tokyo", "JP", "TSE", "XTKS", ("T",)),
    Exchange("XHKG", "Hong Kong", "Asia/Hong_Kong", "HK", "HKEX", "XHKG", ("HK", "HKG")),
    Exchange("XSHG", "Shanghai", "Asia/Shanghai", "CN", "SSE", "XSHG", ("SS", "SHH")),
    Exchange("XSHE", "Shenzhen", "Asia/Shanghai", "CN", "SZSE", "XSHG", ("SZ", "SHZ")),
    Exchange("XKRX", "Korea", "Asia/Seoul", "KR", "KRX", "XKRX", ("KS",)),
    Exchange("XBOM", "BSE India", "Asia/Kolkata", "IN", "BSE", "XBOM", ("BO", "BSE")),
    Exchange("XNSE", "NSE India", "Asia/Kolkata", "IN", "NSE", "XBOM", ("NS",)),
    Exchange("XSES", "Singapore", "Asia/Singapore", "SG", "SGX", "XSES", ("SI",)),
    Exchange("XASX", "ASX", "Australia/Sydney", "AU", "ASX", "XASX", ("AX",)),
)}


def exchange_name(mic: str) -> str:
    """Return the name that people know the exchange by; its code where it has none here."""
    return EXCHANGES[mic].name if mic in EXCHANGES else mic


def zone_of(mic: str) -> ZoneInfo:
    """Return the exchange's zone; New York's where the exchange has none here."""
    return ZoneInfo(EXCHANGES[mic].zone if mic in EXCHANGES else NEW_YORK)


def exchange_day(mic: str, now: dt.datetime) -> dt.date:
    """Return the date at the exchange."""
    return now.astimezone(zone_of(mic)).date()


@dataclass(frozen=True, slots=True)
class SessionTimes:
    """One trading day of one exchange, in UTC; pre, post and the midday break are None where the exchange has none."""

    mic: str
    day: dt.date
    opens_at: dt.datetime
    closes_at: dt.datetime
    pre_opens_at: dt.datetime | None = None
    post_closes_at: dt.datetime | None = None
    break_starts_at: dt.datetime | None = None
    break_ends_at: dt.datetime | None = None

    @property
    def starts_at(self) -> dt.datetime:
        """Return the first moment of the day, extended hours included."""
        return self.pre_opens_at or self.opens_at

    @property
    def ends_at(self) -> dt.datetime:
        """Return the moment after which nothing of the day is traded."""
        return self.post_closes_at or self.closes_at

    def part_at(self, now: dt.datetime) -> Session:
        """Return the part of the day that `now` is in; each part has its beginning, not its end.

        In the midday break it is CLOSED, although the day goes on.
        """
        if self.opens_at <= now < self.closes_at:
            return Session.CLOSED if self.rests_at(now) else Session.REGULAR
        if self.starts_at <= now < self.opens_at:
            return Session.PRE
        return Session.POST if self.closes_at <= now < self.ends_at else Session.CLOSED

    def rests_at(self, now: dt.datetime) -> bool:
        """Tell whether `now` is in the midday break."""
        return self.trades_until(now) <= now < self.closes_at

    def resumes_after(self, moment: dt.datetime) -> dt.datetime | None:
        """Return the end of the midday break where it is after `moment`."""
        ends_at = self.break_ends_at if self.break_starts_at is not None else None
        return ends_at if ends_at is not None and moment < ends_at else None

    def trades_until(self, moment: dt.datetime) -> dt.datetime:
        """Return until when a regular price of `moment` is followed by others: the break, or else the close."""
        rests_at = self.break_starts_at if self.resumes_after(moment) else None
        return rests_at or self.closes_at

    def rest_between(self, start: dt.datetime, end: dt.datetime) -> dt.timedelta:
        """Return how much of the midday break lies between two moments."""
        if self.break_starts_at is None or self.break_ends_at is None:
            return dt.timedelta(0)
        return max(min(end, self.break_ends_at) - max(start, self.break_starts_at), dt.timedelta(0))


class SessionBook:
    """The trading days of every exchange. Days that it was not given count as closed.

    In a midday break (Tokyo, Hong Kong) nothing is traded: the market is shut, as between two days. But the day goes
    on: it is completed at its close only, and the next session is that of the next day.
    """

    def __init__(self, sessions: Iterable[SessionTimes]) -> None:
        self._days: dict[str, list[SessionTimes]] = defaultdict(list)
        for session in sorted(sessions, key=lambda item: (item.mic, item.day)):
            self._days[session.mic].append(session)

    def session_on(self, mic: str, day: dt.date) -> SessionTimes | None:
        """Return the exchange's session of that day, None on weekends and holidays."""
        days = self._of(mic)
        index = bisect_right(days, day, key=lambda session: session.day)
        return days[index - 1] if index and days[index - 1].day == day else None

    def last_completed(self, mic: str, now: dt.datetime) -> SessionTimes | None:
        """Return the newest session whose regular part is over."""
        days = self._of(mic)
        index = bisect_right(days, now, key=lambda session: session.closes_at)
        return days[index - 1] if index else None

    def next_after(self, mic: str, day: dt.date) -> SessionTimes | None:
        """Return the first session after that day."""
        days = self._of(mic)
        index = bisect_right(days, day, key=lambda session: session.day)
        return days[index] if index < len(days) else None

    def previous_before(self, mic: str, day: dt.date) -> SessionTimes | None:
        """Return the last session before that day."""
        days = self._of(mic)
        index = bisect_left(days, day, key=lambda session: session.day)
        return days[index - 1] if index else None

    def next_session(self, mic: str, now: dt.datetime) -> SessionTimes | None:
        """Return the first session whose regular part begins after `now`."""
        days = self._of(mic)
        index = bisect_right(days, now, key=lambda session: session.opens_at)
        return days[index] if index < len(days) else None

    def current(self, mic: str, now: dt.datetime) -> tuple[Session, SessionTimes | None]:
        """Return the part of the day and the day that `now` is in; CLOSED and None between two, and in a break."""
        day = self._day_at(mic, now)
        part = day.part_at(now) if day else Session.CLOSED
        return part, None if part is Session.CLOSED else day

    def resting(self, mic: str, now: dt.datetime) -> SessionTimes | None:
        """Return the day whose midday break `now` is in, None at all other times."""
        day = self._day_at(mic, now)
        return day if day is not None and day.rests_at(now) else None

    def next_open(self, mic: str, now: dt.datetime) -> dt.datetime | None:
        """Return when regular trading begins next, after `now`: on a day, or after its midday break."""
        day = self._day_at(mic, now)
        if day is not None and day.opens_at <= now and (resumes_at := day.resumes_after(now)) is not None:
            return resumes_at
        following = self.next_session(mic, now)
        return following.opens_at if following else None

    def _day_at(self, mic: str, now: dt.datetime) -> SessionTimes | None:
        """Return the day that `now` is in, from its first moment to its last."""
        days = self._of(mic)
        index = bisect_right(days, now, key=lambda session: session.starts_at)
        return days[index - 1] if index and now < days[index - 1].ends_at else None

    def _of(self, mic: str) -> list[SessionTimes]:
        return self._days.get(mic, [])
