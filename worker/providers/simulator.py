"""Made-up prices that behave like real ones: what newcomers see until they have a key. See paths.py for the how."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING

from webapp.markets import SessionBook, SessionTimes
from webapp.records import Instrument, Quote, Session, State
from webapp.vendors import Limits
from worker.providers import paths
from worker.providers.paths import Leg, Stock, Trade

if TYPE_CHECKING:
    from config import Config

# The cheapest and the dearest share, by their currency; others are like the dollar.
PRICES = {"JPY": (600, 9_000), "KRW": (9_000, 300_000), "GBP": (1.5, 45), "INR": (200, 4_000)}
USUAL_PRICES = (15, 600)
# What a part of the day moves against the whole day: prices go to and fro more than they get on.
REGULAR_WIDTH, PRE_WIDTH, POST_WIDTH = 1.1, 0.25, 0.12
# How much further apart bid and ask are before and after the regular session.
EXTENDED_SPREAD = 4
LEAST_FRESHNESS = 15


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

    name = "simulator"
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
            book = self._book(instrument.mic, now, sessions)
            moment = moment_at(book, instrument.mic, now)
            if moment is not None:
                stock = stock_of(self._seed, instrument.key, instrument.currency, instrument.decimals)
                found.append(make_quote(instrument, stock, moment, now, self._stale_at(book, moment, now)))
        return found

    def day_path(self, instrument: Instrument, now: dt.datetime, sessions: SessionBook,
                 points: int = 48) -> list[tuple[dt.datetime, Decimal]]:
        """Return the times and prices of the regular session so far, oldest first, at most `points`."""
        moment = moment_at(self._book(instrument.mic, now, sessions), instrument.mic, now)
        if moment is None:
            return []
        stock = stock_of(self._seed, instrument.key, instrument.currency, instrument.decimals)
        path = paths.sample(regular_leg(stock, moment), traded(moment.shown, now), stock.liveliness, points)
        return [(moment_of(moment.shown, second), price_of(ticks, instrument)) for second, ticks in path]

    def _book(self, mic: str, now: dt.datetime, sessions: SessionBook) -> SessionBook:
        return always_open(mic, now.astimezone(dt.UTC).date()) if self._always else sessions

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
    midnights = [dt.datetime.combine(today + dt.timedelta(days=days), dt.time(), dt.UTC) for days in range(-2, 2)]
    half, whole = dt.timedelta(minutes=30), dt.timedelta(days=1)
    return SessionBook(SessionTimes(mic, midnight.date(), midnight + half, midnight + whole - half, midnight,
                                    midnight + whole) for midnight in midnights)


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
    return paths.describe_stock(seed, key, cheapest * ticks, dearest * ticks)


def regular_leg(stock: Stock, moment: Moment) -> Leg:
    """Return the path of the regular session."""
    day, close = moment.shown.day, paths.close_of(stock, moment.shown.day)
    start = paths.open_of(stock, day, paths.close_of(stock, moment.before))
    seconds = traded(moment.shown, moment.shown.closes_at)
    return paths.leg_of(stock, f"{day}|regular", start, close, seconds, stock.volatility * REGULAR_WIDTH)


def extended_trade(stock: Stock, moment: Moment, now: dt.datetime) -> tuple[dt.datetime, Trade] | None:
    """Return the newest trade before or after hours, if they are now: from where the price was to where it goes."""
    times = moment.extended
    if times is None:
        return None
    close = paths.close_of(stock, moment.shown.day)
    after = paths.after_hours_of(stock, moment.shown.day, close)
    if moment.part is Session.PRE:
        begin, end, start, goal = times.starts_at, times.opens_at, after, paths.open_of(stock, times.day, close)
        width = PRE_WIDTH
    else:
        begin, end, start, goal, width = times.closes_at, times.ends_at, close, after, POST_WIDTH
    leg = paths.leg_of(stock, f"{times.day}|{moment.part}", start, goal, seconds_since(begin, end),
                       stock.volatility * width)
    trade = paths.trade_at(leg, seconds_since(begin, now), stock.liveliness // 2)
    return begin + dt.timedelta(seconds=trade.second), trade


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
