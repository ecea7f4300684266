"""Moves prices as a worker does: stored, committed, then told on the bus."""

from __future__ import annotations

import datetime as dt
from contextlib import suppress
from decimal import Decimal

from sqlalchemy import select, update

from tests.conftest import Settings
from tests.factories import add_snapshot
from tests.site import Site
from webapp import clock
from webapp.app import create_app
from webapp.extensions import db
from webapp.instruments import starter_list
from webapp.live import bus
from webapp.markets import exchange_day
from webapp.models import InstrumentRow, QuoteRow
from webapp.records import Quote, Session, State
from webapp.redis import RedisAway
from webapp.standings import friday_of
from worker.store import store_quotes

PRICELESS = "WMT"  # the one stock that nobody has fetched
ON_THE_FRONT_PAGE = 60


class Market:
    """The prices of one site. The opening price of the starter list's nth stock is 100 + n."""

    def __init__(self, site: Site) -> None:
        instance = site.folder / "instance"
        self.app = create_app(Settings(instance, site.redis.url, f"sqlite:///{instance / 'stagewatch.db'}"))
        with self.app.app_context():
            self._shorten_the_front_page()
            self._take_stock()
            self.stocks = {stock.symbol: stock for stock in starter_list()}
        self.ids = {symbol: stock.id for symbol, stock in self.stocks.items()}

    def _shorten_the_front_page(self) -> None:
        """Take most stocks off the front page: tests look at many pages, and more rows only take more time."""
        kept = InstrumentRow.symbol.in_(("KO", "MSFT", "NVDA", "SHEL", PRICELESS, "7203"))
        others = update(InstrumentRow).where(InstrumentRow.id > ON_THE_FRONT_PAGE, ~kept)
        db.session.execute(others.values(starter=False))
        db.session.commit()

    def _take_stock(self) -> None:
        """Say of Apple where it stands, so that its row is as full as can be: this week it leaves stage 2."""
        now = clock.now()
        week = friday_of(now.date()) - dt.timedelta(days=7)
        apple = db.session.scalars(select(InstrumentRow).where(InstrumentRow.symbol == "AAPL")).one()
        add_snapshot(apple, day=week, week=week, since=week - dt.timedelta(weeks=103), weeks=104, closes_29=29 * 900.0,
                     average_3=1000.0, candidate=4, rs=99)

    def opening(self, symbol: str) -> Decimal:
        """Return the price at which a stock starts each test."""
        return Decimal(100 + self.ids[symbol])

    def reset(self) -> None:
        """Bring every price back to its opening."""
        self.move(**{symbol: self.opening(symbol) for symbol in self.ids if symbol != PRICELESS})

    def move(self, **prices: Decimal | str) -> None:
        """Set prices and tell the pages."""
        self._store([self._quote(symbol, Decimal(price)) for symbol, price in prices.items()])

    def trade(self, symbol: str, volume: int) -> None:
        """Change a stock's volume and leave its price alone."""
        self._store([self._quote(symbol, None, volume)])

    def _store(self, quotes: list[Quote]) -> None:
        with self.app.app_context():
            changed = store_quotes(quotes, clock.now())
            db.session.commit()
            with suppress(*RedisAway):
                bus.publish_quotes(self.app.extensions["redis"], changed[0].version, changed)

    def _quote(self, symbol: str, price: Decimal | None, volume: int = 0) -> Quote:
        stock, opening = self.stocks[symbol], self.opening(symbol)
        if price is None:
            with self.app.app_context():
                row = db.session.get(QuoteRow, stock.id)
                price = row.price if row and row.price is not None else opening
        # Every figure follows from the number of the stock, so that no two rows are alike.
        now = clock.now()
        number, day = stock.id, exchange_day(stock.mic, now)
        return Quote(
            instrument_id=number, price=price, as_of=now, day=day, source="simulator", state=State.SIMULATED,
            session=Session.REGULAR, previous_close=opening + (number * 7) % 11 - 5, open=opening - (number % 3),
            high=max(price, opening + 1 + number % 5), low=min(price, opening - 3),
            volume=volume or 1000 * ((number * 37) % 101 + 1), bid=price, ask=price + Decimal("0.01"),
            stale_at=now + dt.timedelta(hours=1))
