"""Stocks as charting front ends know them: symbols, with all that is to be known before a chart is drawn."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import select

from webapp.api.udf_sessions import load_hours
from webapp.bars.lengths import kept_minutes
from webapp.export import tradingview_name
from webapp.extensions import db
from webapp.filters import places
from webapp.kinds import KINDS
from webapp.markets import EXCHANGES, exchange_name, zone_of
from webapp.models import InstrumentRow
from webapp.records import Instrument, LiveQuote, State

# A front end's word for a length, and ours.
LENGTHS = {"1": "1m", "5": "5m", "15": "15m", "30": "30m", "60": "1h", "1D": "1d", "1W": "1w", "1M": "1M"}
MINUTES = [word for word in LENGTHS if word.isdigit()]
OTHER_WORDS = {"D": "1D", "W": "1W", "M": "1M"}
# How fresh prices are: the word for it, and by how many seconds they are late; -1 is the end of the day.
FRESHNESS = {State.LIVE: ("streaming", 0), State.SIMULATED: ("streaming", 0), State.DELAYED: ("delayed_streaming", 900)}
END_OF_DAY = ("endofday", -1)


def configuration() -> dict[str, object]:
    """Return what this feed can do, and what it may be asked for."""
    mics = db.session.scalars(select(InstrumentRow.mic).distinct().order_by(InstrumentRow.mic)).all()
    exchanges = [{"value": mic, "name": short_exchange(mic), "desc": exchange_name(mic)} for mic in mics]
    return {"supports_search": True, "supports_group_request": False, "supports_marks": False,
            "supports_timescale_marks": False, "supports_time": True,
            "exchanges": [{"value": "", "name": "All", "desc": "All exchanges"}, *exchanges],
            "symbols_types": [{"name": "All", "value": ""},
                              *({"name": kind.capitalize(), "value": kind} for kind in KINDS)],
            "supported_resolutions": list(LENGTHS)}


def symbol_info(live: LiveQuote, now: dt.datetime) -> dict[str, object]:
    """Return what a front end has to know of a stock; `ticker` is what it asks for its prices with."""
    stock, hours = live.instrument, load_hours(live.instrument.mic, now)
    status, delay = FRESHNESS.get(live.quote.delay, END_OF_DAY) if live.quote and live.quote.delay else END_OF_DAY
    exchange, minutes = short_exchange(stock.mic), kept_minutes(stock.id) is not None
    return {
        "name": stock.symbol, "ticker": stock.key, "full_name": tradingview_name(stock), "description": stock.name,
        "type": stock.kind, "exchange": exchange, "listed_exchange": exchange, "timezone": zone_of(stock.mic).key,
        "session": hours.session, "session_holidays": hours.holidays, "corrections": hours.corrections,
        "format": "price", "minmov": 1, "minmove2": 0, "fractional": False, "pricescale": 10 ** places(live),
        "has_intraday": minutes, "has_seconds": False, "has_daily": True, "has_weekly_and_monthly": True,
        "intraday_multipliers": MINUTES if minutes else [],
        "supported_resolutions": list(LENGTHS) if minutes else [word for word in LENGTHS if word not in MINUTES],
        "visible_plots_set": "ohlcv", "volume_precision": 0, "data_status": status, "delay": delay,
        "currency_code": stock.currency, "original_currency_code": stock.currency}


def search_result(stock: Instrument) -> dict[str, object]:
    """Return a stock as one line of a search."""
    return {"symbol": stock.symbol, "full_name": tradingview_name(stock), "description": stock.name,
            "exchange": short_exchange(stock.mic), "ticker": stock.key, "type": stock.kind}


def quote_values(live: LiveQuote) -> dict[str, object]:
    """Return a stock's newest price with what belongs to it; what is unknown is left out."""
    stock, quote = live.instrument, live.quote
    figures = {"lp": quote.price, "ch": live.change, "chp": live.change_percent, "bid": quote.bid, "ask": quote.ask,
               "open_price": quote.open, "high_price": quote.high, "low_price": quote.low,
               "prev_close_price": quote.previous_close} if quote else {}
    if quote and quote.bid is not None and quote.ask is not None:
        figures["spread"] = quote.ask - quote.bid
    return {"short_name": stock.symbol, "exchange": short_exchange(stock.mic), "description": stock.name,
            "original_name": tradingview_name(stock),
            **{name: float(figure) for name, figure in figures.items() if figure is not None},
            **({"volume": quote.volume} if quote and quote.volume is not None else {})}


def short_exchange(mic: str) -> str:
    """Return a front end's word for an exchange: NASDAQ."""
    return EXCHANGES[mic].prefix if mic in EXCHANGES else mic
