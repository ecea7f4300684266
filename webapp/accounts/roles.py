"""That there is always somebody who can run the place. Nothing here commits."""

from __future__ import annotations

from sqlalchemy import select

from webapp import site
from webapp.audit import Actor
from webapp.errors import Conflict, Refused
from webapp.extensions import db
from webapp.models import User

NO_ADMIN = "You are not an admin any more. Nothing was changed."
LAST_ADMIN = "This is the only admin who can log in. Make somebody else an admin first."


def lock_roles() -> None:
    """Let one change at a time touch who is an admin: of two last admins who leave at once, one stays."""
    site.lock("roles")


def keep_to_admins(actor: Actor) -> None:
    """Raise Conflict where who makes a change has lost the role while they waited; ask after lock_roles()."""
    if actor.user_id is None:
        return  # the shell, which is nobody's
    still = select(User.id).where(User.id == actor.user_id, User.email == actor.who, User.admin, ~User.locked)
    if db.session.scalar(still) is None:
        raise Conflict(NO_ADMIN)


def is_last_admin(user_id: int) -> bool:
    """Tell whether nobody else is an admin who is not locked; ask after lock_roles()."""
    admins = list(db.session.scalars(select(User.id).where(User.admin, ~User.locked).order_by(User.id).limit(2)))
    return admins == [user_id]


def any_admin() -> bool:
    """Tell whether somebody can run the place."""
    return db.session.scalar(select(User.id).where(User.admin, ~User.locked).limit(1)) is not None


def keep_an_admin(user_id: int) -> None:
    """Raise Refused where the place would have no admin without this person."""
    lock_roles()
    if is_last_admin(user_id):
        raise Refused(LAST_ADMIN)
