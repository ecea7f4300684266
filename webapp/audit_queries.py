"""What an admin reads of the audit log: its lines, the newest first, page by page."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, select

from webapp.extensions import db
from webapp.models import AuditEntry
from webapp.paging import cut
from webapp.typed import trimmed

PER_PAGE = 50
# A file takes so many lines, from the place of the page on.
MOST_LINES = 5_000
MOST_ID = 2**63 - 1
MOST_TEXT = 254
MOST_ACTIONS = 200
NOTHING = "—"
# As isoformat writes a moment in UTC.
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?\+00:00")
COLUMNS = ("at", "who", "via", "action", "subject", "before", "after")


@dataclass(frozen=True, slots=True)
class Filter:
    """What of the log is asked for: a part of who, an action, a part of what it was done to."""

    who: str = ""
    action: str = ""
    subject: str = ""

    @property
    def words(self) -> dict[str, str]:
        """Return what an address needs to ask for the same again."""
        return {name: value for name, value in (("who", self.who), ("action", self.action), ("subject", self.subject))
                if value}


@dataclass(frozen=True, slots=True)
class Page:
    """One page of the log; `older` is the number below which the next one begins, None on the last."""

    entries: Sequence[AuditEntry]
    older: int | None


@dataclass(frozen=True, slots=True)
class Change:
    """One field that changed, in words; "—" where there was or is none."""

    name: str
    before: str
    after: str


def read_filter(who: str, action: str, subject: str) -> Filter:
    """Return what the words of an address ask for."""
    return Filter(*(trimmed(text, MOST_TEXT) for text in (who, action, subject)))


def audit_page(asked: Filter, before: int | None, count: int = PER_PAGE) -> Page:
    """Return one page of the log, the newest first: the lines below the number `before`."""
    query = select(AuditEntry).where(*_conditions(asked, before)).order_by(AuditEntry.id.desc()).limit(count + 1)
    found, last = cut(db.session.scalars(query).all(), count)
    return Page(found, last.id if last else None)


def audit_lines(asked: Filter, before: int | None, count: int = MOST_LINES) -> list[dict[str, str | int | None]]:
    """Return what a file has of the log, COLUMNS a line, from the same place on."""
    query = (select(*(getattr(AuditEntry, name) for name in COLUMNS)).where(*_conditions(asked, before))
             .order_by(AuditEntry.id.desc()).limit(count))
    return [{"at": f"{at:%Y-%m-%dT%H:%M:%SZ}", "who": who or None, "via": via, "action": action, "subject": subject,
             "before": _json(old), "after": _json(new)}
            for at, who, via, action, subject, old, new in db.session.execute(query)]


def actions() -> Sequence[str]:
    """Return every action that is in the log."""
    return db.session.scalars(select(AuditEntry.action).distinct().order_by(AuditEntry.action)
                              .limit(MOST_ACTIONS)).all()


def changes_of(entry: AuditEntry) -> list[Change]:
    """Return the fields that changed, each from and to; what is empty before and after says nothing."""
    names = dict.fromkeys((*entry.before, *entry.after))
    found = [Change(name.replace("_", " "), in_words(entry.before.get(name)), in_words(entry.after.get(name)))
             for name in names]
    return [change for change in found if (change.before, change.after) != (NOTHING, NOTHING)]


def in_words(value: object) -> str:
    """Say one value."""
    match value:
        case None | "":
            return NOTHING
        case bool():
            return "yes" if value else "no"
        case list():
            return ", ".join(map(in_words, value)) or NOTHING
        case dict():
            return json.dumps(value, ensure_ascii=False)
        case str() if MOMENT.fullmatch(value):
            return f"{value[:10]} {value[11:19]} UTC"
        case _:
            return str(value)


def who_of(entry: AuditEntry) -> str:
    """Say who it was: an address, or the shell, where nobody knows."""
    return entry.who or ("the shell" if entry.via == "shell" else "unknown")


def _json(fields: dict[str, object]) -> str | None:
    return json.dumps(fields, ensure_ascii=False) if fields else None


def _conditions(asked: Filter, before: int | None) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = [AuditEntry.action == asked.action] if asked.action else []
    for column, text in ((AuditEntry.who, asked.who), (AuditEntry.subject, asked.subject)):
        if text:
            found.append(column.icontains(text, autoescape=True))
    if before is not None and 0 <= before <= MOST_ID:  # SQLite takes no larger number
        found.append(AuditEntry.id < before)
    return found
