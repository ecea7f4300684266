"""Invitations: a link that makes one account, also where registration is closed. Nothing here commits.

The link's token is made of the row and the site's key whenever it is needed, and lies nowhere: not in the database, not
in the queue, not in a log.
"""

from __future__ import annotations

import datetime as dt
import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from flask import current_app
from itsdangerous import URLSafeSerializer
from sqlalchemy import ColumnElement, delete, or_, select, update

from webapp import audit, clock
from webapp.accounts import queries, roles, service
from webapp.audit import Actor
from webapp.errors import Conflict, Refused
from webapp.extensions import db
from webapp.models import Invitation, User
from webapp.paging import cut

VALID = dt.timedelta(days=7)
PER_PAGE = 20
MOST_ID = 2**31 - 1
GONE = "This invitation was used or taken back meanwhile."


@dataclass(frozen=True, slots=True)
class Open:
    """One page of the open invitations, each with who invited.

    `older` is the number below which the next page begins, None on the last.
    """

    rows: Sequence[tuple[Invitation, str | None]]
    older: int | None


def invite(actor: Actor, email: str, *, admin: bool) -> Invitation:
    """Add an invitation for a checked address, in the place of an open one; raise Refused where there is an account."""
    roles.lock_roles()
    roles.keep_to_admins(actor)
    if queries.find_user(email) is not None:
        raise Refused(f"There is already an account for {email}.")
    now = clock.now()
    db.session.execute(delete(Invitation).where(Invitation.used_at.is_(None), or_(
        Invitation.email == email, Invitation.expires_at <= now)))
    row = Invitation(email=email, token_hash=secrets.token_hex(32), admin=admin, invited_by=actor.user_id,
                     created_at=now, expires_at=now + VALID)
    db.session.add(row)
    db.session.flush()
    row.token_hash = queries.token_hash(token_of(row))
    db.session.flush()
    audit.note(actor, "invitation.create", email, {},
               {"admin": admin, "expires": f"{row.expires_at:%Y-%m-%d %H:%M} UTC"})
    return row


def token_of(row: Invitation) -> str:
    """Return the link's token: the number, and the moment, because SQLite gives a number that is free again anew."""
    moment = round(row.expires_at.timestamp() * 1_000_000)
    return str(URLSafeSerializer(current_app.config["SECRET_KEY"], salt="invitation").dumps([row.id, moment]))


def find_by_token(token: str) -> Invitation | None:
    """Return the invitation that a link stands for; None where it is forged, used, taken back or over."""
    ours = Invitation.token_hash == queries.token_hash(token)
    row = db.session.scalar(select(Invitation).where(ours, *_still_open()))
    return None if row is None or queries.find_user(row.email) is not None else row


def find_open(invitation_id: int) -> Invitation | None:
    """Return an open invitation."""
    return db.session.scalar(select(Invitation).where(Invitation.id == invitation_id, *_still_open()))


def accept(row: Invitation, password: str) -> User | None:
    """Make the account; return None where the invitation was used or taken back meanwhile. Raise EmailTaken."""
    ours = Invitation.id == row.id, Invitation.token_hash == row.token_hash
    password_hash = service.hash_apart(password)
    won = db.session.execute(update(Invitation).where(*ours, *_still_open()).values(used_at=clock.now())
                             .returning(Invitation.email, Invitation.admin)).one_or_none()
    if won is None:
        return None
    user = service.add_user(won.email, password_hash, admin=won.admin)
    audit.note(Actor(user.id, user.email), "invitation.accept", user.email, {}, {"admin": won.admin})
    return user


def list_open(before: int | None = None) -> Open:
    """Return one page of the open invitations, the newest first: those below the number `before`."""
    query = (select(Invitation, User.email).outerjoin(User, User.id == Invitation.invited_by).where(*_still_open())
             .order_by(Invitation.id.desc()).limit(PER_PAGE + 1))
    if before is not None and 0 <= before <= MOST_ID:
        query = query.where(Invitation.id < before)
    rows, last = cut(db.session.execute(query).tuples().all(), PER_PAGE)
    return Open(rows, last[0].id if last else None)


def withdraw(actor: Actor, invitation_id: int, email: str) -> None:
    """Take an open invitation back; raise Conflict where it is not open any more."""
    gone = db.session.scalars(delete(Invitation).where(
        Invitation.id == invitation_id, Invitation.email == email, Invitation.used_at.is_(None))
        .returning(Invitation.admin)).all()
    if not gone:
        raise Conflict(GONE)
    audit.note(actor, "invitation.withdraw", email, {"admin": gone[0]}, {})


def withdraw_of(user_id: int) -> int:
    """Take back what somebody invited to who may invite no more; return how many that were."""
    return len(db.session.scalars(delete(Invitation).where(
        Invitation.invited_by == user_id, Invitation.used_at.is_(None)).returning(Invitation.id)).all())


def _still_open() -> tuple[ColumnElement[bool], ...]:
    """Return what an invitation must meet to be accepted now."""
    return Invitation.used_at.is_(None), Invitation.expires_at > clock.now()
