"""Made-up stocks: geometric walks whose trend changes, with missing days and splits; the same for the same seed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import bindparam, insert, select, update

from webapp.analytics.series import EPOCH, Days, to_number
from webapp.bars.codec import COLUMNS, SCALE, Bars, joined, pack, unpack
from webapp.extensions import db
from webapp.models import BarChunk, BarSeries, InstrumentRow, MarketSession, QuoteRow, SplitRow
from webapp.records import Adjustment

SEED = 20_261_121
# A Thursday: the first day that comes after it ends a week.
LAST_DAY = dt.date(2026, 11, 12)
SOURCE, MIC = "benchmark", "XNAS"
BENCHMARK_MIC, BENCHMARK = "ARCX", "SPY"
BATCH = 200
HOLIDAYS = ((1, 1), (7, 4), (12, 25))
CENT = SCALE // 100
MADE_AT = dt.datetime(2026, 11, 12, 22, tzinfo=dt.UTC)
# One stock in so many has a split, begins late, or lacks a day now and then.
SPLIT_EVERY, LATE_EVERY, GAPS_EVERY = 12, 25, 6
RATIOS = (2, 3, 4, 10)


@dataclass(frozen=True)
class Made:
    """One stock's bars, as traded, and its split, as the place of its day and the ratio."""

    number: int
    bars: Bars
    split: tuple[int, int] | None


def trading_days(years: int, more: int = 0) -> Days:
    """Return the days from Monday to Friday but for some holidays, of so many years up to LAST_DAY and some more."""
    first = LAST_DAY.replace(year=LAST_DAY.year - years) + dt.timedelta(days=1)
    numbers = np.arange(to_number(first), to_number(LAST_DAY) + 2 * more + 7, dtype=np.int32)
    days = [number for number in numbers.tolist() if _is_open(EPOCH + dt.timedelta(days=number))]
    kept = int(np.searchsorted(days, to_number(LAST_DAY), side="right")) + more
    return np.array(days[:kept], np.int32)


def make_stocks(first: int, count: int, days: Days) -> Iterator[Made]:
    """Return stocks with the numbers from `first` on; the number 0 is the benchmark, which is steadier."""
    shape = count, len(days)
    chance = np.random.default_rng([SEED, first])
    trend = _trends(chance, shape)
    spread = chance.uniform(0.008, 0.03, (count, 1))
    if first == 0:
        trend[0], spread[0] = 0.0004, 0.009
    closes = chance.uniform(5, 400, (count, 1)) * np.exp(np.cumsum(trend + spread * chance.standard_normal(shape), 1))
    closes = np.clip(closes, 0.5, 500_000)
    opens = closes * np.exp(0.3 * spread * chance.standard_normal(shape))
    highs = np.maximum(opens, closes) * (1 + 0.5 * spread * chance.random(shape))
    lows = np.minimum(opens, closes) * (1 - 0.5 * spread * chance.random(shape))
    volumes = chance.uniform(1e4, 1e7, (count, 1)) * np.exp(0.5 * chance.standard_normal(shape))
    for row in range(count):
        columns = opens[row], highs[row], lows[row], closes[row], volumes[row]
        yield _made(first + row, days, columns, np.random.default_rng([SEED, first + row, 7]))


def store_universe(symbols: int, years: int) -> int:
    """Write instruments, sessions, bars, splits and quotes into an empty database; return how many bars."""
    days = trading_days(years)
    db.session.execute(insert(InstrumentRow), [_instrument(number) for number in range(symbols + 1)])
    db.session.execute(insert(QuoteRow), [_quote(number) for number in range(symbols + 1)])
    db.session.execute(insert(MarketSession), _sessions(trading_days(years, 10)[-40:]))
    db.session.commit()
    total = 0
    for first in range(0, symbols + 1, BATCH):
        made = list(make_stocks(first, min(BATCH, symbols + 1 - first), days))
        total += sum(len(one.bars) for one in made)
        _store(made)
    return total


def append_day(symbols: int, day: dt.date, changed_at: dt.datetime) -> None:
    """Write one bar more for every stock, as a night's ingestion does."""
    chance = np.random.default_rng([SEED, to_number(day)])
    chunks: Any = BarChunk.__table__
    for first in range(1, symbols + 2, BATCH):
        ids = range(first, min(first + BATCH, symbols + 2))
        rows = db.session.execute(select(chunks.c.series_id, chunks.c.data).where(
            chunks.c.series_id.in_(ids), chunks.c.start == dt.date(day.year, 1, 1))).all()
        db.session.execute(
            update(chunks).where(chunks.c.series_id == bindparam("series"),
                                    chunks.c.start == dt.date(day.year, 1, 1)).values(
                data=bindparam("packed"), bars=bindparam("many")),
            [_longer(series, data, day, float(chance.normal(1, 0.015))) for series, data in rows])
        db.session.execute(update(BarSeries).where(BarSeries.id.in_(ids)).values(
            changed_at=changed_at, fetched_at=changed_at, last_day=day, bars=BarSeries.bars + 1))
        db.session.commit()


def _is_open(day: dt.date) -> bool:
    return day.weekday() < 5 and (day.month, day.day) not in HOLIDAYS


def _trends(chance: np.random.Generator, shape: tuple[int, int]) -> NDArray[np.float64]:
    """Return a day's drift: rising, level or falling, each for some months."""
    stretch = 63
    pieces = chance.choice((0.0022, 0.0, 0.0, -0.0020), (shape[0], shape[1] // stretch + 1))
    keep = chance.random(pieces.shape) < 0.5
    keep[:, 0] = False
    source = np.maximum.accumulate(np.where(keep, 0, np.arange(pieces.shape[1])), axis=1)
    return np.repeat(np.take_along_axis(pieces, source, 1), stretch, axis=1)[:, :shape[1]]


def _made(number: int, days: Days, columns: tuple[NDArray[np.float64], ...], chance: np.random.Generator) -> Made:
    """Round one stock's figures, and take away, or divide, what its number asks for."""
    keep = np.ones(len(days), bool)
    if number and number % LATE_EVERY == 0:
        keep[:int(chance.integers(len(days) // 3, len(days) * 4 // 5))] = False
    if number and number % GAPS_EVERY == 0:
        keep[chance.integers(0, len(days) - 1, len(days) // 120 + 1)] = False
    prices = [np.rint(column[keep] * 100).astype(np.int64) * CENT for column in columns[:4]]
    volume = np.rint(columns[4][keep]).astype(np.int64)
    split = None
    if number and number % SPLIT_EVERY == 0 and len(volume) > 100:
        place, ratio = int(chance.integers(20, len(volume) - 20)), int(chance.choice(RATIOS))
        split = place, ratio
        for column in prices:
            column[:place] *= ratio
        volume[:place] //= ratio
    opens, highs, lows, closes = prices
    return Made(number, Bars(days[keep], opens, highs, lows, closes, volume), split)


def _instrument(number: int) -> dict[str, Any]:
    symbol, mic = (f"S{number:05}", MIC) if number else (BENCHMARK, BENCHMARK_MIC)
    return {"id": number + 1, "symbol": symbol, "mic": mic, "name": f"Stock {number}", "folded_name": f"stock {number}",
            "currency": "USD", "unit": "", "country": "US", "kind": "stock", "decimals": 2, "starter": False,
            "status": "listed", "renamed_to": "", "figi": "", "listed_by": "", "sector": "", "benchmark": ""}


def _quote(number: int) -> dict[str, Any]:
    """Return a row of a stock that pages show, so that they are to be told of its stage."""
    at = dt.datetime.combine(LAST_DAY, dt.time(20), dt.UTC)
    return {"instrument_id": number + 1, "version": 0, "price": Decimal(100), "as_of": at, "day": LAST_DAY,
            "as_of_is_day": True, "source": SOURCE, "state": "Closed", "session": "closed", "unit": "USD",
            "sent_unit": "USD", "delay": "", "problem": "", "previous_close": Decimal(99), "fetched_at": at}


def _sessions(days: Days) -> list[dict[str, Any]]:
    rows = []
    for number in days.tolist():
        day = EPOCH + dt.timedelta(days=number)
        opens_at = dt.datetime.combine(day, dt.time(14, 30), dt.UTC)
        rows += [{"mic": mic, "day": day, "opens_at": opens_at, "closes_at": opens_at + dt.timedelta(hours=6.5)}
                 for mic in (MIC, BENCHMARK_MIC)]
    return rows


def _store(made: list[Made]) -> None:
    series: list[dict[str, Any]] = []
    chunks: list[dict[str, Any]] = []
    splits: list[dict[str, Any]] = []
    for one in made:
        days = [EPOCH + dt.timedelta(days=int(one.bars.at[place])) for place in (0, -1)]
        series.append({"id": one.number + 1, "instrument_id": one.number + 1, "interval": "1d", "source": SOURCE,
                       "adjusted": Adjustment.NONE.value, "basis_day": None, "first_day": days[0],
                       "last_day": days[1], "bars": len(one.bars), "fetched_at": MADE_AT, "changed_at": MADE_AT})
        for year in range(days[0].year, days[1].year + 1):
            edges = np.searchsorted(one.bars.at, [to_number(dt.date(year, 1, 1)), to_number(dt.date(year + 1, 1, 1))])
            part = one.bars.take(slice(int(edges[0]), int(edges[1])))
            if len(part):
                chunks.append({"series_id": one.number + 1, "start": dt.date(year, 1, 1), "bars": len(part),
                               "data": pack(part)})
        if one.split:
            splits.append({"instrument_id": one.number + 1,
                           "day": EPOCH + dt.timedelta(days=int(one.bars.at[one.split[0]])),
                           "ratio": Decimal(one.split[1]), "source": SOURCE, "known_at": MADE_AT})
    db.session.execute(insert(BarSeries), series)
    db.session.execute(insert(BarChunk), chunks)
    if splits:
        db.session.execute(insert(SplitRow), splits)
    db.session.commit()


def _longer(series: int, data: bytes, day: dt.date, move: float) -> dict[str, Any]:
    """Return a chunk with one bar more, some way from the last one."""
    bars = unpack(data)
    last = {name: getattr(bars, name)[-1:] for name in COLUMNS}
    close = np.rint(last["close"] * move / CENT).astype(np.int64) * CENT
    more = Bars(np.array([to_number(day)], np.int32), last["close"], np.maximum(last["close"], close),
                np.minimum(last["close"], close), close, last["volume"])
    return {"series": series, "packed": pack(joined([bars, more])), "many": len(bars) + 1}
