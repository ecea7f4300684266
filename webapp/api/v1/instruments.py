"""Stocks: all that are known here, one, and those that a text may mean."""

from __future__ import annotations

from typing import Literal

from flask import Response
from pydantic import Field, field_validator

from webapp import instruments as known
from webapp.api import answers, instrument_rows
from webapp.api.callers import public
from webapp.api.instrument_rows import COLUMNS, Filter
from webapp.api.schemas import Day, In, Key, Out, PageQuery
from webapp.api.stocks import find_stock, find_stocks
from webapp.api.surface import blueprint
from webapp.kinds import KINDS, SECTORS
from webapp.paging import cut

bp = blueprint("instruments", "Stocks")

Kind = Literal[KINDS]  # type: ignore[valid-type]  # a tuple of words, which mypy does not look into
Sector = Literal[SECTORS]  # type: ignore[valid-type]


class InstrumentOut(Out):
    """A stock, fund or anything else that is traded. All prices here are in `currency`, never in pence."""

    key: Key
    symbol: str = Field(examples=["AAPL"])
    mic: str = Field(description="The exchange, ISO 10383.", examples=["XNAS"])
    exchange: str = Field(examples=["NASDAQ"])
    name: str
    currency: str = Field(description="ISO 4217.", examples=["USD"])
    unit: str = Field(description="What the exchange quotes in: the currency, or a hundredth of it, like GBX.")
    country: str
    kind: str = Field(examples=["stock"])
    decimals: int = Field(description="How many decimals its prices are shown with.")
    sector: str | None
    status: str = Field(description="listed, delisted or renamed.")
    status_day: Day | None = Field(description="Since when it is no longer listed.")
    renamed_to: Key | None = Field(description="What it is called now.")
    figi: str | None = Field(description="Names the share class for ever, whatever its symbol is.")
    listed_on: Day | None
    benchmark: Key | None = Field(description="What its relative strength is measured against.")


class InstrumentsOut(Out):
    """A page of stocks, by symbol and exchange."""

    items: list[InstrumentOut]
    next: str | None


class FoundOut(Out):
    """Stocks that a text may mean, the likeliest first."""

    items: list[InstrumentOut]
    next: None = Field(description="There is one page only.")


class Narrowed(In):
    """An exchange and a kind, "" for any."""

    mic: str = Field("", pattern=r"^([A-Za-z0-9]{4})?$", description="Of this exchange only.", examples=["XNAS"])
    kind: Literal["", Kind] = Field("", description="Of this kind only.")

    @field_validator("mic", mode="before")
    @classmethod
    def in_capitals(cls, value: object) -> object:
        """Take a code in small letters too."""
        return value.upper() if isinstance(value, str) and value.isascii() else value


class InstrumentsQuery(PageQuery, Narrowed):
    """Which stocks."""

    sector: Literal["", Sector] = Field("", description="Of this sector only.")
    status: Literal["", "listed", "delisted", "renamed"] = Field("", description="In this state only.")
    symbols: str = Field("", max_length=20_000, description="Only these, up to 500, separated by commas.",
                         examples=["XNAS:AAPL,XNAS:MSFT"])


class SearchQuery(Narrowed):
    """What is looked for."""

    q: str = Field(max_length=200, description="A symbol, or a name or words of it. Case and accents do not matter.",
                   examples=["apple"])
    limit: int = Field(20, ge=1, le=100, description="How many at most.")


@bp.get("/instruments")
@bp.get("/instruments.csv")
@public
@bp.input(InstrumentsQuery, location="query")
@bp.output(InstrumentsOut)
def instruments(query_data: InstrumentsQuery) -> Response:
    """Get the stocks that are known here."""
    asked = query_data
    ids = [stock.id for stock in find_stocks(asked.symbols)] if asked.symbols else None
    wanted = Filter(asked.mic, asked.kind, asked.sector, asked.status, ids)
    after = answers.read_cursor(asked.after, str, str) if asked.after else None
    found = instrument_rows.load_stocks(wanted, after, asked.limit + 1)  # type: ignore[arg-type]  # two texts, as checked
    rows, last = cut(found, asked.limit)
    return answers.answer_page(rows, answers.cursor(last["symbol"], last["mic"]) if last else None, columns=COLUMNS)


@bp.get("/instruments/<stock>")
@public
@bp.output(InstrumentOut)
def instrument(stock: str) -> Response:
    """Get one stock."""
    return answers.answer(instrument_rows.load_details([find_stock(stock).id])[0])


@bp.get("/search")
@bp.get("/search.csv")
@public
@bp.input(SearchQuery, location="query")
@bp.output(FoundOut)
def search(query_data: SearchQuery) -> Response:
    """Find the stocks that a text may mean.

    Only what is known here is searched: no provider is asked.
    """
    asked = query_data
    found = known.search(asked.q, asked.limit, mics={asked.mic} if asked.mic else (), kind=asked.kind)
    return answers.answer_page(instrument_rows.load_details([stock.id for stock in found]), None, columns=COLUMNS)
