"""The screens that a person keeps. Nothing here commits: the view does that."""

from __future__ import annotations

import secrets
from collections.abc import Sequence

from sqlalchemy import delete, func, select, update

from webapp import lists
from webapp.errors import NotFound, Refused
from webapp.extensions import db
from webapp.models import SavedScreen
from webapp.screener.criteria import Criteria
from webapp.typed import one_line

MAX_SCREENS = 50
MAX_NAME = 80
MAX_QUERY = 1000


def list_screens(user_id: int) -> Sequence[SavedScreen]:
    """Return the person's screens, by name."""
    return db.session.scalars(
        select(SavedScreen).where(SavedScreen.user_id == user_id).order_by(SavedScreen.name, SavedScreen.id)).all()


def find_screen(user_id: int, screen_id: int) -> SavedScreen:
    """Return one of the person's screens; raise NotFound for a stranger's as for one that never was."""
    found = db.session.scalar(
        select(SavedScreen).where(SavedScreen.id == screen_id, SavedScreen.user_id == user_id))
    if found is None:
        raise NotFound("There is no such screen, or it is not yours.")
    return found


def find_shared(token: str) -> SavedScreen:
    """Return the screen of a link that somebody gave away; raise NotFound where it was deleted since."""
    found = None if "\0" in token else db.session.scalar(select(SavedScreen).where(SavedScreen.token == token))
    if found is None:
        raise NotFound("This link leads to no screen: whoever made it has deleted it, or a part of it is missing.")
    return found


def save_screen(user_id: int, name: str, criteria: Criteria) -> SavedScreen:
    """Keep a screen; raise Refused at the limit, for a bad name, and for one too long for an address."""
    lists.lock_person(user_id)
    name = _free_name(user_id, name)
    if len(criteria.query) > MAX_QUERY:
        raise Refused("This screen names too many exchanges or sectors to be kept. Choose fewer of them.")
    held = db.session.scalar(select(func.count()).select_from(SavedScreen).where(SavedScreen.user_id == user_id)) or 0
    if held >= MAX_SCREENS:
        raise lists.Full(f"You have {MAX_SCREENS} screens, which is the most one person can keep. Delete one first.")
    screen = SavedScreen(user_id=user_id, name=name, query=criteria.query, token=secrets.token_urlsafe(16))
    db.session.add(screen)
    db.session.flush()
    return screen


def rename_screen(screen: SavedScreen, name: str) -> None:
    """Give a screen another name; its link stays as it is. Raise Refused for a bad one."""
    lists.lock_person(screen.user_id)
    name = _free_name(screen.user_id, name, except_for=screen.id)
    if not lists.changed(update(SavedScreen).where(SavedScreen.id == screen.id).values(name=name)):
        raise NotFound("This screen has been deleted meanwhile.")


def delete_screen(screen: SavedScreen) -> None:
    """Delete a screen, and with it its link; one that is gone already is no error."""
    db.session.execute(delete(SavedScreen).where(SavedScreen.id == screen.id))


def _free_name(user_id: int, name: str, except_for: int = 0) -> str:
    """Return the name without stray spaces; raise Refused if it is empty, too long or in use."""
    name = one_line(name)
    if not name:
        raise Refused("Give the screen a name.")
    if len(name) > MAX_NAME:
        raise Refused(f"A name has at most {MAX_NAME} characters.")
    others = select(SavedScreen.id).where(SavedScreen.user_id == user_id, SavedScreen.name == name)
    if db.session.scalar(others.where(SavedScreen.id != except_for)) is not None:
        raise lists.NameTaken(name, "screen")
    return name
