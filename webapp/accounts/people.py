"""What an admin does to somebody's account, each with its line in the audit log. Nothing here commits.

Each change names the account by number and address: SQLite gives the number of a deleted account to the next one.
Those who end sessions return their ids, whose open pages are to be told after the commit.
"""

from __future__ import annotations

from sqlalchemy import func, select

from webapp import audit
from webapp.accounts import invitations, roles, second_factor, service, tokens
from webapp.audit import Actor
from webapp.errors import Conflict, Refused
from webapp.extensions import db
from webapp.models import User, Watchlist

GONE = "This account has been deleted meanwhile."
# Else whoever finds a browser open would need neither password nor code.
OWN_FACTOR = "This is your own second factor: your account page turns it off, with your password and a code."


def lock_user(actor: Actor, user_id: int, email: str) -> list[int]:
    """Let the person in no more, anywhere: sessions end, tokens stand still, their invitations are taken back."""
    user = _hold(actor, user_id, email)
    if user.locked:
        raise Conflict(f"{email} is locked already.")
    _keep_an_admin(actor, user)
    user.locked = True
    db.session.flush()
    ended = service.end_sessions(user_id)
    taken_back = invitations.withdraw_of(user_id)
    audit.note(actor, "user.lock", email, {"locked": False}, {"locked": True, **_counts(ended, taken_back)})
    return ended + tokens.streams_of(user_id)


def unlock_user(actor: Actor, user_id: int, email: str) -> list[int]:
    """Let the person in again, with the password they had."""
    user = _hold(actor, user_id, email)
    if not user.locked:
        raise Conflict(f"{email} is not locked.")
    user.locked = False
    db.session.flush()
    # A log-in that was under way when the account was locked may have left one.
    ended = service.end_sessions(user_id)
    audit.note(actor, "user.unlock", email, {"locked": True}, {"locked": False})
    return ended


def promote_user(actor: Actor, user_id: int, email: str) -> list[int]:
    """Let the person run the place, from the next page on."""
    user = _hold(actor, user_id, email)
    if user.admin:
        raise Conflict(f"{email} is an admin already.")
    user.admin = True
    audit.note(actor, "user.promote", email, {"admin": False}, {"admin": True})
    return []


def demote_user(actor: Actor, user_id: int, email: str) -> list[int]:
    """Make an admin a person like others, from the next page on; their open invitations are taken back."""
    user = _hold(actor, user_id, email)
    if not user.admin:
        raise Conflict(f"{email} is no admin.")
    _keep_an_admin(actor, user)
    user.admin = False
    taken_back = invitations.withdraw_of(user_id)
    audit.note(actor, "user.demote", email, {"admin": True}, {"admin": False, **_counts([], taken_back)})
    return []


def reset_second_factor(actor: Actor, user_id: int, email: str) -> list[int]:
    """Let the person log in with the password alone, until they set a second factor up anew."""
    user = _hold(actor, user_id, email)
    if actor.user_id == user_id:
        raise Refused(OWN_FACTOR)
    if user.second_factor_at is None:
        raise Conflict(f"{email} has no second factor.")
    second_factor.turn_off(user_id)
    audit.note(actor, "user.reset-second-factor", email, {"second_factor": True}, {"second_factor": False})
    return []


def log_out_user(actor: Actor, user_id: int, email: str) -> list[int]:
    """End every session of the person, who may log in again at once."""
    _hold(actor, user_id, email)
    ended = service.end_sessions(user_id)
    audit.note(actor, "user.log-out", email, {"sessions": len(ended)}, {"sessions": 0})
    return ended


def delete_user(actor: Actor, user_id: int, email: str) -> list[int]:
    """Delete the account with everything that is the person's."""
    user = _hold(actor, user_id, email)
    lists = db.session.scalar(select(func.count()).select_from(Watchlist).where(Watchlist.user_id == user_id)) or 0
    taken_back = invitations.withdraw_of(user_id)
    audit.note(actor, "user.delete", email, {"admin": user.admin, "locked": user.locked, "lists": lists,
                                             "tokens": tokens.count_tokens(user_id)}, _counts([], taken_back))
    db.session.flush()  # the line first: it refers to who did it, who may be the one that goes
    return service.delete_user(user)


def _hold(actor: Actor, user_id: int, email: str) -> User:
    """Return the person as they are now, whom nobody else changes until the commit; raise Conflict where they went."""
    roles.lock_roles()
    roles.keep_to_admins(actor)
    user = db.session.get(User, user_id, populate_existing=True, with_for_update=True)
    if user is None or user.email != email:
        raise Conflict(GONE)
    return user


def _keep_an_admin(actor: Actor, user: User) -> None:
    """Refuse what would leave no admin; at the shell one can be made at any time."""
    if actor.via != audit.SHELL:
        roles.keep_an_admin(user.id)


def _counts(ended: list[int], taken_back: int) -> dict[str, int]:
    """Return what else came of a change, where something did."""
    return {name: count for name, count in (("sessions ended", len(ended)), ("invitations taken back", taken_back))
            if count}
