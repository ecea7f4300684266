"""What the lines of the matrix are made of: who asks, what they send, and which status each is to get."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

# A browser's cookie or a program's token each. Read and write are tokens of the owner; the locked one's log-in and
# token are from before.
ASKERS = ("nobody", "stranger", "owner", "admin", "locked", "stranger token", "read token", "write token",
          "admin token", "locked token")
Row = tuple[int, ...]


@dataclass(frozen=True)
class Case:
    """A route's line. `args` are parts of the path, where they are not the usual ones; {facts} are filled in."""

    expected: Row
    form: dict[str, Any] = field(default_factory=dict)
    json: Any = None
    query: str = ""
    args: dict[str, str] = field(default_factory=dict)


def page(nobody: int, stranger: int, owner: int, admin: int) -> Row:
    """Return the row of a page: a token is worth nothing there, and a locked person's log-in neither."""
    return (nobody, stranger, owner, admin, *(nobody,) * 6)


def everybody(status: int) -> Row:
    """Return the row of a page that asks for no log-in."""
    return page(status, status, status, status)


def members(status: int, nobody: int = 303) -> Row:
    """Return the row of a page that everybody has who is logged in; others are sent to log in."""
    return page(nobody, status, status, status)


def mine(status: int, nobody: int = 303) -> Row:
    """Return the row of a page of something of the owner's."""
    return page(nobody, 404, status, 404)


def admins(status: int, nobody: int = 303) -> Row:
    """Return the row of an admin's page: to others there is no such page."""
    return page(nobody, 404, 404, status)


def api(nobody: int, stranger: int, read: int, write: int, admin: int) -> Row:
    """Return the row of a call: a cookie is worth nothing there, and a locked person's token is a bad one."""
    return (nobody,) * 5 + (stranger, read, write, admin, 401)


def public(status: int) -> Row:
    """Return the row of a call that needs no token; a bad one is told so."""
    return api(status, status, status, status, status)


def reads(status: int) -> Row:
    """Return the row of a call that reads what is the asker's own."""
    return api(401, status, status, status, status)


def reads_mine(status: int) -> Row:
    """Return the row of a call that reads something of the owner's."""
    return api(401, 404, status, status, 404)


def writes(status: int) -> Row:
    """Return the row of a call that changes what is the asker's own."""
    return api(401, status, 403, status, status)


def writes_mine(status: int) -> Row:
    """Return the row of a call that changes something of the owner's."""
    return api(401, 404, 403, status, 404)


def runs(status: int) -> Row:
    """Return the row of a call that runs the place."""
    return api(401, 403, 403, 403, status)
