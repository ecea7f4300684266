"""Changes accounts and sessions. Nothing here commits, but what takes long gives the connection back first."""

import datetime as dt
import hashlib
import secrets

from flask import current_app
from itsdangerous import BadSignature, URLSafeTimedSerializer
from sqlalchemy import delete, or_, select, update
from sqlalchemy.exc import IntegrityError

from webapp import clock, lists
from webapp.accounts import emails, passwords, queries, roles, tokens
from webapp.errors import Conflict, NotFound, Refused
from webapp.extensions import db
from webapp.models import Invitation, User, UserSession

RESET_SECONDS = 3600
SHORT_SESSION = dt.timedelta(hours=24)


class EmailTaken(Refused):
    """There is an account with this address already."""

    def __init__(self) -> None:
        super().__init__("There is already an account with this address. Log in, or reset its password.")


def create_user(email: str, password: str, *, admin: bool = False) -> User:
    """Add an account; raise EmailTaken where there is one. Both texts have been checked."""
    if queries.find_user(email) is not None:
        raise EmailTaken
    return add_user(email, hash_apart(password), admin=admin)


def add_user(email: str, password_hash: str, *, admin: bool = False) -> User:
    """Add an account; where there is one, undo the whole transaction and raise EmailTaken."""
    user = User(email=email, password_hash=password_hash, admin=admin)
    db.session.add(user)
    try:
        db.session.flush()
    except IntegrityError:  # somebody was faster
        db.session.rollback()
        raise EmailTaken from None
    return user


def authenticate(email: str, password: str) -> User | None:
    """Return the person, or None: after the same work whether the account is unknown, locked or the password wrong."""
    known = db.session.execute(
        select(User.id, User.password_hash).where(User.email == emails.typed(email))).one_or_none()
    fits = _verify_apart(known.password_hash if known else passwords.DUMMY_HASH, password)
    if known is None or not fits:
        return None
    renewed = hash_apart(password) if passwords.is_outdated(known.password_hash) else known.password_hash
    user = lock(known.id)
    if user is None or user.locked or user.password_hash != known.password_hash:
        return None
    user.password_hash = renewed
    return user


def lock(user_id: int) -> User | None:
    """Return the person as they are now, locked until the session is there: a new password ends that one, too."""
    try:
        lists.lock_person(user_id)
    except NotFound:
        return None
    return db.session.get(User, user_id, populate_existing=True)


def knows_password(user: User, password: str) -> bool:
    """Tell whether it is this person's password, now: it may be changed while it is being checked."""
    user_id, checked = user.id, user.password_hash
    return _verify_apart(checked, password) and db.session.scalar(
        select(User.password_hash).where(User.id == user_id)) == checked


def open_session(user: User, *, lasting: bool, address: str, agent: str) -> tuple[UserSession, str]:
    """Add a session; return it with its token, which exists nowhere else. Sweeps out the person's expired ones."""
    now = clock.now()
    db.session.execute(delete(UserSession).where(UserSession.user_id == user.id, UserSession.expires_at <= now))
    token = secrets.token_urlsafe(32)
    length = dt.timedelta(days=current_app.config["REMEMBER_DAYS"]) if lasting else SHORT_SESSION
    row = UserSession(user_id=user.id, token_hash=queries.token_hash(token), created_at=now,
                      expires_at=now + length, address=address[:45], agent=agent[:200])
    db.session.add(row)
    db.session.flush()
    return row, token


def end_session(session_id: int) -> bool:
    """Delete one session; tell whether it was there."""
    gone = delete(UserSession).where(UserSession.id == session_id).returning(UserSession.id)
    return db.session.scalar(gone) is not None


def end_sessions(user_id: int, *, keep: int | None = None) -> list[int]:
    """Delete a person's sessions but `keep`; return the ids, whose open pages are to be told after the commit."""
    doomed = delete(UserSession).where(UserSession.user_id == user_id, UserSession.id != (keep or 0))
    return list(db.session.scalars(doomed.returning(UserSession.id)))


def change_password(user: User, password: str, *, keep: int | None) -> list[int]:
    """Set a new password and end all sessions but `keep`; return the ended ones' ids.

    Raise Conflict where another one was set meanwhile: a stolen session must not undo what ended it.
    """
    user_id, old = user.id, user.password_hash
    if not _replace_password(user_id, old, hash_apart(password)):
        raise Conflict("Your password was changed meanwhile. Please log in again.")
    return end_sessions(user_id, keep=keep)


def reset_token(user: User) -> str:
    """Return a signed token that sets a new password once, within the hour."""
    return _reset_signer().dumps([user.id, fingerprint(user.password_hash)])


def user_of_reset_token(token: str) -> User | None:
    """Return whose password the token may set; None where it is forged, too old or used."""
    try:
        user_id, bound_to = _reset_signer().loads(token, max_age=RESET_SECONDS)
    except BadSignature:
        return None
    user = db.session.get(User, user_id)
    if user is None or user.locked or bound_to != fingerprint(user.password_hash):
        return None
    return user


def reset_password(user: User, password: str) -> list[int] | None:
    """Set a new password and end every session; return their ids, or None where the token was used meanwhile."""
    user_id, old = user.id, user.password_hash
    return end_sessions(user_id) if _replace_password(user_id, old, hash_apart(password)) else None


def _replace_password(user_id: int, old: str, new: str) -> bool:
    """Set the hash of a new password in the place of the one that was known; tell whether it was still that one."""
    return db.session.scalar(update(User).where(User.id == user_id, User.password_hash == old)
                             .values(password_hash=new).returning(User.id)) is not None


def delete_user(user: User) -> list[int]:
    """Delete an account with everything that is the person's; return the ids of the ended sessions.

    Raise Refused where that would leave the place without an admin.
    """
    roles.keep_an_admin(user.id)
    # With whom they invited it is as with a locked person: who may invite no more has invited nobody.
    db.session.execute(delete(Invitation).where(or_(
        Invitation.email == user.email, (Invitation.invited_by == user.id) & Invitation.used_at.is_(None))))
    ended = end_sessions(user.id) + tokens.streams_of(user.id)
    db.session.delete(user)
    db.session.flush()
    return ended


def _reset_signer() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(current_app.config["SECRET_KEY"], salt="password-reset")


def fingerprint(password_hash: str) -> str:
    """Return what binds a token to the password of today: with the next one it is void."""
    return hashlib.sha256(password_hash.encode()).hexdigest()[:32]


def _verify_apart(password_hash: str, password: str) -> bool:
    db.session.rollback()  # a hundred waiting log-ins must not hold a hundred connections
    return passwords.verify(password_hash, password)


def hash_apart(password: str) -> str:
    """Return the password's hash. It takes long: the transaction is given up first."""
    db.session.rollback()
    return passwords.hash_password(password)
