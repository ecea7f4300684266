"""What a stock's relative strength is measured against."""

from __future__ import annotations

from sqlalchemy import ColumnElement, case, literal, select

from webapp import instruments
from webapp.extensions import db
from webapp.models import InstrumentRow
from webapp.records import Instrument

# Where a stock's row names nothing else, by its currency.
USUAL_BENCHMARKS = {"USD": "ARCX:SPY"}


def benchmark_column() -> ColumnElement[str]:
    """Return, as SQL, the key of what an instrument is measured against; "" for nothing, and never itself."""
    usual = case(*((InstrumentRow.currency == currency, literal(benchmark))
                   for currency, benchmark in USUAL_BENCHMARKS.items()), else_="")
    wanted = case((InstrumentRow.benchmark != "", InstrumentRow.benchmark), else_=usual)
    return case((wanted == key_column(), ""), else_=wanted)


def key_column() -> ColumnElement[str]:
    """Return, as SQL, what names an instrument without doubt: XNAS:AAPL."""
    return InstrumentRow.mic + ":" + InstrumentRow.symbol


def find_benchmark(instrument: Instrument) -> Instrument | None:
    """Return what an instrument is measured against, None where there is nothing in its currency."""
    key = db.session.scalar(select(benchmark_column()).where(InstrumentRow.id == instrument.id)) or ""
    mic, _, symbol = key.partition(":")
    found = instruments.find(mic, symbol) if symbol else None
    return found if found is not None and found.currency == instrument.currency else None
