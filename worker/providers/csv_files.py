"""Prices from CSV files in a folder, as one downloads them from Stooq or Yahoo: end of day, no calls, no limits."""

from __future__ import annotations

import datetime as dt
import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from webapp.markets import EXCHANGES
from webapp.records import Bar, History, Instrument, Quote, State
from webapp.vendors import VENDORS
from worker.providers.answers import unknown_symbol
from worker.providers.base import ErrorKind, ProviderError
from worker.providers.csv_table import Table, TableError, read_table
from worker.providers.figures import FigureError
from worker.providers.freshness import times_of_day
from worker.providers.histories import finished, is_over, known_dividends, known_splits
from worker.providers.rest import NOTHING_WRITTEN, US

if TYPE_CHECKING:
    from config import Config
    from webapp.markets import SessionBook

log = logging.getLogger(__name__)

# Nothing else is made a part of a file's name.
SYMBOL = re.compile(r"[A-Z0-9]+([.&-][A-Z0-9]+)*")
# What Stooq writes behind a symbol.
STOOQ = {"XLON": "UK", "XETR": "DE", "XFRA": "DE", "XTKS": "JP", "XHKG": "HK"} | dict.fromkeys(US, "US")
# Fifty years of days have less than a megabyte.
MOST_BYTES = 8 * 1024 * 1024


class CsvFiles:
    """The provider. A file is read anew when it was written since; see docs/providers.md for what it may be named.

    `written` are the names, without the .csv, that an admin has given files of stocks, by instrument; "" is no file.
    """

    name = "csv"
    title = "CSV files"
    batch_size = VENDORS["csv"].batch_size
    delay = State.END_OF_DAY
    extended_hours = False
    written: Mapping[int, str] = NOTHING_WRITTEN

    def __init__(self, config: Config) -> None:
        self.limits = VENDORS[self.name].limits(config)
        self._folder = Path(config.CSV_DIR)
        self._tables: dict[Path, tuple[tuple[int, int], Table]] = {}

    def covers(self, instrument: Instrument) -> bool:
        """Tell whether there is a file of it."""
        return self._find(instrument) is not None

    def quotes(self, instruments: Sequence[Instrument], now: dt.datetime, sessions: SessionBook) -> list[Quote]:
        """Return the newest finished day of each; a file that is broken spoils the others only if all are."""
        if len(instruments) > self.batch_size:
            raise ValueError(f"{self.title} takes {self.batch_size} instruments a call")
        quotes: list[Quote] = []
        errors: list[ProviderError] = []
        for instrument in instruments:
            try:
                quotes.append(self._quote(instrument, now, sessions))
            except ProviderError as error:
                errors.append(error)
                log.warning("%s: %s", instrument.key, error.message)
        if errors and not quotes:
            raise errors[0]
        return quotes

    def daily(self, instrument: Instrument, now: dt.datetime, sessions: SessionBook,
              since: dt.date | None = None) -> History:
        """Return the file's days that are over."""
        path, table = self._table(instrument)
        try:
            rows = list(table.newest_first())
            bars = finished((row.bar for row in rows), instrument.mic, now, sessions)
            splits = known_splits(row.split for row in rows)
            dividends = known_dividends(row.dividend for row in rows)
        except FigureError as error:
            reason = str(error)
        else:
            wanted = tuple(bar for bar in bars if since is None or bar.day >= since)
            return History(instrument.id, self.name, table.adjusted, wanted, tuple(splits), tuple(dividends))
        raise broken_file(path, reason)

    def _quote(self, instrument: Instrument, now: dt.datetime, sessions: SessionBook) -> Quote:
        path, table = self._table(instrument)
        try:
            days = list(islice(_finished(table, instrument.mic, now, sessions), 2))
        except FigureError as error:
            days, reason = [], str(error)
        else:
            reason = "it has no day that is over"
        if not days:
            raise broken_file(path, reason)
        newest, before = days[0], days[1] if len(days) > 1 else None
        times = times_of_day(newest.day, State.END_OF_DAY, now, sessions, instrument.mic)
        return Quote(
            instrument_id=instrument.id, price=newest.close, as_of=times.as_of, day=times.day, source=self.name,
            state=times.state, session=times.session, previous_close=before.close if before else None,
            open=newest.open, high=newest.high, low=newest.low, volume=newest.volume, as_of_is_day=True,
            stale_at=times.stale_at, delay=self.delay, previous_day=before.day if before else None)

    def _table(self, instrument: Instrument) -> tuple[Path, Table]:
        """Return the instrument's file, read anew if it was written since."""
        path = self._find(instrument)
        if path is None:
            raise unknown_symbol(self.title)
        try:
            state = path.stat()
            stamp = (state.st_mtime_ns, state.st_size)
            kept = self._tables.get(path)
            if kept and kept[0] == stamp:
                return path, kept[1]
            with path.open("rb") as file:  # it may grow meanwhile, but is not read beyond what it was
                content = file.read(min(state.st_size, MOST_BYTES + 1))
        except OSError as error:
            reason = f"it cannot be read ({error.strerror})"
        else:
            reason = "it is too large"
            if len(content) <= MOST_BYTES:
                try:
                    table = read_table(content, self._spellings(instrument))
                except TableError as error:
                    reason = str(error)
                else:
                    self._tables[path] = stamp, table
                    return path, table
        raise broken_file(path, reason)

    def _find(self, instrument: Instrument) -> Path | None:
        if instrument.id in self.written:
            names = [f"{text}.csv" for word in self._spellings(instrument) for text in (word, word.lower())]
        else:
            names = names_of(instrument)
        return next((path for path in (self._folder / name for name in names) if path.is_file()), None)

    def _spellings(self, instrument: Instrument) -> list[str]:
        """Return how the symbol may be written: as an admin says, or as is usual."""
        written = self.written.get(instrument.id)
        if written is None:
            return spellings(instrument)
        return [written.upper()] if SYMBOL.fullmatch(written.upper()) else []


def _finished(table: Table, mic: str, now: dt.datetime, sessions: SessionBook) -> Iterator[Bar]:
    """Return the days that are over, the newest first, reading no more rows than are taken."""
    return (row.bar for row in table.newest_first() if is_over(row.bar.day, mic, now, sessions))


def broken_file(path: Path, reason: str) -> ProviderError:
    """Return the error for a file that cannot be used; its name says which, its folder is nobody's business."""
    return ProviderError(ErrorKind.BROKEN_ANSWER, f"{path.name} cannot be used: {reason}.")


def spellings(instrument: Instrument) -> list[str]:
    """Return how a symbol of this stock may be written: with the exchange's suffix, or, in New York, without."""
    symbol = instrument.symbol.upper().replace("/", ".")
    if not SYMBOL.fullmatch(symbol):
        return []
    exchange = EXCHANGES.get(instrument.mic)
    suffixes = [*(exchange.suffixes if exchange else ()), *filter(None, [STOOQ.get(instrument.mic)])]
    plain = list(dict.fromkeys((symbol, symbol.replace(".", "-"))))
    found = [f"{word}.{suffix}" for word in plain for suffix in suffixes]
    return [*found, *plain] if instrument.mic in US else found


def names_of(instrument: Instrument) -> list[str]:
    """Return what the file of a stock may be named, the clearest name first.

    XLON_TSCO.csv, TSCO.L.csv, TSCO.LON.csv, tsco.uk.csv, tsco_uk_d.csv; AAPL.csv alone means New York.
    """
    texts = spellings(instrument)
    symbol = instrument.symbol.upper().replace("/", ".")
    own = [f"{instrument.mic}_{word}" for word in dict.fromkeys((symbol, symbol.replace(".", "-")))] if texts else []
    stooq = [f"{text.rpartition('.')[0]}_{STOOQ[instrument.mic]}_D" for text in texts
             if instrument.mic in STOOQ and text.endswith(f".{STOOQ[instrument.mic]}")]
    stems = [*own, *texts, *stooq]
    return [f"{word}.csv" for stem in stems for word in (stem, stem.lower())]
