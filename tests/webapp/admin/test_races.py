"""Two at the same moment: of two last admins one stays, an invitation makes one account."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import func, select, update

from tests.webapp.admin.conftest import PASSWORD, Browser, add_user
from webapp.accounts import invitations, passwords, people, service
from webapp.audit import SHELL_ACTOR, Actor
from webapp.errors import AppError
from webapp.extensions import db
from webapp.models import Invitation, User, UserSession


def second_after_first(app: Flask, first: Callable[[], object], second: Callable[[], object]) -> list[object]:
    """Do both in transactions that overlap, the first commits first; return what came of each."""
    came_of: list[object] = [None, None]
    done, begun = threading.Event(), threading.Event()

    def run_first() -> None:
        with app.app_context():
            came_of[0] = first()
            done.set()
            begun.wait(5)
            time.sleep(0.05)  # the second one is at the lock by now
            db.session.commit()

    def run_second() -> None:
        with app.app_context():
            done.wait(5)
            begun.set()
            try:
                came_of[1] = second()
                db.session.commit()
            except AppError as error:
                came_of[1] = error

    threads = [threading.Thread(target=each) for each in (run_first, run_second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    db.session.rollback()
    return came_of


def admins_left() -> int:
    """Return how many can run the place."""
    query = select(func.count()).select_from(User).where(User.admin, ~User.locked)
    return db.session.scalar(query) or 0


Change = Callable[[Actor, int, str], list[int]]


@pytest.mark.both_databases
@pytest.mark.parametrize(("first", "second"), [
    (people.demote_user, people.demote_user), (people.lock_user, people.delete_user),
    (people.delete_user, people.lock_user)])
def test_of_two_last_admins_who_leave_at_once_one_stays(app: Flask, admin: User, first: Change,
                                                        second: Change) -> None:
    other = add_user("eve@example.org", admin=True)
    one, two = (admin.id, admin.email), (other.id, other.email)
    db.session.rollback()
    actor = Actor(None, "somebody")
    came_of = second_after_first(app, lambda: first(actor, *one), lambda: second(actor, *two))
    assert came_of[0] == []
    assert isinstance(came_of[1], AppError)
    assert "the only admin" in came_of[1].message
    assert admins_left() == 1


@pytest.mark.both_databases
def test_an_admin_who_deletes_their_own_account_waits_for_who_demotes_the_other(app: Flask, admin: User) -> None:
    other = add_user("eve@example.org", admin=True)
    one, two = (admin.id, admin.email), other.id
    db.session.rollback()
    came_of = second_after_first(
        app, lambda: people.demote_user(SHELL_ACTOR, *one),
        lambda: service.delete_user(db.session.get_one(User, two)))
    assert isinstance(came_of[1], AppError)
    assert admins_left() == 1


@pytest.mark.both_databases
def test_two_who_lock_the_same_person_at_once_do_it_once(app: Flask, person: User) -> None:
    who = person.id, person.email
    db.session.rollback()
    came_of = second_after_first(app, lambda: people.lock_user(SHELL_ACTOR, *who),
                                 lambda: people.lock_user(SHELL_ACTOR, *who))
    assert came_of[0] == []
    assert isinstance(came_of[1], AppError)
    assert "locked already" in came_of[1].message


@pytest.mark.both_databases
@pytest.mark.parametrize("first", [people.demote_user, people.lock_user, people.delete_user])
def test_who_is_no_admin_any_more_changes_nothing_that_waited(app: Flask, admin: User, person: User,
                                                              first: Change) -> None:
    other = add_user("eve@example.org", admin=True)
    eve, ann, actor = (other.id, other.email), (person.id, person.email), Actor(other.id, other.email)
    db.session.rollback()
    _done, promoted = second_after_first(app, lambda: first(SHELL_ACTOR, *eve),
                                         lambda: people.promote_user(actor, *ann))
    assert isinstance(promoted, AppError)
    assert "not an admin any more" in promoted.message
    with pytest.raises(AppError, match="not an admin any more"):
        invitations.invite(actor, "friend@example.org", admin=True)
    assert admins_left() == 1


@pytest.mark.both_databases
@pytest.mark.parametrize("slow", ["verify", "hash_password"])
def test_a_stolen_session_does_not_undo_a_new_password(app: Flask, person: User, slow: str,
                                                       monkeypatch: pytest.MonkeyPatch) -> None:
    browser, number, work = Browser(app).log_in(person), person.id, getattr(passwords, slow)

    def meanwhile(*args: str) -> object:
        db.session.execute(update(User).where(User.id == number).values(password_hash="of the owner"))
        service.end_sessions(number)
        db.session.commit()
        return work(*args)

    monkeypatch.setattr(passwords, slow, meanwhile)
    answer = browser.post("/account/password", {"current": PASSWORD, "password": "one of the thief"})
    assert answer.status_code in {409, 422}
    assert db.session.get_one(User, number, populate_existing=True).password_hash == "of the owner"


@pytest.mark.both_databases
def test_an_old_password_opens_no_session_while_it_is_being_changed(app: Flask, person: User) -> None:
    who, email = person.id, person.email
    db.session.rollback()

    def log_in() -> object:
        user = service.authenticate(email, PASSWORD)
        return user and service.open_session(user, lasting=False, address="", agent="")

    def change() -> object:
        return service.change_password(db.session.get_one(User, who), "another long secret", keep=None)

    assert second_after_first(app, change, log_in) == [[], None]
    assert db.session.scalar(select(func.count()).select_from(UserSession)) == 0


@pytest.mark.both_databases
def test_an_invitation_makes_one_account_also_for_two_at_once(app: Flask) -> None:
    number = invitations.invite(SHELL_ACTOR, "new@example.org", admin=False).id
    db.session.commit()

    def accept() -> object:
        user = invitations.accept(db.session.get_one(Invitation, number), PASSWORD)
        return user.email if user else None

    assert second_after_first(app, accept, accept) == ["new@example.org", None]
    assert db.session.scalar(select(func.count()).select_from(User)) == 1


@pytest.mark.both_databases
def test_an_invitation_that_is_taken_back_while_it_is_accepted_makes_none(app: Flask) -> None:
    row = invitations.invite(SHELL_ACTOR, "new@example.org", admin=False)
    number, opened = row.id, Invitation(id=row.id, token_hash=row.token_hash)
    db.session.commit()
    came_of = second_after_first(app, lambda: invitations.withdraw(SHELL_ACTOR, number, "new@example.org"),
                                 lambda: invitations.accept(opened, PASSWORD))
    assert came_of == [None, None]
    assert db.session.scalar(select(func.count()).select_from(User)) == 0
