"""What admins set for the whole place while it runs. Nothing here commits."""

from __future__ import annotations

from flask import current_app, g
from sqlalchemy.exc import SQLAlchemyError

from webapp import audit, clock
from webapp.errors import Refused
from webapp.extensions import db
from webapp.models import SiteSetting
from webapp.upserts import upsert

REGISTRATION = "registration_open"
YES, NO = "yes", "no"
CLOSED_BY_ENVIRONMENT = "REGISTRATION_OPEN=no closes registration here: only who starts the site can open it."


def registration_allowed() -> bool:
    """Tell whether the environment lets an admin open registration at all."""
    return bool(current_app.config["REGISTRATION_OPEN"])


def registration_open() -> bool:
    """Tell whether anybody may sign up now; one small query, once for a page."""
    if not registration_allowed():
        return False
    if REGISTRATION not in g:
        row = db.session.get(SiteSetting, REGISTRATION)
        setattr(g, REGISTRATION, row is None or row.value == YES)
    return bool(g.get(REGISTRATION))


def offers_registration() -> bool:
    """Tell whether a page should offer to sign up; one that says that the database is away must come up, too."""
    try:
        return registration_open()
    except SQLAlchemyError:
        return False


def set_registration(actor: audit.Actor, *, is_open: bool) -> bool:
    """Open or close registration; return whether that was a change. Raise Refused where the environment closes it."""
    if is_open and not registration_allowed():
        raise Refused(CLOSED_BY_ENVIRONMENT)
    lock(REGISTRATION)
    row = db.session.get(SiteSetting, REGISTRATION, populate_existing=True)
    was_open = row is None or row.value == YES
    if is_open == was_open:
        return False
    put(REGISTRATION, YES if is_open else NO)
    audit.note(actor, "site.registration", "", {"open": was_open}, {"open": is_open})
    g.pop(REGISTRATION, None)
    return True


def put(key: str, value: str) -> None:
    """Keep a setting."""
    db.session.execute(upsert(SiteSetting, on=("key",), change=("value", "changed_at")),
                       {"key": key, "value": value, "changed_at": clock.now()})


def lock(name: str) -> None:
    """Let one transaction at a time go on from here until it ends, on SQLite and PostgreSQL alike.

    It writes a row of its own: that takes PostgreSQL's lock of the row, and SQLite's of the whole database. What is
    read after it, past the session's memory, is what the transaction before has left.
    """
    put(f"lock {name}", "")
