"""What an admin reads of people: the accounts page by page, one of them, and when they were last here."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, func, select

from webapp import clock
from webapp.accounts.emails import MAX_EMAIL
from webapp.extensions import db
from webapp.models import User, UserSession, Watchlist
from webapp.paging import cut
from webapp.typed import trimmed

PER_PAGE = 50
KINDS = {"": "Everybody", "admins": "Admins", "locked": "Locked", "factor": "With a second factor"}


@dataclass(frozen=True, slots=True)
class Filter:
    """Whom the page is asked for: a part of the address, one of KINDS."""

    text: str = ""
    kind: str = ""

    @property
    def words(self) -> dict[str, str]:
        """Return what an address needs to ask for the same again."""
        return {name: value for name, value in (("q", self.text), ("kind", self.kind)) if value}


@dataclass(frozen=True, slots=True)
class Person:
    """One account as a row of the page: `sessions` live log-ins, the newest since `seen_at`, and how many lists."""

    user: User
    sessions: int
    seen_at: dt.datetime | None
    lists: int


@dataclass(frozen=True, slots=True)
class Page:
    """One page of people by address; `after` is the address behind which the next one begins, "" on the last."""

    people: Sequence[Person]
    after: str


def read_filter(text: str, kind: str) -> Filter:
    """Return what the words of an address ask for."""
    return Filter(trimmed(text.lower(), MAX_EMAIL), kind if kind in KINDS else "")


def people_page(asked: Filter, after: str = "", count: int = PER_PAGE) -> Page:
    """Return one page of people by address: those behind `after`."""
    query = _people().order_by(User.email).limit(count + 1).where(*_conditions(asked))
    if after:
        query = query.where(User.email > after.replace("\0", ""))
    found, last = cut([Person(*row) for row in db.session.execute(query)], count)
    return Page(found, last.user.email if last else "")


def find_person(user_id: int) -> Person | None:
    """Return one account."""
    row = db.session.execute(_people().where(User.id == user_id)).one_or_none()
    return None if row is None else Person(*row)


def _people() -> Select[Any]:
    """Select accounts with the figures of Person; each is one look into an index."""
    live = select(UserSession).where(UserSession.user_id == User.id, UserSession.expires_at > clock.now())
    return select(
        User, live.with_only_columns(func.count()).correlate(User).scalar_subquery(),
        live.with_only_columns(func.max(UserSession.created_at)).correlate(User).scalar_subquery(),
        select(func.count()).select_from(Watchlist).where(Watchlist.user_id == User.id).correlate(User)
        .scalar_subquery())


def _conditions(asked: Filter) -> list[ColumnElement[bool]]:
    kinds: dict[str, ColumnElement[bool]] = {"admins": User.admin.is_(True), "locked": User.locked.is_(True),
                                             "factor": User.second_factor_at.is_not(None)}
    found = [kinds[asked.kind]] if asked.kind else []
    return [*found, User.email.contains(asked.text, autoescape=True)] if asked.text else found
