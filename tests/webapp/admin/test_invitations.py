"""Invitations: made, shown once, mailed, accepted once, taken back; and registration opened and closed."""

from __future__ import annotations

import datetime as dt
import email
import html
import re
from pathlib import Path

import pytest
import time_machine
from flask import Flask
from redis import Redis
from rq import Queue
from sqlalchemy import func, select

from tests.conftest import RedisServer
from tests.webapp.admin.conftest import PASSWORD, Browser, actions, add_user, log
from webapp import clock
from webapp import redis as redis_clients
from webapp.accounts import invitations, queries
from webapp.audit import SHELL_ACTOR
from webapp.extensions import db
from webapp.models import Invitation, SiteSetting, User
from worker.jobs import mail as mail_jobs

PAGE = "/admin/people"
EMAIL = "new@example.org"


def invite(browser: Browser, address: str = EMAIL, **fields: str) -> str:
    """Invite somebody; return the path of the link that the next page shows."""
    assert browser.post(f"{PAGE}/invitations", {"email": address} | fields).status_code == 303
    return link_on(browser.get(PAGE).text)


def link_on(page: str) -> str:
    """Return the path of the link on a page."""
    found = re.search(r'id="link" readonly value="http://localhost(/invitation/[^"]+)"', page)
    assert found, "the page shows no link"
    return html.unescape(found[1])


def accounts() -> int:
    """Return how many accounts there are."""
    db.session.rollback()
    return db.session.scalar(select(func.count()).select_from(User)) or 0


@pytest.mark.both_databases
def test_an_invited_person_makes_their_account_and_is_in(app: Flask, browser: Browser, visitor: Browser) -> None:
    link = invite(browser, " New@Example.ORG ")
    page = visitor.get(link)
    assert page.status_code == 200
    assert EMAIL in page.text
    answer = visitor.post(link, {"password": PASSWORD})
    assert (answer.status_code, answer.location) == (303, "/watchlists/pick")
    assert visitor.get("/account").status_code == 200
    user = queries.find_user(EMAIL)
    assert user is not None
    assert not user.admin
    assert [(entry.action, entry.who, entry.subject) for entry in log()] == [
        ("invitation.create", "ada@example.org", EMAIL), ("invitation.accept", EMAIL, EMAIL)]


def test_the_link_is_shown_once_and_nobody_keeps_the_page(browser: Browser) -> None:
    browser.post(f"{PAGE}/invitations", {"email": EMAIL})
    page = browser.get(PAGE)
    link = link_on(page.text)
    assert page.headers["Cache-Control"] == "no-store"
    again = browser.get(PAGE)
    assert link not in again.text
    assert again.headers["Cache-Control"] != "no-store"
    assert EMAIL in again.text


def test_the_database_and_the_log_keep_no_link(browser: Browser) -> None:
    token = invite(browser).rpartition("/")[2]
    row = db.session.scalars(select(Invitation)).one()
    assert token not in str(vars(row))
    assert token not in str([vars(entry) for entry in log()])


def test_an_invited_admin_is_one_and_is_told(browser: Browser, visitor: Browser) -> None:
    link = invite(browser, admin="y")
    assert "an admin" in visitor.get(link).text
    visitor.post(link, {"password": PASSWORD})
    assert visitor.get(PAGE).status_code == 200


def test_an_invitation_works_once(app: Flask, browser: Browser, visitor: Browser) -> None:
    link = invite(browser)
    visitor.post(link, {"password": PASSWORD})
    late = Browser(app)
    for answer in (late.get(link), late.post(link, {"password": PASSWORD})):
        assert answer.status_code == 410
        assert "This invitation is no longer valid" in answer.text
    assert accounts() == 2


def test_an_invitation_works_for_seven_days(browser: Browser, visitor: Browser) -> None:
    link = invite(browser)
    now = dt.datetime.now(dt.UTC)
    with time_machine.travel(now + dt.timedelta(days=6, hours=23)):
        assert visitor.get(link).status_code == 200
    with time_machine.travel(now + dt.timedelta(days=7, minutes=1)):
        assert visitor.get(link).status_code == 410
        assert visitor.post(link, {"password": PASSWORD}).status_code == 410


@pytest.mark.parametrize("token", ["x", "a.b", "%00", "\N{SNOWMAN}", "WzEsMV0.aaaa", "%ff"])
def test_a_forged_link_is_void(browser: Browser, visitor: Browser, token: str) -> None:
    invite(browser)
    assert visitor.get(f"/invitation/{token}").status_code in {404, 410}


def test_a_link_of_an_older_invitation_with_the_same_number_is_void(browser: Browser, visitor: Browser) -> None:
    old = invite(browser)
    row = db.session.scalars(select(Invitation)).one()
    number = row.id
    browser.post(f"{PAGE}/invitations/{number}/withdraw", {"email": EMAIL})
    new = invite(browser, "other@example.org")
    db.session.rollback()
    assert db.session.scalars(select(Invitation.id)).one() == number, "SQLite gives the number again"
    assert visitor.get(old).status_code == 410
    assert visitor.get(new).status_code == 200


@pytest.mark.parametrize(("password", "sentence"), [
    ("", "Choose a password."), ("short", "Use at least 10 characters"), (EMAIL, "Do not use your e-mail address")])
def test_the_password_has_to_be_a_good_one(browser: Browser, visitor: Browser, password: str, sentence: str) -> None:
    link = invite(browser)
    answer = visitor.post(link, {"password": password, "email": "eve@example.org", "admin": "y"})
    assert answer.status_code == 422
    assert sentence in answer.text
    assert accounts() == 1


def test_no_form_can_name_another_address_or_a_role(browser: Browser, visitor: Browser) -> None:
    link = invite(browser)
    visitor.post(link, {"password": PASSWORD, "email": "eve@example.org", "admin": "y"})
    user = queries.find_user(EMAIL)
    assert user is not None
    assert not user.admin
    assert queries.find_user("eve@example.org") is None


def test_whoever_is_logged_in_is_told_to_log_out_first(browser: Browser, stranger: Browser) -> None:
    link = invite(browser)
    answer = stranger.get(link)
    assert (answer.status_code, answer.location) == (303, "/")
    assert "log out first" in stranger.get("/").text
    assert db.session.scalars(select(Invitation)).one().used_at is None


def test_somebody_who_signed_up_meanwhile_is_sent_to_log_in(app: Flask, browser: Browser, visitor: Browser,
                                                            monkeypatch: pytest.MonkeyPatch) -> None:
    link = invite(browser)
    add_user(EMAIL)
    assert visitor.get(link).status_code == 410
    monkeypatch.setattr(queries, "find_user", lambda email: None)
    answer = visitor.post(link, {"password": PASSWORD})
    assert (answer.status_code, answer.location) == (303, "/login")
    assert db.session.scalars(select(Invitation)).one().used_at is None


@pytest.mark.parametrize(("address", "sentence"), [
    ("", "Whom?"), ("ada", "This is not an e-mail address."),
    ("ADA@example.org", "There is already an account for ada@example.org.")])
def test_whom_nobody_can_invite_is_said(browser: Browser, address: str, sentence: str) -> None:
    answer = browser.post(f"{PAGE}/invitations", {"email": address})
    assert answer.status_code == 422
    assert sentence in answer.text
    assert actions() == []


def test_a_second_invitation_takes_the_place_of_the_first(browser: Browser, visitor: Browser) -> None:
    first, second = invite(browser), invite(browser)
    assert visitor.get(first).status_code == 410
    assert visitor.get(second).status_code == 200
    assert browser.get(PAGE).text.count(f"Take back: {EMAIL}") == 1


def test_an_invitation_is_taken_back(browser: Browser, visitor: Browser) -> None:
    link = invite(browser)
    number = db.session.scalars(select(Invitation.id)).one()
    path = f"{PAGE}/invitations/{number}/withdraw"
    assert f'href="{path}"' in browser.get(PAGE).text
    assert browser.post(path, {"email": "eve@example.org"}).status_code == 409
    question = browser.get(path).text
    assert f"Take back the invitation of {EMAIL}?" in question
    assert f'name="email" value="{EMAIL}"' in question
    assert browser.post(path).status_code == 422
    assert visitor.get(link).status_code == 200
    assert browser.post(path, {"email": EMAIL}).status_code == 303
    assert visitor.get(link).status_code == 410
    assert browser.post(path, {"email": EMAIL}).status_code == 409
    assert browser.get(path).status_code == 409
    assert "Nobody has an open invitation." in browser.get(PAGE).text
    assert actions() == ["invitation.create", "invitation.withdraw"]


def test_the_open_invitations_go_page_by_page(browser: Browser) -> None:
    now = clock.now()
    db.session.add_all(Invitation(email=f"p{number:02}@example.org", token_hash=str(number),
                                  expires_at=now + dt.timedelta(days=1)) for number in range(22))
    db.session.add(Invitation(email="old@example.org", token_hash="old", expires_at=now))
    db.session.commit()
    page = browser.get(PAGE).text
    assert "old@example.org" not in page
    assert page.count("Take back: ") == invitations.PER_PAGE
    older = re.search(r'href="(/admin/people\?invited_before=\d+)', page)
    assert older is not None
    rest = browser.get(older[1]).text
    assert re.findall(r"Take back: (\S+)\"", rest) == ["p01@example.org", "p00@example.org"]
    assert browser.get(f"{PAGE}?invited_before=99999999999999999999").status_code == 200


class TestMail:
    """With a mail server; here its file, for the job writes one where SMTP_HOST is unset."""

    @pytest.fixture
    def queued(self, app: Flask, browser: Browser, redis: Redis) -> str:
        """The link that the page showed; the job that mails it waits."""
        app.config["SMTP_HOST"] = "mail.example.org"
        return invite(browser)

    def test_the_job_is_given_a_number_and_mails_the_same_link(self, app: Flask, queued: str, redis: Redis) -> None:
        job, = Queue("default", connection=redis).get_jobs()
        row = db.session.scalars(select(Invitation)).one()
        assert job.args == (row.id,)
        assert job.func is mail_jobs.send_invitation
        assert EMAIL not in str(job.description)
        assert queued.rpartition("/")[2] not in str(redis.hgetall(job.key))
        job.func(*job.args)
        message = email.message_from_bytes(only_mail(app).read_bytes())
        assert message["To"] == EMAIL
        body = str(message.get_payload())
        assert f"\nhttp://127.0.0.1:8000{queued}\n" in body
        assert "ada@example.org invites you to Stagewatch" in body

    def test_an_invitation_that_is_over_is_not_mailed(self, app: Flask, queued: str) -> None:
        number = db.session.scalars(select(Invitation.id)).one()
        invitations.withdraw(SHELL_ACTOR, number, EMAIL)
        db.session.commit()
        mail_jobs.send_invitation(number)
        assert not (app.config["INSTANCE_DIR"] / "mail").exists()

    def test_without_redis_the_page_still_shows_the_link(self, app: Flask, browser: Browser,
                                                         own_redis_server: RedisServer) -> None:
        app.config["SMTP_HOST"] = "mail.example.org"
        app.extensions["redis"] = redis_clients.connect(own_redis_server.url)
        own_redis_server.stop()
        browser.post(f"{PAGE}/invitations", {"email": EMAIL})
        page = browser.get(PAGE).text
        assert "No mail can be sent at this moment. Give the link on yourself." in page
        assert link_on(page)


def test_without_a_mail_server_nothing_is_queued(browser: Browser, redis: Redis) -> None:
    invite(browser)
    assert Queue("default", connection=redis).get_jobs() == []
    assert "no mail server is set up" in browser.get(PAGE).text


@pytest.mark.both_databases
def test_registration_is_closed_and_opened_by_an_admin(app: Flask, browser: Browser, visitor: Browser) -> None:
    assert visitor.get("/register").status_code == 200
    assert "/register" in visitor.get("/").text
    assert browser.post(f"{PAGE}/registration", {"open": "no"}).status_code == 303
    assert "Closed." in browser.get(PAGE).text
    assert visitor.get("/register").status_code == 403
    assert visitor.post("/register", {"email": EMAIL, "password": PASSWORD}).status_code == 403
    assert "/register" not in visitor.get("/").text + visitor.get("/login").text
    browser.post(f"{PAGE}/registration", {"open": "no"})
    assert "Registration is closed already." in browser.get(PAGE).text
    browser.post(f"{PAGE}/registration", {"open": "yes"})
    assert visitor.post("/register", {"email": EMAIL, "password": PASSWORD}).status_code == 303
    assert [(entry.action, entry.before, entry.after) for entry in log()] == [
        ("site.registration", {"open": True}, {"open": False}), ("site.registration", {"open": False}, {"open": True})]


def test_an_invitation_works_where_registration_is_closed(browser: Browser, visitor: Browser) -> None:
    browser.post(f"{PAGE}/registration", {"open": "no"})
    assert visitor.post(invite(browser), {"password": PASSWORD}).status_code == 303


@pytest.mark.parametrize("word", ["", "maybe"])
def test_registration_is_yes_or_no(browser: Browser, word: str) -> None:
    assert browser.post(f"{PAGE}/registration", {"open": word}).status_code == 422
    assert db.session.scalars(select(SiteSetting)).all() == []


class TestClosedByTheEnvironment:
    """REGISTRATION_OPEN=no."""

    @pytest.fixture
    def settings_changes(self) -> dict[str, object]:
        return {"REGISTRATION_OPEN": False}

    def test_no_admin_opens_it(self, browser: Browser, visitor: Browser) -> None:
        page = browser.get(PAGE).text
        assert "REGISTRATION_OPEN=no" in page
        assert "Open registration" not in page
        answer = browser.post(f"{PAGE}/registration", {"open": "yes"})
        assert answer.status_code == 422
        assert "only who starts the site can open it" in answer.text
        assert visitor.get("/register").status_code == 403
        assert visitor.post(invite(browser), {"password": PASSWORD}).status_code == 303


def only_mail(app: Flask) -> Path:
    """Return the one mail that was written to a file."""
    path, = (app.config["INSTANCE_DIR"] / "mail").glob("*.eml")
    assert isinstance(path, Path)
    return path


def test_the_link_can_be_copied_by_a_button_and_the_page_says_whom_to_give_it_to(browser: Browser) -> None:
    browser.post(f"{PAGE}/invitations", {"email": EMAIL})
    page = browser.get(PAGE).text
    assert 'data-copy="link"' in page
    assert f"Give it to {EMAIL}, and to nobody else." in page
    assert "/copy." in page
    assert "data-copy" not in browser.get(PAGE).text
