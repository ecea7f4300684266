"""What an admin does to somebody's account: asked first, written down, at once in force."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from tests.webapp.admin.conftest import PASSWORD, Browser, actions, add_user, log
from webapp import clock
from webapp.accounts import invitations, people, tokens
from webapp.audit import SHELL_ACTOR, Actor
from webapp.extensions import db
from webapp.models import AuditEntry, Invitation, RecoveryCode, Scope, User, UserSession, Watchlist

Bells = Callable[[], list[dict[str, Any]]]


def do(browser: Browser, user: User, name: str, **fields: str) -> Any:
    """Say yes to what the page of a change asks."""
    return browser.post(f"/admin/people/{user.id}/{name}", {"email": user.email} | fields)


def fresh(user: User) -> User:
    """Return the account as it is now."""
    db.session.rollback()
    return db.session.get_one(User, user.id, populate_existing=True)


@pytest.mark.parametrize(("name", "words"), [
    ("lock", "Lock ann@example.org?"), ("promote", "Make ann@example.org an admin?"),
    ("log-out", "Log ann@example.org out everywhere?"), ("delete", "Delete ann@example.org?")])
def test_a_page_asks_first_and_changes_nothing(browser: Browser, person: User, name: str, words: str) -> None:
    page = browser.get(f"/admin/people/{person.id}/{name}")
    assert page.status_code == 200
    assert words in page.text
    assert f'name="email" value="{person.email}"' in page.text
    assert actions() == []
    assert not fresh(person).locked
    assert browser.open(f"/admin/people/{person.id}/{name}", "HEAD").status_code == 200
    assert actions() == []


@pytest.mark.both_databases
def test_a_locked_person_is_out_at_once_and_everywhere(app: Flask, browser: Browser, person: User, admin: User,
                                                       bells: Bells) -> None:
    theirs = Browser(app).log_in(person)
    token, text = tokens.create_token(person, "script", Scope.READ, None)
    sent = invitations.invite(SHELL_ACTOR, "new@example.org", admin=False)
    sent.invited_by = person.id
    db.session.commit()
    link = invitations.token_of(sent)
    session_id = db.session.scalars(select(UserSession.id).where(UserSession.user_id == person.id)).one()
    bells()
    answer = do(browser, person, "lock")
    assert (answer.status_code, answer.location) == (303, f"/admin/people/{person.id}")
    rung = bells()
    assert {bell["topic"] for bell in rung} == {"signed-out"}
    assert [bell["session"] for bell in rung] == [session_id, tokens.stream_of(token.id)]
    assert theirs.get("/account").status_code == 303
    assert theirs.post("/login", {"email": person.email, "password": PASSWORD}).status_code == 422
    assert fresh(person).locked
    assert tokens.find_token(text) is None
    assert Browser(app).get(f"/invitation/{link}").status_code == 410
    entry = log()[-1]
    assert (entry.user_id, entry.who, entry.action, entry.subject, entry.via) == (
        admin.id, admin.email, "user.lock", person.email, "page")
    assert entry.before == {"locked": False}
    assert entry.after == {"locked": True, "sessions ended": 1, "invitations taken back": 1}
    assert f"{person.email} is locked." in browser.get(answer.location).text


def test_an_unlocked_person_logs_in_with_the_same_password(app: Flask, browser: Browser, person: User) -> None:
    do(browser, person, "lock")
    assert do(browser, person, "unlock").status_code == 303
    Browser(app).log_in(person)
    assert actions() == ["user.lock", "user.unlock"]


@pytest.mark.both_databases
def test_a_role_is_in_force_from_the_next_page_on(app: Flask, browser: Browser, person: User) -> None:
    theirs = Browser(app).log_in(person)
    assert theirs.get("/admin/people").status_code == 404
    do(browser, person, "promote")
    assert theirs.get("/admin/people").status_code == 200
    do(browser, person, "demote")
    assert theirs.get("/admin/people").status_code == 404
    assert [(entry.action, entry.before, entry.after) for entry in log()] == [
        ("user.promote", {"admin": False}, {"admin": True}), ("user.demote", {"admin": True}, {"admin": False})]


@pytest.mark.both_databases
def test_a_reset_second_factor_leaves_nothing_of_it(browser: Browser, person: User) -> None:
    person.totp_secret, person.totp_step, person.second_factor_at = "SECRET", 7, clock.now()
    db.session.add(RecoveryCode(user_id=person.id, code_hash="x"))
    db.session.commit()
    assert "Reset the second factor" in browser.get(f"/admin/people/{person.id}").text
    assert do(browser, person, "reset-second-factor").status_code == 303
    user = fresh(person)
    assert (user.totp_secret, user.totp_step, user.second_factor_at) == ("", 0, None)
    assert db.session.scalar(select(func.count()).select_from(RecoveryCode)) == 0
    assert "SECRET" not in str([(entry.before, entry.after) for entry in log()])
    assert do(browser, person, "reset-second-factor").status_code == 409


def test_a_person_is_logged_out_everywhere_but_not_kept_out(app: Flask, browser: Browser, person: User,
                                                            bells: Bells) -> None:
    theirs = [Browser(app).log_in(person), Browser(app).log_in(person)]
    assert "A browser" in browser.get(f"/admin/people/{person.id}").text
    bells()
    do(browser, person, "log-out")
    assert len(bells()) == 2
    assert {one.get("/account").status_code for one in theirs} == {303}
    assert log()[-1].before == {"sessions": 2}
    Browser(app).log_in(person)


@pytest.mark.both_databases
def test_an_account_is_deleted_by_who_types_its_address(app: Flask, browser: Browser, person: User) -> None:
    theirs = Browser(app).log_in(person)
    db.session.add(Watchlist(user_id=person.id, name="Mine"))
    db.session.commit()
    number, email = person.id, person.email
    for typed in ("", "ada@example.org"):
        answer = do(browser, person, "delete", typed=typed)
        assert answer.status_code == 422
        assert 'aria-invalid="true"' in answer.text
    assert actions() == []
    answer = do(browser, person, "delete", typed=" Ann@Example.ORG ")
    assert (answer.status_code, answer.location) == (303, "/admin/people")
    db.session.expunge_all()
    assert db.session.get(User, number) is None
    assert db.session.scalar(select(func.count()).select_from(Watchlist)) == 0
    assert theirs.get("/account").status_code == 303
    entry = log()[-1]
    assert (entry.action, entry.subject, entry.before) == (
        "user.delete", email, {"admin": False, "locked": False, "lists": 1, "tokens": 0})


def test_an_admin_may_delete_their_own_account_where_another_stays(browser: Browser, admin: User) -> None:
    add_user("eve@example.org", admin=True)
    answer = do(browser, admin, "delete", typed=admin.email)
    assert answer.status_code == 303
    assert browser.get("/admin/people").status_code == 303
    entry = log()[-1]
    assert (entry.action, entry.user_id, entry.who) == ("user.delete", None, "ada@example.org")


@pytest.mark.parametrize("name", ["lock", "demote", "delete"])
@pytest.mark.both_databases
def test_the_last_admin_stays(browser: Browser, admin: User, name: str) -> None:
    add_user("locked@example.org", admin=True, locked=True)
    answer = do(browser, admin, name, typed=admin.email)
    assert answer.status_code == 422
    assert "This is the only admin who can log in. Make somebody else an admin first." in answer.text
    assert actions() == []
    user = fresh(admin)
    assert (user.admin, user.locked) == (True, False)


def test_the_last_admin_does_not_delete_their_own_account_either(browser: Browser, admin: User) -> None:
    answer = browser.post("/account/delete", {"password": PASSWORD})
    assert answer.status_code == 422
    assert "the only admin" in answer.text
    assert browser.get("/account").status_code == 200
    add_user("eve@example.org", admin=True)
    assert browser.post("/account/delete", {"password": PASSWORD}).status_code == 303


def test_a_locked_admin_may_lose_role_and_account(browser: Browser, admin: User) -> None:
    locked = add_user("eve@example.org", admin=True, locked=True)
    assert do(browser, locked, "demote").status_code == 303
    assert do(browser, locked, "delete", typed=locked.email).status_code == 303


@pytest.mark.parametrize(("first", "again"), [("lock", "lock"), ("promote", "promote")])
def test_what_is_so_already_is_said_and_not_written_down_twice(browser: Browser, person: User, first: str,
                                                               again: str) -> None:
    do(browser, person, first)
    answer = do(browser, person, again)
    assert answer.status_code == 409
    assert "already" in answer.text
    assert len(actions()) == 1


@pytest.mark.parametrize("name", ["unlock", "demote"])
def test_what_is_not_so_cannot_be_undone(browser: Browser, person: User, name: str) -> None:
    assert do(browser, person, name).status_code == 409
    assert actions() == []


@pytest.mark.parametrize("name", ["lock", "promote", "delete"])
def test_a_number_that_stands_for_somebody_else_meanwhile_is_left_alone(browser: Browser, person: User,
                                                                        name: str) -> None:
    fields = {"email": "gone@example.org", "typed": "gone@example.org"}
    answer = browser.post(f"/admin/people/{person.id}/{name}", fields)
    assert answer.status_code == 409
    assert "This account has been deleted meanwhile." in answer.text
    assert browser.post("/admin/people/99/lock", {"email": "gone@example.org"}).status_code == 409
    assert browser.post(f"/admin/people/{person.id}/{name}").status_code == 422
    assert actions() == []


def test_an_admin_s_open_invitations_go_with_the_account(app: Flask, browser: Browser, admin: User) -> None:
    other = add_user("eve@example.org", admin=True)
    invitations.invite(Actor(other.id, other.email), "friend@example.org", admin=True)
    kept = invitations.invite(Actor(admin.id, admin.email), "other@example.org", admin=False).email
    db.session.commit()
    people.delete_user(Actor(admin.id, admin.email), other.id, other.email)
    db.session.commit()
    assert [row.email for row in db.session.query(Invitation)] == [kept]
    assert log()[-1].after == {"invitations taken back": 1}


def test_nobody_resets_their_own_second_factor_without_a_code(app: Flask, browser: Browser, admin: User) -> None:
    admin.totp_secret, admin.second_factor_at = "JBSWY3DPEHPK3PXP", admin.created_at
    db.session.commit()
    page = f"/admin/people/{admin.id}"
    assert "reset-second-factor" not in browser.get(page).text
    answer = browser.post(f"{page}/reset-second-factor", {"email": admin.email})
    assert answer.status_code == 422
    assert "account page" in answer.text
    assert db.session.get_one(User, admin.id, populate_existing=True).second_factor_at is not None


def test_the_line_of_the_log_and_the_change_are_one_transaction(browser: Browser, person: User,
                                                                monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise RuntimeError

    monkeypatch.setattr(db.session, "commit", fail)
    with pytest.raises(RuntimeError):
        do(browser, person, "promote")
    monkeypatch.undo()
    assert not fresh(person).admin
    assert db.session.scalar(select(func.count()).select_from(AuditEntry)) == 0


def test_a_deleted_person_s_invitation_is_forgotten(browser: Browser, person: User) -> None:
    db.session.add(Invitation(email=person.email, token_hash="x", expires_at=clock.now(), used_at=clock.now()))
    db.session.commit()
    do(browser, person, "delete", typed=person.email)
    assert db.session.scalar(select(func.count()).select_from(Invitation)) == 0
