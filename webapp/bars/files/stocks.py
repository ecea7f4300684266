"""Which instruments the symbols of a file mean, and in what unit each one's prices stand in it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from decimal import Decimal

from webapp.bars.codec import SCALE
from webapp.bars.files.formats import FileRefused, shown
from webapp.bars.files.rows import OTHER
from webapp.instruments import Ambiguous, Found, resolve_all
from webapp.notation import canonical
from webapp.records import MINOR_UNITS, Instrument, currency_of

# How Stooq ends a symbol, and the countries that it means; Warsaw's have no ending.
COUNTRIES = {"US": "US", "UK": "GB", "DE": "DE", "JP": "JP", "HK": "HK", "HU": "HU", "PL": "PL"}
MOST_CANDIDATES = 8
# More symbols than there are stocks in the world are none; so many are looked up at a time.
MOST_SYMBOLS = 100_000
TOGETHER = 5_000


class Stocks:
    """The stocks of one file, by the numbers that its rows bear.

    `only` is the one that was asked for: lines of others are passed over. `mic` narrows down what a symbol may mean.
    `scales[n]` is how many hundred-millionths of the currency one unit of the file is. `others` are some symbols that
    were passed over, `reasons` why symbols mean none.
    """

    def __init__(self, only: Instrument | None, mic: str, unit: str) -> None:
        self.only, self.mic, self.unit = only, mic, unit
        self.instruments: list[Instrument] = []
        self.numbers: dict[int, int] = {}
        self.scales: list[int] = []
        self.reasons: set[str] = set()
        self.others: list[str] = []
        self.seen = 0
        if only is not None:
            self._number(only)

    def take_symbol(self, symbol: str) -> None:
        """Settle the stock of a file that names it once or not at all; raise FileRefused where that cannot be."""
        if not symbol:
            if self.only is None:
                raise FileRefused("Which stock is it of? The file does not say: name its symbol.")
            return
        code = self.resolve([symbol])[symbol]
        if code == OTHER and self.only is not None:
            raise FileRefused(f"The file is of {shown(symbol, 30)}, not of {self.only.key}.")
        if isinstance(code, str):
            raise FileRefused(f"{code[0].upper()}{code[1:]}.")

    def resolve(self, symbols: Collection[str]) -> dict[str, int | str]:
        """Return each symbol's number, OTHER where it was not asked for, or why it means none.

        Raise FileRefused where the file has had too many by now.
        """
        texts = sorted(symbols)
        self.seen += len(texts)
        if self.seen > MOST_SYMBOLS:
            raise FileRefused(f"It names more than {MOST_SYMBOLS:,} symbols: its columns are not what they are called.")
        found: dict[str, int | str] = {}
        for start in range(0, len(texts), TOGETHER):
            part = texts[start:start + TOGETHER]
            for text, candidates in zip(part, self._candidates(part), strict=True):
                found[text] = self._settle(text, candidates)
        self.reasons |= {reason for reason in found.values() if isinstance(reason, str)}
        return found

    def part(self, stock: int) -> Decimal:
        """Return how much of the currency one unit of the file is: 0.01 for pence."""
        return Decimal(self.scales[stock]) / SCALE

    def _candidates(self, texts: Sequence[str]) -> list[list[Instrument]]:
        """Return what each symbol may mean on the exchanges that come into question."""
        bare = [text.rpartition(".")[0] for text in texts]
        meanings = zip(texts, resolve_all(texts), resolve_all(bare), strict=True)
        return [[one for one in _meant(first) if self.mic in {"", one.mic}] or
                [one for one in _meant(second) if self.mic in {"", one.mic}
                 and one.country == COUNTRIES.get(text.upper().rpartition(".")[2])]
                for text, first, second in meanings]

    def _settle(self, text: str, candidates: list[Instrument]) -> int | str:
        if self.only is not None:
            if self.only.id in {one.id for one in candidates} or _is_called(text, self.only):
                return 0
            self.others = [*self.others, text][:MOST_CANDIDATES]
            return OTHER
        if not candidates:
            return f"no stock here is called {shown(text, 30)}" + (f" on {self.mic}" if self.mic else "")
        if len(candidates) > 1:
            keys = ", ".join(one.key for one in candidates[:MOST_CANDIDATES])
            return f"{shown(text, 30)} may be any of {keys}: name the exchange"
        try:
            return self._number(candidates[0])
        except FileRefused as refusal:
            return str(refusal).removesuffix(".")

    def _number(self, instrument: Instrument) -> int:
        if instrument.id in self.numbers:
            return self.numbers[instrument.id]
        unit = _unit_for(instrument, self.unit)
        if currency_of(unit) != instrument.currency:
            raise FileRefused(f"{instrument.key} is traded in {instrument.currency}, not in {_in_words(unit)}.")
        self.instruments.append(instrument)
        self.scales.append(SCALE // MINOR_UNITS[unit][1] if unit in MINOR_UNITS else SCALE)
        return self.numbers.setdefault(instrument.id, len(self.instruments) - 1)


def _unit_for(instrument: Instrument, said: str) -> str:
    """Return the unit that is meant for this stock: what the exchange quotes in where nothing is said."""
    if said == "main":
        return instrument.currency
    if said == "minor":
        return next((unit for unit, (currency, _) in MINOR_UNITS.items() if currency == instrument.currency), said)
    return said or instrument.quoted_in


def _is_called(text: str, stock: Instrument) -> bool:
    """Tell whether a file's symbol may be this stock's, with Stooq's ending of its country or without: AAPL.US.

    Any other ending is of another listing, or of another class of shares.
    """
    symbol, _, ending = canonical(text).rpartition(".")
    return canonical(text) == stock.symbol or (symbol == stock.symbol and COUNTRIES.get(ending) == stock.country)


def _in_words(unit: str) -> str:
    return "hundredths of something" if unit == "minor" else unit


def _meant(resolution: object) -> Sequence[Instrument]:
    if isinstance(resolution, Found):
        return [resolution.instrument]
    return resolution.candidates if isinstance(resolution, Ambiguous) else []
