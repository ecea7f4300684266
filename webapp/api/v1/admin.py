"""Running the place: how it is, people, and the audit log. For admins' tokens with the admin scope."""

from __future__ import annotations

import json
from typing import Any, Literal

from flask import Response
from pydantic import Field, StrictBool

from webapp import audit_queries, clock
from webapp.accounts import people, people_queries, sessions
from webapp.api import answers
from webapp.api.callers import caller, needs
from webapp.api.schemas import In, Moment, Out, PageQuery
from webapp.api.surface import blueprint
from webapp.errors import Conflict, NotFound, Refused
from webapp.extensions import db
from webapp.health_queries import Health, Line
from webapp.health_redis import load_health
from webapp.models import AuditEntry, Scope
from webapp.rows import Row, as_moment

bp = blueprint("admin", "Admin")

STATES = {Health.GOOD: "good", Health.WARN: "look", Health.BAD: "bad", Health.UNKNOWN: "unknown"}
State = Literal["good", "look", "bad", "unknown"]
# What makes each field true, and what makes it false.
CHANGES = {"admin": (people.promote_user, people.demote_user), "locked": (people.lock_user, people.unlock_user)}


class HealthLineOut(Out):
    """How one thing is."""

    name: str = Field(examples=["Workers"])
    state: State
    words: str = Field(examples=["2 workers; the last sign of life came 3 s ago."])


class HealthOut(Out):
    """How the place is; `state` is that of the worst thing."""

    state: State
    items: list[HealthLineOut]
    next: str | None


class UserOut(Out):
    """An account."""

    id: int
    email: str = Field(examples=["ann@example.org"])
    admin: bool
    locked: bool
    second_factor: bool
    created_at: Moment
    sessions: int = Field(description="In how many browsers the person is logged in.")
    seen_at: Moment | None = Field(description="When the newest of these log-ins was.")
    lists: int


class UsersOut(Out):
    """Accounts by address."""

    items: list[UserOut]
    next: str | None


class UsersQuery(PageQuery):
    """Whom to find."""

    q: str = Field("", max_length=254, description="A part of the address.", examples=["example.org"])
    kind: Literal["", "admins", "locked", "factor"] = Field("", description="factor: with a second factor.")


class UserChange(In):
    """What is to be another; what is not sent stays."""

    locked: StrictBool = Field(default_factory=bool)
    admin: StrictBool = Field(default_factory=bool)
    email: str = Field(default_factory=str, max_length=254, description=(
        "The account's address, as you know it: where another account has its number by now, nothing is changed."))


class AuditOut(Out):
    """A change that somebody made."""

    id: int
    at: Moment
    who: str = Field(examples=["ada@example.org"])
    via: Literal["page", "api", "shell"]
    action: str = Field(examples=["user.lock"])
    subject: str = Field(examples=["bob@example.org"])
    before: dict[str, Any] = Field(examples=[{"locked": False}])
    after: dict[str, Any] = Field(examples=[{"locked": True}])


class AuditsOut(Out):
    """Changes, the newest first."""

    items: list[AuditOut]
    next: str | None


class AuditQuery(PageQuery):
    """Which changes."""

    who: str = Field("", max_length=254, description="A part of who made it.")
    action: str = Field("", max_length=40, examples=["user.lock"])
    subject: str = Field("", max_length=254, description="A part of what it was done to.")


@bp.get("/admin/health")
@needs(Scope.ADMIN)
@bp.output(HealthOut)
def health() -> Response:
    """Get how the place is, thing by thing."""
    lines, worst = load_health(clock.now())
    return answers.answer_page([line_row(line) for line in lines], None, state=STATES[worst])


@bp.get("/admin/users")
@bp.get("/admin/users.csv")
@needs(Scope.ADMIN)
@bp.input(UsersQuery, location="query")
@bp.output(UsersOut)
def users(query_data: UsersQuery) -> Response:
    """Get the accounts, by address."""
    asked = people_queries.read_filter(query_data.q, query_data.kind)
    page = people_queries.people_page(asked, answers.read_text(query_data.after), query_data.limit)
    return answers.answer_page([user_row(each) for each in page.people],
                               answers.cursor(page.after) if page.after else None,
                               columns=tuple(UserOut.model_fields))


@bp.patch("/admin/users/<number:user_id>")
@needs(Scope.ADMIN)
@bp.input(UserChange)
@bp.output(UserOut)
def change_user(user_id: int, json_data: UserChange) -> Response:
    """Lock an account, let its person in again, make somebody an admin, or no admin any more.

    A locked person's sessions end and tokens stand still. Whoever is the last admin stays one.
    """
    ended = apply_change(user_id, json_data)
    db.session.commit()
    sessions.tell_ended(ended)
    return answers.answer(user_row(person_of(user_id)))


@bp.get("/admin/audit")
@bp.get("/admin/audit.csv")
@needs(Scope.ADMIN)
@bp.input(AuditQuery, location="query")
@bp.output(AuditsOut)
def audit(query_data: AuditQuery) -> Response:
    """Get what was changed, by whom, from and to; the newest first."""
    asked = audit_queries.read_filter(query_data.who, query_data.action, query_data.subject)
    page = audit_queries.audit_page(asked, answers.read_number(query_data.after), query_data.limit)
    following = answers.cursor(page.older) if page.older is not None else None
    rows = [audit_row(each) for each in page.entries]
    if answers.wants_csv():
        rows = [row | {name: json.dumps(row[name], ensure_ascii=False) for name in ("before", "after")} for row in rows]
    return answers.answer_page(rows, following, columns=tuple(AuditOut.model_fields))


def person_of(user_id: int) -> people_queries.Person:
    """Return an account; raise NotFound."""
    found = people_queries.find_person(user_id)
    if found is None:
        raise NotFound("There is no such account.")
    return found


def apply_change(user_id: int, change: UserChange) -> list[int]:
    """Do what was asked to an account and is not so already; return the sessions that it ended."""
    user = person_of(user_id).user
    email = change.email or user.email
    if email != user.email:
        raise Conflict(people.GONE)
    ended: list[int] = []
    try:
        for name, (begin, end) in CHANGES.items():
            wanted = getattr(change, name)
            if name in change.model_fields_set and wanted != getattr(user, name):
                ended += (begin if wanted else end)(caller().actor, user_id, email)
    except Refused as refused:
        raise Conflict(refused.message, code="last-admin") from None
    return ended


def line_row(line: Line) -> Row:
    """Return how one thing is as programs get it."""
    return {"name": line.name, "state": STATES[line.health], "words": line.words}


def user_row(person: people_queries.Person) -> Row:
    """Return an account as programs get it."""
    user = person.user
    return {"id": user.id, "email": user.email, "admin": user.admin, "locked": user.locked,
            "second_factor": user.second_factor_at is not None, "created_at": as_moment(user.created_at),
            "sessions": person.sessions, "seen_at": as_moment(person.seen_at), "lists": person.lists}


def audit_row(entry: AuditEntry) -> dict[str, Any]:
    """Return a change as programs get it."""
    return {"id": entry.id, "at": as_moment(entry.at), "who": entry.who, "via": entry.via, "action": entry.action,
            "subject": entry.subject, "before": entry.before, "after": entry.after}
