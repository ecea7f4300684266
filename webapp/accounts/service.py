"""Changes accounts and sessions. Nothing here commits, but what takes long gives the connection back first."""

import datetime as dt
import hashlib
import secrets

from flask import current_app
from itsdangerous import BadSignature, URLSafeTimedSerializer
from sqlalchemy import delete, select, update
from sqlalchemy.exc import IntegrityError

from webapp import clock
from webapp.accounts import emails, passwords, queries
from webapp.errors import Refused
from webapp.extensions import db
from webapp.models import User, UserSession

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
    user = User(email=email, password_hash=_hash_apart(password), admin=admin)
    db.session.add(user)
    try:
        db.session.flush()
    except IntegrityError:  # somebody was faster
        db.session.rollback()
        raise EmailTaken from None
    return user


def set_admin(email: str, *, admin: bool) -> User | None:
    """Let a person see how the place is run, or no longer, from the next page on; None where there is no account."""
    user = queries.find_user(emails.typed(email))
    if user is not None:
        user.admin = admin
    return user


def authenticate(email: str, password: str) -> User | None:
    """Return the person, or None: after the same work whether the account is unknown, locked or the password wrong."""
    known = db.session.execute(
        select(User.id, User.password_hash).where(User.email == emails.typed(email))).one_or_none()
    fits = _verify_apart(known.password_hash if known else passwords.DUMMY_HASH, password)
    if known is None or not fits:
        return None
    renewed = _hash_apart(password) if passwords.is_outdated(known.password_hash) else known.password_hash
    # Locked until the session is there, so that a new password ends that one too.
    user = db.session.get(User, known.id, with_for_update=True)
    if user is None or user.locked or user.password_hash != known.password_hash:
        return None
    user.password_hash = renewed
    return user


def knows_password(user: User, password: str) -> bool:
    """Tell whether it is this person's password."""
    return _verify_apart(user.password_hash, password)


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


def end_session(session_id: int) -> None:
    """Delete one session."""
    db.session.execute(delete(UserSession).where(UserSession.id == session_id))


def end_sessions(user_id: int, *, keep: int | None = None) -> list[int]:
    """Delete a person's sessions but `keep`; return the ids, whose open pages are to be told after the commit."""
    doomed = delete(UserSession).where(UserSession.user_id == user_id, UserSession.id != (keep or 0))
    return list(db.session.scalars(doomed.returning(UserSession.id)))


def change_password(user: User, password: str, *, keep: int | None) -> list[int]:
    """Set a new password and end all sessions but `keep`; return the ended ones' ids."""
    password_hash = _hash_apart(password)
    user.password_hash = password_hash
    return end_sessions(user.id, keep=keep)


def reset_token(user: User) -> str:
    """Return a signed token that sets a new password once, within the hour."""
    return _reset_signer().dumps([user.id, _fingerprint(user.password_hash)])


def user_of_reset_token(token: str) -> User | None:
    """Return whose password the token may set; None where it is forged, too old or used."""
    try:
        user_id, fingerprint = _reset_signer().loads(token, max_age=RESET_SECONDS)
    except BadSignature:
        return None
    user = db.session.get(User, user_id)
    if user is None or user.locked or fingerprint != _fingerprint(user.password_hash):
        return None
    return user


def reset_password(user: User, password: str) -> list[int] | None:
    """Set a new password and end every session; return their ids, or None where the token was used meanwhile."""
    user_id, old = user.id, user.password_hash
    new = _hash_apart(password)
    won = db.session.scalar(update(User).where(User.id == user_id, User.password_hash == old)
                            .values(password_hash=new).returning(User.id))
    return None if won is None else end_sessions(user_id)


def delete_user(user: User) -> list[int]:
    """Delete an account with everything that is the person's; return the ids of the ended sessions."""
    ended = end_sessions(user.id)
    db.session.delete(user)
    db.session.flush()
    return ended


def _reset_signer() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(current_app.config["SECRET_KEY"], salt="password-reset")


def _fingerprint(password_hash: str) -> str:
    """Bind a token to the password of today: with the next one it is void."""
    return hashlib.sha256(password_hash.encode()).hexdigest()[:32]


def _verify_apart(password_hash: str, password: str) -> bool:
    db.session.rollback()  # a hundred waiting log-ins must not hold a hundred connections
    return passwords.verify(password_hash, password)


def _hash_apart(password: str) -> str:
    db.session.rollback()
    return passwords.hash_password(password)
