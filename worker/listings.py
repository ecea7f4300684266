"""Takes a provider's whole directory over: new symbols, better names, and marks on what is no longer listed.

A mark is a claim about a company, so it needs grounds: the list must hold nearly all that was known to be listed, the
stock must have stood in a list of the same provider (or never in any), be missing on two days, and not trade any more.
What an admin has set stays as it is.
"""

from __future__ import annotations

import datetime as dt
import logging
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import select, update

from webapp.extensions import db
from webapp.folding import fold
from webapp.models import InstrumentRow, QuoteRow
from webapp.records import Listing
from webapp.symbols.listings import columns_of, fits
from webapp.upserts import insert
from worker.providers.base import Provider

log = logging.getLogger(__name__)

# So many rows are one transaction: on SQLite, whoever stores prices waits for it.
BATCH = 500
# A list without this part of what was listed is not whole: nothing is concluded from what it lacks.
WHOLE = 0.8
# An exchange with so many known stocks is judged by itself too.
MANY = 50


class Known(NamedTuple):
    """What is known of one instrument."""

    id: int
    symbol: str
    mic: str
    name: str
    kind: str
    figi: str
    listed_on: dt.date | None
    status: str
    starter: bool
    listed_by: str
    missing_since: dt.date | None
    set_by_admin: str

    @property
    def key(self) -> str:
        """Name it without doubt: XNAS:AAPL."""
        return f"{self.mic}:{self.symbol}"

    def is_set(self, field: str) -> bool:
        """Tell whether an admin said so: then no list says otherwise."""
        return field in self.set_by_admin.split(",")


def take_over(found: Sequence[Listing], provider: Provider, today: dt.date) -> str:
    """Bring the directory in line with a provider's list, commit batch by batch, and say what changed."""
    usable = {listing.key: listing for listing in found if fits(listing)}
    ended = {key: listing.delisted_on for key, listing in usable.items()
             if listing.delisted_on is not None and listing.delisted_on <= today}
    listed = {key: listing for key, listing in usable.items() if key not in ended}
    if not listed:
        return f"{provider.title}: the list is empty; nothing was changed"
    known = _load_known({listing.mic for listing in usable.values()})
    new = [columns_of(listing) | {"listed_by": provider.name} for key, listing in listed.items() if key not in known]
    added = _insert(new)
    changes = [change for key, row in known.items() if key in listed
               if (change := _changes(row, listed[key], provider.name))]
    _update(changes)
    marks, doubt = _marks(known, listed, ended, provider.name, today)
    _update(marks)
    return _sentence(provider.title, len(listed), added, changes, marks) + doubt


def _load_known(mics: Iterable[str]) -> dict[str, Known]:
    """Return all instruments of these exchanges, by key."""
    row = InstrumentRow
    query = select(row.id, row.symbol, row.mic, row.name, row.kind, row.figi, row.listed_on, row.status, row.starter,
                   row.listed_by, row.missing_since, row.set_by_admin).where(row.mic.in_(sorted(mics)))
    rows = [Known._make(values) for values in db.session.execute(query)]
    db.session.rollback()
    return {known.key: known for known in rows}


def _insert(rows: Sequence[Mapping[str, Any]]) -> int:
    """Add the instruments that are not there yet; return how many they are."""
    for start in range(0, len(rows), BATCH):
        db.session.execute(insert(InstrumentRow).on_conflict_do_nothing(), list(rows[start:start + BATCH]))
        db.session.commit()
    return len(rows)


def _update(changes: Iterable[Mapping[str, Any]]) -> None:
    """Write the changes, each with the instrument's id; those of the same columns go together."""
    alike: defaultdict[tuple[str, ...], list[Mapping[str, Any]]] = defaultdict(list)
    for change in changes:
        alike[tuple(change)].append(change)
    for rows in alike.values():
        for start in range(0, len(rows), BATCH):
            db.session.execute(update(InstrumentRow), rows[start:start + BATCH])
            db.session.commit()


def _changes(row: Known, listing: Listing, provider: str) -> dict[str, Any]:
    """Return what the directory knows better of a listed instrument, with its id; nothing where it is all the same."""
    better: dict[str, Any] = {}
    name = listing.name[:120]
    if not (row.starter or row.is_set("name") or name == row.symbol) and _is_better_name(name, row.name):
        better |= {"name": name, "folded_name": fold(name)[:240]}
    if listing.kind not in ("", "stock", row.kind) and not row.is_set("kind"):
        better["kind"] = listing.kind[:12]
    if listing.figi and listing.figi != row.figi:
        if row.figi:
            log.warning("%s is another share class now: %s, not %s", row.key, listing.figi, row.figi)
        better["figi"] = listing.figi[:12]
    if listing.listed_on and row.listed_on is None:
        better["listed_on"] = listing.listed_on
    if row.status != "listed" and not row.is_set("status"):
        better |= {"status": "listed", "status_day": None, "renamed_to": ""}
    if row.missing_since is not None:
        better["missing_since"] = None
    if row.listed_by != provider:
        better["listed_by"] = provider
    return {"id": row.id, **better} if better else {}


def _is_better_name(new: str, old: str) -> bool:
    """Tell whether a name is worth taking over: not where it only lost its small letters."""
    if not new or new == old:
        return False
    return not (new.isupper() and not old.isupper() and fold(new) == fold(old))


def _marks(known: Mapping[str, Known], listed: Mapping[str, Listing], ended: Mapping[str, dt.date | None],
           provider: str, today: dt.date) -> tuple[list[dict[str, Any]], str]:
    """Return what is to be marked on those that are no longer listed, and a clause on what was not concluded."""
    marks = [{"id": row.id, "status": "delisted", "status_day": ended[key], "renamed_to": "", "missing_since": None}
             for key, row in known.items() if key in ended and row.status == "listed" and not row.is_set("status")]
    mics = {listing.mic for listing in listed.values()}
    expected = [row for key, row in known.items() if row.mic in mics and row.status == "listed"
                and row.listed_by in ("", provider) and key not in ended]
    doubted = _doubted(expected, listed)
    missing = [row for row in expected if row.key not in listed and row.mic not in doubted and not row.is_set("status")]
    heirs = _Heirs(known, listed)
    trading = _still_trading(missing)
    for row in missing:
        marks += _mark(row, heirs.of(row), today, trading=row.id in trading)
    if not doubted:
        return marks, ""
    held = sum(row.key in listed for row in expected)
    where = ", ".join(sorted(doubted))
    return marks, (f"; nothing was marked on {where}: the list is not whole "
                   f"({held:,} of {len(expected):,} known stocks are in it)")


def _doubted(expected: Sequence[Known], listed: Mapping[str, Listing]) -> set[str]:
    """Return the exchanges on which the list lacks too many of the stocks that were listed."""
    known = Counter(row.mic for row in expected)
    held = Counter(row.mic for row in expected if row.key in listed)
    if held.total() < WHOLE * known.total():
        return set(known)
    return {mic for mic, count in known.items() if count >= MANY and held[mic] < WHOLE * count}


def _mark(row: Known, heir: str, today: dt.date, *, trading: bool) -> list[dict[str, Any]]:
    """Return the mark of one stock that is not in the list, if there is one to make today."""
    if heir:
        return [{"id": row.id, "status": "renamed", "status_day": row.missing_since or today, "renamed_to": heir,
                 "missing_since": None}]
    if row.missing_since is None or trading:
        return [{"id": row.id, "missing_since": today}]
    if row.missing_since < today:
        return [{"id": row.id, "status": "delisted", "status_day": row.missing_since, "renamed_to": "",
                 "missing_since": None}]
    return []


def _still_trading(missing: Sequence[Known]) -> set[int]:
    """Return those of the stocks that have a price of a day on which they were missing already."""
    since = {row.id: row.missing_since for row in missing if row.missing_since is not None}
    ids = sorted(since)
    found: set[int] = set()
    for start in range(0, len(ids), BATCH):
        query = select(QuoteRow.instrument_id, QuoteRow.day).where(
            QuoteRow.instrument_id.in_(ids[start:start + BATCH]), QuoteRow.day.is_not(None))
        found |= {number for number, day in db.session.execute(query) if day is not None and day >= since[number]}
    db.session.rollback()
    return found


class _Heirs:
    """Finds what a stock that is missing is called now."""

    def __init__(self, known: Mapping[str, Known], listed: Mapping[str, Listing]) -> None:
        self._by_figi: defaultdict[str, list[Listing]] = defaultdict(list)
        self._by_name: defaultdict[tuple[str, dt.date, str], list[Listing]] = defaultdict(list)
        for key, listing in listed.items():
            if listing.figi:
                self._by_figi[listing.figi].append(listing)
            if key not in known and listing.name and listing.listed_on:
                self._by_name[fold(listing.name), listing.listed_on, listing.kind].append(listing)

    def of(self, row: Known) -> str:
        """Return the key of the one listing that is the same share class; "" where there is none, or a doubt.

        Where no FIGI says it, a symbol that is new in this list must have the same name, kind and first day, on the
        same exchange, or the same symbol on another one.
        """
        if row.figi:
            found = self._by_figi.get(row.figi, [])
            if found:
                return found[0].key if len(found) == 1 else ""
        if row.listed_on is None:
            return ""
        found = [listing for listing in self._by_name.get((fold(row.name), row.listed_on, row.kind), ())
                 if row.mic == listing.mic or row.symbol == listing.symbol]
        return found[0].key if len(found) == 1 else ""


def _sentence(title: str, listed: int, added: int, changes: Sequence[Mapping[str, Any]],
              marks: Sequence[Mapping[str, Any]]) -> str:
    """Say in words what a list came to."""
    states = Counter(mark.get("status", "missing") for mark in marks)
    again = sum("status" in change for change in changes)
    parts = [f"{listed:,} listed", f"{added:,} new", f"{states['renamed']:,} renamed",
             f"{states['delisted']:,} delisted", f"{states['missing']:,} missing"]
    return f"{title}: {', '.join(parts)}" + (f", {again:,} back" if again else "")
