"""What the benchmark's worker does: store quotes, commit, publish; as a job does, only to a beat.

python -m benchmarks.streams.publisher prepare|tick|burst ...; the site's environment says where.
"""

from __future__ import annotations

import argparse
import dataclasses
import http.client
import json
import random
import select
import sys
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from flask import current_app
from sqlalchemy import select as query
from sqlalchemy import update

from benchmarks.streams.stamps import Stamps
from config import Config
from webapp import clock
from webapp.accounts.service import create_user
from webapp.app import create_app
from webapp.extensions import db
from webapp.live import bus
from webapp.live.fragments import Renderer
from webapp.markets import SessionBook
from webapp.models import FeedVersion, InstrumentRow, QuoteRow, Watchlist, WatchlistItem
from webapp.quotes import load_live
from webapp.records import Instrument, LiveQuote, Quote
from worker import store
from worker.providers.simulator import Simulator

EMAIL, PASSWORD = "viewer@example.org", "a long benchmark password"  # of an account that lives a minute
NO_SESSIONS = SessionBook([])  # the simulator's own clock needs none
Send = Callable[[int, Sequence[LiveQuote]], None]


class Market:
    """Stocks whose prices move whenever they are told to."""

    def __init__(self, instruments: Sequence[Instrument]) -> None:
        settings: Config = current_app.config["SETTINGS"]
        self.simulator = Simulator(settings)
        self.instruments = {instrument.id: instrument for instrument in instruments}
        now = clock.now()
        self.quotes = {quote.instrument_id: quote
                       for quote in self.simulator.quotes(instruments, now, NO_SESSIONS)}
        self.random = random.Random(1)

    def move(self, ids: Sequence[int]) -> list[LiveQuote]:
        """Give each of the stocks a new price, store and commit; return the changed rows."""
        now = clock.now()
        for number in ids:
            self.quotes[number] = self._moved(self.quotes[number], now)
        rows = store.store_quotes([self.quotes[number] for number in ids], now,
                                  lambda instrument: self.simulator.day_path(instrument, now, NO_SESSIONS))
        db.session.commit()
        return rows

    def _moved(self, quote: Quote, now: datetime) -> Quote:
        """Return the next trade; it never goes stale, so that time alone draws no row again."""
        tick = Decimal(1).scaleb(-self.instruments[quote.instrument_id].decimals)
        price = max(quote.price + tick * self.random.choice((-3, -2, -1, 1, 2, 3)), tick)
        return dataclasses.replace(
            quote, price=price, as_of=now, day=now.date(), high=max(quote.high or price, price),
            low=min(quote.low or price, price), volume=(quote.volume or 0) + self.random.randrange(1, 500),
            stale_at=now + timedelta(days=1), extended_price=None, extended_as_of=None)


def prepare(stocks: int, frame: Path) -> dict[str, Any]:
    """Fill the tables: so many stocks with prices, a person with a list of 50; write one real frame for the floor."""
    person_id = create_user(EMAIL, PASSWORD).id
    db.session.commit()
    known = db.session.scalars(query(InstrumentRow).order_by(InstrumentRow.id)).all()
    made = [InstrumentRow(symbol=f"Q{number:05}", mic="XNAS", name=f"Quoted Company {number} Inc", currency="USD",
                          country="US", kind="stock") for number in range(stocks - len(known))]
    db.session.add_all(made)
    db.session.flush()
    rows = [*known, *made][:stocks]
    items = [WatchlistItem(instrument_id=row.id, position=place) for place, row in enumerate(rows[:50])]
    watchlist = Watchlist(user_id=person_id, name="Benchmark", items=items)
    db.session.add(watchlist)
    db.session.commit()
    shared = [row.id for row in rows if row.starter]
    market = Market([row.record() for row in rows])
    first = {live.instrument.id: live for live in market.move([row.id for row in rows])}[shared[0]]
    html = Renderer(current_app.jinja_env)("table", dataclasses.replace(first, tick=1))
    frame.write_bytes(b"id: 0000000000\nevent: quotes\ndata: " + html + b"\n\n")
    return {"ids": [row.id for row in rows], "shared": shared, "watchlist": watchlist.id, "row_bytes": len(html),
            "version": first.version}


def tick(ids: Sequence[int], each: int, rate: float, seconds: float, send: Send) -> dict[str, Any]:
    """Move `each` stocks, in turn, `rate` times a second, until somebody writes a line, or for `seconds`."""
    market = Market([row.instrument for row in load_live(ids)])
    began = following = time.monotonic()
    ticks, place, late = 0, 0, 0.0
    while time.monotonic() - began < seconds:
        following += 1 / rate
        if select.select([sys.stdin], [], [], max(0.0, following - time.monotonic()))[0]:
            break
        moving = [ids[(place + offset) % len(ids)] for offset in range(each)]
        place = (place + each) % len(ids)
        rows = market.move(moving)
        send(rows[0].version, rows)
        ticks += 1
        late = max(late, time.monotonic() - following)
    return {"ticks": ticks, "latest_ms": round(late * 1000, 1)}


def burst(ids: Sequence[int], stamps: Stamps) -> dict[str, Any]:
    """Publish all of these stocks in one message, as changed by one commit.

    The commit is one short statement, so that it is the fan-out that is measured and not the database's lock.
    """
    rows = load_live(ids)
    version = db.session.scalars(
        update(FeedVersion).values(value=FeedVersion.value + 1).returning(FeedVersion.value)).one()
    db.session.execute(update(QuoteRow).where(QuoteRow.instrument_id.between(min(ids), max(ids))).values(
        version=version), execution_options={"synchronize_session": False})
    db.session.commit()
    changed = [dataclasses.replace(row, version=version) for row in rows]
    stamps.mark(version)
    bus.publish_quotes(current_app.extensions["redis"], version, changed)
    return {"version": version, "rows": len(changed)}


def to_bus(stamps: Stamps) -> Send:
    """Return the real thing: one message with the changed rows."""
    redis = current_app.extensions["redis"]

    def send(version: int, rows: Sequence[LiveQuote]) -> None:
        stamps.mark(version)
        bus.publish_quotes(redis, version, rows)

    return send


def to_nchan(stamps: Stamps, port: int, channel: str) -> Send:
    """Return a sender of the same bytes to Nchan: one message per row, on the stock's channel or on `channel`."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    render = Renderer(current_app.jinja_env)

    def send(version: int, rows: Sequence[LiveQuote]) -> None:
        bodies = [(channel or str(row.instrument.id), b"v=%d %b" % (version, render("table", row))) for row in rows]
        stamps.mark(version)
        for name, body in bodies:
            connection.request("POST", f"/publish?id={name}", body)
            connection.getresponse().read()

    return send


def to_flask_sse(stamps: Stamps) -> Send:
    """Return a sender that does what flask-sse's publish() does, with the same bytes."""
    redis = current_app.extensions["redis"]
    render = Renderer(current_app.jinja_env)

    def send(version: int, rows: Sequence[LiveQuote]) -> None:
        bodies = [(row.instrument.id, f"v={version} {render('table', row).decode()}") for row in rows]
        stamps.mark(version)
        for number, body in bodies:
            redis.publish(str(number), json.dumps({"data": body, "type": "quotes"}))

    return send


def read_words() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser()
    commands = parser.add_subparsers(dest="command", required=True)
    preparing = commands.add_parser("prepare")
    preparing.add_argument("--stocks", type=int, required=True)
    preparing.add_argument("--frame", type=Path, required=True)
    ticking = commands.add_parser("tick")
    ticking.add_argument("--to", choices=["bus", "nchan", "flask-sse"], required=True)
    ticking.add_argument("--port", type=int, default=0)
    ticking.add_argument("--channel", default="")
    ticking.add_argument("--each", type=int, required=True)
    ticking.add_argument("--rate", type=float, required=True)
    ticking.add_argument("--seconds", type=float, required=True)
    for command in (ticking, commands.add_parser("burst")):
        command.add_argument("--ids", type=Path, required=True, help="a file with a JSON list")
        command.add_argument("--stamps", type=Path, required=True)
    return parser.parse_args()


def main() -> None:
    """Do what the command line says; print one line of JSON."""
    words = read_words()
    with create_app().app_context():
        if words.command == "prepare":
            answer = prepare(words.stocks, words.frame)
        else:
            stamps, ids = Stamps(words.stamps), json.loads(words.ids.read_text())
            if words.command == "burst":
                answer = burst(ids, stamps)
            else:
                send = {"bus": lambda: to_bus(stamps), "flask-sse": lambda: to_flask_sse(stamps),
                        "nchan": lambda: to_nchan(stamps, words.port, words.channel)}[words.to]()
                answer = tick(ids, words.each, words.rate, words.seconds, send)
    print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
