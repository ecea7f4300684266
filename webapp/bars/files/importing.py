"""A file of past prices on its way into the database: read and judged whole, then written in one go.

Nothing here commits. Reading writes nothing and holds no lock, however long it takes; writing takes the lock once.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from types import TracebackType
from zoneinfo import ZoneInfo

from webapp.analytics.series import to_day
from webapp.bars.basis import MismatchError
from webapp.bars.codec import Bars
from webapp.bars.events import Events, load_splits
from webapp.bars.files.blocks import open_table
from webapp.bars.files.formats import FileRefused, Layout
from webapp.bars.files.judging import Claim, basis_of, check_step
from webapp.bars.files.rows import Batch, Reader, Records
from webapp.bars.files.spool import Merged, Spool
from webapp.bars.files.stocks import Stocks
from webapp.bars.histories import undivided
from webapp.bars.reading import load_past
from webapp.bars.writing import Batch as SeriesBatch
from webapp.bars.writing import write_many, write_many_events
from webapp.markets import exchange_day, zone_of
from webapp.records import Adjustment, Dividend, Instrument, Split

ADJUSTMENTS = {"as-traded": Adjustment.NONE, "splits": Adjustment.SPLITS, "all": Adjustment.ALL}
# So many refused lines are shown. A file that is not to be taken with holes is not read beyond them.
MOST_PROBLEMS = 50
MOST_REFUSED = 10_000
# So many bars are handed over at a time.
MOST_BARS = 50_000
# It is tomorrow already somewhere.
FARTHEST_EAST = dt.timedelta(hours=14)


@dataclass(frozen=True, slots=True)
class Choices:
    """What a person said of a file; "" and None leave it to the file.

    `instrument` is the stock that it is of, `mic` the exchange that its symbols are of, `source` what its bars are
    called. `unit` is what its prices are in: GBX, or main for the currency and minor for hundredths of it. `made_on` is
    the day on which the file was made: up to then its prices are adjusted. `skip` takes the good lines of a file that
    has bad ones, `anyway` one whose prices are far from those that are stored.
    """

    instrument: Instrument | None = None
    mic: str = ""
    source: str = ""
    adjusted: Adjustment | None = None
    unit: str = ""
    made_on: dt.date | None = None
    skip: bool = False
    anyway: bool = False


@dataclass(slots=True)
class Counts:
    """What came of a file: bars, and lines that gave none; `unknown` of those `refused` are of unknown symbols."""

    added: int = 0
    changed: int = 0
    unchanged: int = 0
    empty: int = 0
    others: int = 0
    same: int = 0
    refused: int = 0
    unknown: int = 0
    problems: list[tuple[int, str]] = field(default_factory=list)


class FileImport:
    """One file. Call read() until it ends, then write(); it is a context manager, whose end throws away what was read.

    `series` are the ids of the series that were written, for the checks, `clashes` the first days of them that stand in
    several lines with different figures, and which lines those are.
    """

    def __init__(self, path: Path, choices: Choices, now: dt.datetime) -> None:
        self.path, self.choices, self.now = path, choices, now
        self.counts = Counts()
        self.series: list[int] = []
        self.clashes: dict[int, dict[dt.date, str]] = {}
        self._stack = ExitStack()

    def __enter__(self) -> FileImport:
        """Open the file; raise FileRefused where it is none that can be read."""
        with ExitStack() as opening:
            self.table = opening.enter_context(open_table(self.path))
            self.spool = opening.enter_context(Spool())
            self.stocks = Stocks(self.choices.instrument, self.choices.mic, self.choices.unit or self.layout.unit)
            self._stack = opening.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        """Close the file and throw away what was read."""
        self._stack.close()

    @property
    def layout(self) -> Layout:
        """Return how the file is written."""
        return self.table.layout

    @property
    def adjusted(self) -> Adjustment:
        """Return what its prices are adjusted for, as the person says, or as files of the kind are."""
        return self.layout.adjusted if self.choices.adjusted is None else self.choices.adjusted

    @property
    def source(self) -> str:
        """Return what the bars are stored as; a file of a vendor's is not the vendor's own answer."""
        name = self.layout.name
        return self.choices.source or (name if name == "file" else f"{name}-file")

    def read(self) -> Iterator[int]:
        """Read and judge the whole file, giving after each block how many bytes are done.

        Raise FileRefused where it is refused; `counts` then says which lines, if they are why.
        """
        if "symbol" not in self.layout.columns:
            self.stocks.take_symbol(self.layout.symbol)
        latest = (self.now + FARTHEST_EAST).date()
        reader = Reader(self.layout, self.stocks.resolve, self.stocks.scales, latest, self._zone())
        for block in self.table.blocks():
            batch = reader.read(block)
            self.spool.add(batch.rows, batch.events)
            self._count(batch)
            yield block.done
        reader.days.settle()
        self._settle()

    def write(self) -> None:
        """Write all bars and events, within the caller's transaction; raise FileRefused where they do not fit.

        That is where a source's bars are there already with another adjustment.
        """
        waiting: list[tuple[int, Merged]] = []
        count = 0
        try:
            for stock, merged in self.spool.merged():
                waiting.append((stock, merged))
                count += len(merged.bars)
                if count >= MOST_BARS:
                    self._hand_over(waiting)
                    waiting, count = [], 0
            self._hand_over(waiting)
        except MismatchError as error:
            text = str(error)
            text = f"{text[:1].upper()}{text[1:].removesuffix('.')}"
            raise FileRefused(f"{text}. Give this file's bars another name of their source.") from None

    def _hand_over(self, waiting: Sequence[tuple[int, Merged]]) -> None:
        ids = {stock: self.stocks.instruments[stock].id for stock, _merged in waiting}
        # First the events: they say in whose shares the bars are.
        write_many_events({ids[stock]: self._events(stock, merged.events) for stock, merged in waiting}, self.source,
                          self.now)
        filled = [(stock, merged) for stock, merged in waiting if len(merged.bars)]
        made_on = self._made_on({stock: merged.bars for stock, merged in filled})
        batches = [SeriesBatch(ids[stock], self.source, merged.bars, self.adjusted, made_on[stock])
                   for stock, merged in filled]
        for written, (_stock, merged) in zip(write_many(batches, self.now), filled, strict=True):
            self.series.append(written.series_id)
            self.counts.added += written.added
            self.counts.changed += written.changed
            self.counts.unchanged += written.unchanged
            if merged.clashes:
                self.clashes[written.series_id] = {
                    clash.day: f"The file has it in lines {clash.first} and {clash.line} with different figures"
                    for clash in merged.clashes}

    def _made_on(self, bars: Mapping[int, Bars]) -> dict[int, dt.date | None]:
        """Return up to which day each stock's prices are divided; raise FileRefused where they are not its prices."""
        stocks = {stock: self.stocks.instruments[stock] for stock in bars}
        ids = [each.id for each in stocks.values()]
        since = to_day(min((found.at[0] for found in bars.values()), default=0))
        pasts, splits = load_past(ids, since=since), load_splits(ids)
        claims = {stock: Claim(each, bars[stock], self.adjusted, self.choices.made_on, splits.get(each.id, ()),
                               exchange_day(each.mic, self.now)) for stock, each in stocks.items()}
        return {stock: basis_of(claim, pasts.get(claim.stock.id), anyway=self.choices.anyway)
                for stock, claim in claims.items()}

    def _zone(self) -> ZoneInfo | None:
        """Return the exchange's zone, None where the stocks may be of several."""
        only = self.choices.instrument or (None if "symbol" in self.layout.columns else self.stocks.instruments[0])
        mic = only.mic if only else self.choices.mic
        return zone_of(mic) if mic else None

    def _count(self, batch: Batch) -> None:
        counts = self.counts
        counts.empty += batch.empty
        counts.others += batch.others
        self._refuse(batch.problems, len(batch.problems) + batch.unlisted)
        counts.unknown += batch.unlisted + sum(reason in self.stocks.reasons for _line, reason in batch.problems)
        if not self.choices.skip and (len(counts.problems) >= MOST_PROBLEMS or counts.refused >= MOST_REFUSED):
            raise FileRefused(f"{counts.refused:,} lines or more cannot be right. Nothing was imported.")
        if counts.refused - counts.unknown >= MOST_REFUSED:
            self._refuse_most()

    def _refuse_most(self) -> None:
        """Raise FileRefused where more lines are bad than good; those of unknown symbols are neither."""
        bad, good = self.counts.refused - self.counts.unknown, self.spool.rows.total
        if bad > good:
            raise FileRefused(f"Most lines cannot be right: {bad:,} of the first {bad + good:,}. Nothing was imported.")

    def _refuse(self, problems: Sequence[tuple[int, str]], count: int) -> None:
        """Note refused lines; a symbol that means nothing is shown once."""
        counts = self.counts
        counts.refused += count
        for line, reason in problems:
            if len(counts.problems) >= MOST_PROBLEMS:
                return
            if reason not in self.stocks.reasons or reason not in {said for _line, said in counts.problems}:
                counts.problems.append((line, reason))

    def _settle(self) -> None:
        """Judge the file as a whole, before anything is written."""
        counts = self.counts
        for stock, merged in self.spool.merged():
            check_step(self.stocks.instruments[stock], merged.bars)
            counts.same += merged.same
            self._refuse([(clash.line, clash.reason) for clash in merged.clashes], merged.clashed)
        counts.problems.sort()
        if counts.refused and not self.choices.skip:
            lines = "1 line" if counts.refused == 1 else f"{counts.refused:,} lines"
            raise FileRefused(f"{lines} cannot be right. Nothing was imported.")
        if not self.spool.rows.total:
            others = ", ".join(self.stocks.others)
            key = self.choices.instrument.key if self.choices.instrument else ""
            raise FileRefused(f"It has no prices of {key}, but of {others}." if others else
                              "No line of it could be read." if counts.refused else "It has no prices.")
        self._refuse_most()

    def _events(self, stock: int, records: Records) -> Events:
        """Return what happened to a stock, dividends in its currency and in the shares of their day."""
        part = self.stocks.part(stock)
        # A repeated line says them again.
        splits = list(dict.fromkeys(Split(to_day(record["at"]), Decimal(record["ratio"].decode()))
                                    for record in records if record["ratio"]))
        dividends = list(dict.fromkeys(Dividend(to_day(record["at"]), Decimal(record["amount"].decode()) * part)
                                       for record in records if record["amount"]))
        return Events(splits, undivided(dividends, splits) if self.layout.later_shares else dividends)

