"""Setting what is known of a stock, and what became of its listing. Nothing here commits."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import asdict, dataclass, replace

from sqlalchemy import exists, select

from webapp import clock
from webapp.audit import Actor, note
from webapp.errors import Refused
from webapp.extensions import db
from webapp.instruments import LISTED, MAX_LENGTH, Ambiguous, Found, resolve
from webapp.kinds import KINDS, SECTORS
from webapp.lists import users_with
from webapp.models import BarSeries, Close, DividendRow, HeldQuote, InstrumentRow, QuoteRow
from webapp.records import Instrument, currency_of, unit_of
from webapp.stocks.rows import follow, lock_row
from webapp.stocks.telling import Told
from webapp.versions import touch

MOST_NAME = 120
MOST_DECIMALS = 8
CODE, COUNTRY = re.compile(r"[A-Za-z]{3}"), re.compile(r"[A-Z]{2}")
DELISTED, RENAMED = "delisted", "renamed"
# A change of these is drawn in the rows of quotes; one of those changes what is reckoned.
SHOWN, RECKONED = {"name", "decimals", "quoted_in"}, {"benchmark", "quoted_in"}


@dataclass(frozen=True, slots=True)
class Facts:
    """What an admin may set of a stock; `benchmark` is a key, or as people write it, "" for the usual one.

    `quoted_in` is the exchange's unit: USD, GBX.
    """

    name: str
    kind: str
    sector: str
    country: str
    decimals: int
    benchmark: str
    starter: bool
    quoted_in: str


def facts_of(row: InstrumentRow) -> Facts:
    """Return what the stock is now."""
    return Facts(row.name, row.kind, row.sector, row.country, row.decimals, row.benchmark, row.starter,
                 row.unit or row.currency)


def edit(stock_id: int, seen: str, wanted: Facts, actor: Actor) -> Told:
    """Set a stock's facts; raise Conflict where it is not as it was `seen`, Refused with its `field` for a bad one."""
    row = lock_row(stock_id, seen)
    before, after = facts_of(row), _checked(row, wanted)
    differ = {name: value for name, value in asdict(after).items() if value != getattr(before, name)}
    if not differ:
        return Told()
    for name, value in differ.items():
        if name == "quoted_in":
            row.currency, row.unit = currency_of(value), unit_of(value)
        else:
            setattr(row, name, value)
    follow(row, *differ)
    note(actor, "stock.edit", row.record().key, {name: getattr(before, name) for name in differ}, differ)
    return _told(row, shown=bool(SHOWN & differ.keys()), analyse=bool(RECKONED & differ.keys()))


def let_directories(stock_id: int, seen: str, actor: Actor) -> Told:
    """Let the providers' directories change again what an admin has set; until they do, it stays."""
    row = lock_row(stock_id, seen)
    if row.set_by_admin:
        note(actor, "stock.edit", row.record().key, {"set_by_admin": row.set_by_admin}, {"set_by_admin": ""})
        row.set_by_admin = ""
    return Told()


def mark(stock_id: int, seen: str, status: str, day: dt.date | None, successor: str, actor: Actor) -> Told:
    """Say that a stock is listed, delisted, or renamed to its successor (as people write it), since a day if known.

    What an admin says no directory undoes. Raise Conflict and Refused as edit() does.
    """
    row = lock_row(stock_id, seen)
    before = _listing(row)
    if status == LISTED:
        row.status, row.status_day, row.renamed_to = LISTED, None, ""
    elif status in (DELISTED, RENAMED):
        heir = _read_heir(successor, row) if status == RENAMED else None
        row.status, row.status_day, row.renamed_to = status, _read_day(day), heir.key if heir else ""
    else:
        raise Refused("A stock is listed, delisted or renamed.", field="status")
    row.missing_since = None
    follow(row, "status")
    if before != (after := _listing(row)):
        note(actor, "stock.mark", row.record().key, before, after)
    return _told(row, shown=False)


def why_money_stays(stock_id: int) -> str:
    """Return why a stock's currency cannot be changed: what is stored in it; "" where it can."""
    held = {"a price": exists().where(QuoteRow.instrument_id == stock_id, QuoteRow.price.is_not(None)),
            "a held price": exists().where(HeldQuote.instrument_id == stock_id),
            "past prices": exists().where(BarSeries.instrument_id == stock_id),
            "closes": exists().where(Close.instrument_id == stock_id),
            "dividends": exists().where(DividendRow.instrument_id == stock_id)}
    found = db.session.execute(select(*held.values())).one()
    words = [what for what, is_there in zip(held, found, strict=True) if is_there]
    return f"It stays as it is, because amounts are stored in it: {', '.join(words)}." if words else ""


def _checked(row: InstrumentRow, wanted: Facts) -> Facts:
    """Return the facts as they are stored; raise Refused for one that cannot be."""
    old = facts_of(row)
    name = " ".join("".join(sign if sign.isprintable() else " " for sign in wanted.name).split())
    if not 0 < len(name) <= MOST_NAME:
        raise Refused(f"Give it a name of at most {MOST_NAME} characters.", field="name")
    if wanted.kind not in {*KINDS, old.kind}:
        raise Refused("That is no kind of listing that is known here.", field="kind")
    if wanted.sector not in {"", *SECTORS, old.sector}:
        raise Refused("That is no sector that is known here.", field="sector")
    country = wanted.country.strip().upper()
    if country != old.country and not COUNTRY.fullmatch(country):
        raise Refused("Write the country's two letters, like US.", field="country")
    if not 0 <= wanted.decimals <= MOST_DECIMALS:
        raise Refused(f"From 0 to {MOST_DECIMALS} decimals can be shown.", field="decimals")
    quoted_in = _read_money(row, wanted.quoted_in.strip(), old.quoted_in)
    benchmark = wanted.benchmark.strip()
    if benchmark != old.benchmark or quoted_in != old.quoted_in:
        benchmark = _read_benchmark(benchmark, row, currency_of(quoted_in))
    return replace(wanted, name=name, country=country, quoted_in=quoted_in, benchmark=benchmark)


def _read_money(row: InstrumentRow, text: str, old: str) -> str:
    """Return the unit as it is stored: what the exchange quotes in."""
    if not CODE.fullmatch(text):
        raise Refused("Write three letters, like USD, or GBX for pence.", field="quoted_in")
    unit = unit_of(text) or text.upper()
    if unit != old and (reason := why_money_stays(row.id)):
        raise Refused(reason, field="quoted_in")
    return unit


def _read_benchmark(text: str, row: InstrumentRow, currency: str) -> str:
    """Return the key of what a text means as a benchmark, "" for the usual one."""
    if not text:
        return ""
    found = find(text, "benchmark")
    if found.id == row.id:
        raise Refused("A stock is not measured against itself.", field="benchmark")
    if found.currency != currency:
        raise Refused(f"{found.key} is in {found.currency}, the stock is in {currency}.", field="benchmark")
    return found.key


def find(text: str, field: str) -> Instrument:
    """Return the one stock that a text means; raise Refused, of this field, where that is none or not clear."""
    match resolve(text.strip()[:MAX_LENGTH]):
        case Found(instrument):
            return instrument
        case Ambiguous(candidates):
            raise Refused(f"Which one: {', '.join(one.key for one in candidates)}?", field=field)
        case _:
            raise Refused("No stock here is called so.", field=field)


def _read_day(day: dt.date | None) -> dt.date | None:
    if day is not None and not dt.date(1800, 1, 1) <= day <= clock.now().date() + dt.timedelta(days=1):
        raise Refused("That day is still to come, or too long ago.", field="day")
    return day


def _read_heir(text: str, row: InstrumentRow) -> Instrument:
    """Return what a stock is called now: one that is listed, and not itself."""
    heir = find(text, "successor")
    if heir.id == row.id:
        raise Refused("That is this stock itself.", field="successor")
    if db.session.scalar(select(InstrumentRow.status).where(InstrumentRow.id == heir.id)) != LISTED:
        raise Refused(f"{heir.key} is itself no longer listed.", field="successor")
    return heir


def _listing(row: InstrumentRow) -> dict[str, str]:
    """Return what the row says of the listing."""
    return {"status": row.status, "day": row.status_day.isoformat() if row.status_day else "",
            "renamed_to": row.renamed_to}


def _told(row: InstrumentRow, *, shown: bool, analyse: bool = False) -> Told:
    """Return who is to be told; a change that is `shown` gives the row of the quote a new version."""
    db.session.flush()
    return Told(touch([row.id]) if shown else (), users_with(row.id), analyse)
