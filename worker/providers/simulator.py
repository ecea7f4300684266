"""Made-up prices that behave like real ones: what newcomers see until they have a key. See paths.py for the how."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING

from webapp.markets import SessionBook, SessionTimes, exchange_day, zone_of
from webapp.records import Adjustment, History, Instrument, MinuteBar, Minutes, Quote, Session, State
from webapp.vendors import SIMULATOR, Limits
from worker.providers import paths, simulator_history, simulator_minutes
from worker.providers.minutes import A_MINUTE, SESSIONS, newest_begun
from worker.providers.paths import Leg, Stock, Trade

if TYPE_CHECKING:
    from config import Config

# The cheapest and the dearest share, by their currency; others are like the dollar.
PRICES = {"JPY": (600, 9_000), "KRW": (9_000, 300_000), "GBP": (1.5, 45), "INR": (200, 4_000)}
USUAL_PRICES = (15, 600)
# What the hours before and after move against the whole day.
PRE_WIDTH, POST_WIDTH = 0.25, 0.12
# What others are measured against is a fund of many stocks: it moves less than any of them.
STEADY, STEADY_VOLATILITY = {"ARCX:SPY"}, 0.12
# How much further apart bid and ask are before and after the regular session.
EXTENDED_SPREAD = 4
LEAST_FRESHNESS = 15
FRIDAY = 4


@dataclass(frozen=True, slots=True)
class Moment:
    """Where a stock's exchange is: the part of the day, the day that the regular figures are of, and the one before.

    `extended` is the day whose trade before or after hours is going on.
    """

    part: Session
    shown: SessionTimes
    before: dt.date
    extended: SessionTimes | None


class Simulator:
    """The provider that needs no key. It keeps no state: a quote is a function of seed, symbol and time."""

    name = SIMULATOR
    title = "Simulator"
    batch_size = 1000
    extended_hours = True
    limits = Limits()
    delay = State.SIMULATED

    def __init__(self, config: Config) -> None:
        self._seed = config.SIMULATOR_SEED
        self._always = config.SIMULATOR_CLOCK == "always"
        self._fresh = dt.timedelta(seconds=max(LEAST_FRESHNESS, 5 * config.REFRESH_SECONDS))

    def covers(self, instrument: Instrument) -> bool:
        """Cover everything: prices are made up for any stock."""
        return True

    def quotes(self, instruments: Sequence[Instrument], now: dt.datetime, sessions: SessionBook) -> list[Quote]:
        """Return the quotes at `now`. Under the market's clock, stocks whose exchange never opened are left out."""
        found = []
        for instrument in instruments:
            book = self.book(instrument.mic, now, sessions)
            moment = moment_at(book, instrument.mic, now)
            if moment is not None:
                stock = stock_of(self._seed, instrument.key, instrument.currency, instrument.decimals)
                found.append(make_quote(instrument, stock, moment, now, self._stale_at(book, moment, now)))
        return found

    def day_path(self, instrument: Instrument, now: dt.datetime, sessions: SessionBook,
                 points: int = 48) -> list[tuple[dt.datetime, Decimal]]:
        """Return the times and prices of the regular session so far, oldest first, at most `points`."""
        moment = moment_at(self.book(instrument.mic, now, sessions), instrument.mic, now)
        if moment is None:
            return []
        stock = stock_of(self._seed, instrument.key, instrument.currency, instrument.decimals)
        path = paths.sample(regular_leg(stock, moment), traded(moment.shown, now), stock.liveliness, points)
        return [(moment_of(moment.shown, second), price_of(ticks, instrument)) for second, ticks in path]

    def daily(self, instrument: Instrument, now: dt.datetime, sessions: SessionBook,
              since: dt.date | None = None) -> History:
        """Return the days from `since` on, of six years where it is None, as they were traded."""
        newest = self.book(instrument.mic, now, sessions).last_completed(instrument.mic, now)
        if newest is None:
            return History(instrument.id, self.name, Adjustment.NONE, (), unit=instrument.currency)
        days = self._days(newest, since or newest.day - simulator_history.YEARS_BACK, sessions)
        hours = {day: self._hours_of(instrument.mic, day, sessions) for day in days[-simulator_history.WHOLE_DAYS:]}
        lengths = {day: traded(times, times.closes_at) for day, times in hours.items() if times is not None}
        stock = stock_of(self._seed, instrument.key, instrument.currency, instrument.decimals)
        return simulator_history.make_history(stock, instrument, self.name, days, lengths)

    def minutes(self, instrument: Instrument, now: dt.datetime, sessions: SessionBook) -> Minutes:
        """Return the last five sessions by the minute, as quotes showed them; no volume before and after hours."""
        stock = stock_of(self._seed, instrument.key, instrument.currency, instrument.decimals)
        bars = [bar for times, before in self._newest(instrument.mic, now, sessions)
                for bar in _minutes_of(stock, instrument, times, before)]
        whole = tuple(bar for bar in bars if bar.at <= now - A_MINUTE)
        return Minutes(instrument.id, self.name, Adjustment.NONE, whole, unit=instrument.currency)

    def _newest(self, mic: str, now: dt.datetime, sessions: SessionBook) -> list[tuple[SessionTimes, dt.date]]:
        """Return the last five sessions that have begun, oldest first, each with the day of trading before it."""
        newest = newest_begun(mic, now, self.book(mic, now, sessions))
        if newest is None:
            return []
        days = self._days(newest, newest.day - simulator_minutes.LOOK_BACK, sessions)[-SESSIONS - 1:]
        hours = [(self._hours_of(mic, day, sessions), before) for before, day in pairwise(days)]
        return [(times, before) for times, before in hours if times is not None]

    def _days(self, newest: SessionTimes, first: dt.date, sessions: SessionBook) -> list[dt.date]:
        """Return the days of trading from the one before `first` to the newest; what is older than the book: weekdays.

        Where the market never rests, every day is one.
        """
        days: list[dt.date] = []
        day = newest.day
        while not days or days[-1] >= first:
            known = self._always or sessions.session_on(newest.mic, day) is not None
            older = not self._always and sessions.previous_before(newest.mic, day) is None
            if known or (older and day.weekday() <= FRIDAY):
                days.append(day)
            day -= dt.timedelta(days=1)
        return days[::-1]

    def _hours_of(self, mic: str, day: dt.date, sessions: SessionBook) -> SessionTimes | None:
        return open_day(mic, day) if self._always else sessions.session_on(mic, day)

    def book(self, mic: str, now: dt.datetime, sessions: SessionBook) -> SessionBook:
        """Return the trading days around `now` that it keeps: the exchange's, or those of a market that never rests."""
        return always_open(mic, exchange_day(mic, now)) if self._always else sessions

    def _stale_at(self, book: SessionBook, moment: Moment, now: dt.datetime) -> dt.datetime | None:
        """Return when the next move is overdue."""
        if moment.part is not Session.CLOSED:
            return now + self._fresh
        if book.resting(moment.shown.mic, now) and (resumes_at := book.next_open(moment.shown.mic, now)):
            return resumes_at + self._fresh
        following = book.next_after(moment.shown.mic, moment.shown.day)
        return following.starts_at + self._fresh if following else None


@lru_cache(maxsize=256)
def always_open(mic: str, today: dt.date) -> SessionBook:
    """Return the days around `today` of a market that never rests, so that a newcomer sees it move at any hour."""
    return SessionBook(open_day(mic, today + dt.timedelta(days=days)) for days in range(-2, 2))


def open_day(mic: str, day: dt.date) -> SessionTimes:
    """Return a day of a market that never rests: from midnight to midnight at the exchange, as charts have days."""
    starts_at, ends_at = (dt.datetime.combine(each, dt.time(), zone_of(mic)).astimezone(dt.UTC)
                          for each in (day, day + dt.timedelta(days=1)))
    half = dt.timedelta(minutes=30)
    return SessionTimes(mic, day, starts_at + half, ends_at - half, starts_at, ends_at)


def moment_at(book: SessionBook, mic: str, now: dt.datetime) -> Moment | None:
    """Return where the exchange is; None where it has had no session yet."""
    part, current = book.current(mic, now)
    newest = book.resting(mic, now) or book.last_completed(mic, now)
    shown = current if part in {Session.REGULAR, Session.POST} else newest
    if shown is None:
        return None
    before = book.last_completed(mic, shown.opens_at)
    return Moment(part, shown, before.day if before else shown.day - dt.timedelta(days=1),
                  current if part in {Session.PRE, Session.POST} else None)


@lru_cache(maxsize=4096)
def stock_of(seed: int, key: str, currency: str, decimals: int) -> Stock:
    """Return the character of an instrument."""
    cheapest, dearest = PRICES.get(currency, USUAL_PRICES)
    ticks: int = 10 ** decimals
    stock = paths.describe_stock(seed, key, cheapest * ticks, dearest * ticks)
    return replace(stock, volatility=STEADY_VOLATILITY / math.sqrt(252)) if key in STEADY else stock


def regular_leg(stock: Stock, moment: Moment) -> Leg:
    """Return the path of the regular session."""
    return paths.day_leg(stock, moment.shown.day, moment.before, traded(moment.shown, moment.shown.closes_at))


def extended_trade(stock: Stock, moment: Moment, now: dt.datetime) -> tuple[dt.datetime, Trade] | None:
    """Return the newest trade before or after hours, if they are now: from where the price was to where it goes."""
    times = moment.extended
    if times is None:
        return None
    begin = times.starts_at if moment.part is Session.PRE else times.closes_at
    leg = extended_leg(stock, moment.part, times, moment.shown.day)
    trade = paths.trade_at(leg, seconds_since(begin, now), stock.liveliness // 2)
    return begin + dt.timedelta(seconds=trade.second), trade


def extended_leg(stock: Stock, part: Session, times: SessionTimes, closed: dt.date) -> Leg:
    """Return the path of the hours before, or after, the regular ones; `closed` is the day of the close before them."""
    close = paths.close_of(stock, closed)
    after = paths.after_hours_of(stock, closed, close)
    if part is Session.PRE:
        begin, end, start, goal = times.starts_at, times.opens_at, after, paths.open_of(stock, times.day, close)
        width = PRE_WIDTH
    else:
        begin, end, start, goal, width = times.closes_at, times.ends_at, close, after, POST_WIDTH
    return paths.leg_of(stock, f"{times.day}|{part}", start, goal, seconds_since(begin, end), stock.volatility * width)


def _minutes_of(stock: Stock, instrument: Instrument, times: SessionTimes, before: dt.date) -> Iterator[MinuteBar]:
    """Give the minutes of one day, whole; `before` is the day of trading before it."""
    if times.pre_opens_at is not None:
        leg = extended_leg(stock, Session.PRE, times, before)
        yield from simulator_minutes.bars_of(leg, stock.liveliness // 2, lambda second: times.starts_at + dt.timedelta(
            seconds=second), instrument.decimals)
    leg = paths.day_leg(stock, times.day, before, traded(times, times.closes_at))
    yield from simulator_minutes.bars_of(leg, stock.liveliness, lambda second: moment_of(times, second),
                                         instrument.decimals, paths.volume_of(stock, times.day))
    if times.post_closes_at is not None:
        leg = extended_leg(stock, Session.POST, times, times.day)
        yield from simulator_minutes.bars_of(leg, stock.liveliness // 2, lambda second: times.closes_at + dt.timedelta(
            seconds=second), instrument.decimals)


def make_quote(instrument: Instrument, stock: Stock, moment: Moment, now: dt.datetime,
               stale_at: dt.datetime | None) -> Quote:
    """Return the quote of an instrument at a moment."""
    shown = moment.shown
    leg = regular_leg(stock, moment)
    trade = paths.trade_at(leg, traded(shown, now), stock.liveliness)
    extended = extended_trade(stock, moment, now)
    bid, ask = spread_of(stock, extended[1].price if extended else trade.price, wide=extended is not None)
    closed = moment.part is Session.CLOSED
    return Quote(
        instrument_id=instrument.id, price=price_of(trade.price, instrument),
        as_of=moment_of(shown, trade.second),
        day=shown.day, source=Simulator.name, state=State.SIMULATED, session=moment.part,
        previous_close=price_of(paths.close_of(stock, moment.before), instrument),
        open=price_of(leg.prices[0], instrument), high=price_of(trade.high, instrument),
        low=price_of(trade.low, instrument), volume=int(paths.volume_of(stock, shown.day) * trade.traded),
        bid=None if closed else price_of(bid, instrument), ask=None if closed else price_of(ask, instrument),
        extended_price=price_of(extended[1].price, instrument) if extended else None,
        extended_as_of=extended[0] if extended else None, stale_at=stale_at, unit=instrument.currency)


def spread_of(stock: Stock, price: int, *, wide: bool) -> tuple[int, int]:
    """Return bid and ask in ticks around a price; they are never the same."""
    width = max(1, round(price * stock.spread * (EXTENDED_SPREAD if wide else 1) / 10_000))
    bid = max(1, price - width // 2)
    return bid, bid + width


def price_of(ticks: int, instrument: Instrument) -> Decimal:
    """Return ticks as a price with all its places."""
    return Decimal(ticks).scaleb(-instrument.decimals)


def traded(session: SessionTimes, now: dt.datetime) -> int:
    """Return the whole seconds of the regular session that have passed, its midday break left out."""
    return seconds_since(session.opens_at + session.rest_between(session.opens_at, now), now)


def moment_of(session: SessionTimes, second: int) -> dt.datetime:
    """Return when so many seconds of the regular session had passed."""
    moment = session.opens_at + dt.timedelta(seconds=second)
    late = session.break_starts_at is not None and moment > session.break_starts_at
    return moment + session.rest_between(session.opens_at, session.closes_at) if late else moment


def seconds_since(begin: dt.datetime, now: dt.datetime) -> int:
    """Return the whole seconds that have passed."""
    return int((now - begin).total_seconds())
