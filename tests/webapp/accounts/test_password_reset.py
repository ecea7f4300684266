"""Forgotten passwords: the mail, its link, and how it is sent."""

from __future__ import annotations

import datetime as dt
import email
import logging
import re
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import time_machine
from flask import Flask
from redis import Redis
from rq import Queue

from tests.conftest import RedisServer
from tests.webapp.accounts.conftest import EMAIL, PASSWORD, Browser
from webapp import redis as redis_clients
from webapp.accounts import passwords, service
from webapp.extensions import db
from webapp.models import User
from worker.jobs import mail as mail_jobs

NEW = "a newer long secret"


def run_jobs(redis: Redis) -> int:
    """Do what a worker would: find each function by its name and call it."""
    jobs = Queue("default", connection=redis).get_jobs()
    for job in jobs:
        job.func(*job.args)
        job.delete()
    return len(jobs)


def mails(app: Flask) -> list[Path]:
    """Return the files that mails were written to."""
    return sorted((app.config["INSTANCE_DIR"] / "mail").glob("*.eml"))


def link_in(path: Path) -> str:
    """Return the path that the mail's link leads to."""
    body = email.message_from_bytes(path.read_bytes()).get_payload()
    found = re.search(r"^http://127\.0\.0\.1:8000(/password/reset/\S+)$", str(body), re.MULTILINE)
    assert found is not None, body
    return found[1]


@pytest.fixture
def link(app: Flask, person: User, browser: Browser, redis: Redis) -> str:
    """The link that the person was sent."""
    browser.post("/password/forgot", email=EMAIL)
    run_jobs(redis)
    return link_in(mails(app)[0])


def test_the_link_sets_a_new_password(person: User, browser: Browser, link: str) -> None:
    assert EMAIL in browser.get(link).text
    answer = browser.post(link, password=NEW)
    assert answer.status_code == 303
    assert answer.location == "/login"
    assert browser.log_in().status_code == 422
    assert browser.log_in(password=NEW).status_code == 303


def test_the_link_works_once(person: User, browser: Browser, link: str) -> None:
    browser.post(link, password=NEW)
    for answer in (browser.get(link), browser.post(link, password="yet another secret")):
        assert answer.status_code == 410
        assert "This link is no longer valid" in answer.text
    assert browser.log_in(password=NEW).status_code == 303


def test_two_uses_at_the_same_moment_count_once(app: Flask, person: User, link: str,
                                                monkeypatch: pytest.MonkeyPatch) -> None:
    def meanwhile(password: str) -> str:
        person.password_hash = "set by the other one"
        db.session.commit()
        return "late"

    user = service.user_of_reset_token(link.rsplit("/", 1)[1])
    assert user is not None
    monkeypatch.setattr(passwords, "hash_password", meanwhile)
    assert service.reset_password(user, NEW) is None
    db.session.rollback()
    assert person.password_hash == "set by the other one"


def test_the_link_works_for_an_hour(person: User, browser: Browser, link: str) -> None:
    now = dt.datetime.now(dt.UTC)
    with time_machine.travel(now + dt.timedelta(minutes=59)):
        assert browser.get(link).status_code == 200
    with time_machine.travel(now + dt.timedelta(minutes=61)):
        assert browser.get(link).status_code == 410


def test_a_changed_password_makes_the_link_void(person: User, browser: Browser, link: str) -> None:
    browser.log_in()
    browser.post("/account/password", current=PASSWORD, password=NEW)
    assert browser.get(link).status_code == 410


@pytest.mark.parametrize("token", ["x", "a.b.c", "WzEsIiJd.aaaa.bbbb", "%00", "\N{SNOWMAN}"])
def test_a_forged_link_is_void(person: User, browser: Browser, token: str) -> None:
    assert browser.get(f"/password/reset/{token}").status_code == 410


def test_a_link_signed_with_another_key_is_void(app: Flask, person: User, browser: Browser) -> None:
    token = service.reset_token(person)
    app.config["SECRET_KEY"] = "another key"
    assert service.user_of_reset_token(token) is None


def test_a_locked_or_deleted_account_cannot_be_reset(person: User, browser: Browser, link: str) -> None:
    person.locked = True
    db.session.commit()
    assert browser.get(link).status_code == 410
    service.delete_user(person)
    db.session.commit()
    assert browser.get(link).status_code == 410


def test_a_reset_ends_every_session(person: User, browser: Browser, new_browser: Callable[..., Browser], link: str,
                                    bells: Callable[[], list[dict[str, Any]]]) -> None:
    others = [new_browser(), new_browser()]
    for other in others:
        other.log_in()
    browser.post(link, password=NEW)
    assert not any(other.is_logged_in() for other in others)
    assert [bell["topic"] for bell in bells()] == ["signed-out", "signed-out"]


def test_the_new_password_has_to_be_a_good_one(person: User, browser: Browser, link: str) -> None:
    answer = browser.post(link, password="short")
    assert answer.status_code == 422
    assert "Use at least 10 characters" in answer.text
    assert browser.post(link, password=EMAIL).status_code == 422
    assert browser.get(link).status_code == 200


def test_the_answer_does_not_tell_whether_there_is_an_account(person: User, browser: Browser, redis: Redis,
                                                              app: Flask, verifications: list[str]) -> None:
    known = browser.post("/password/forgot", email=EMAIL)
    unknown = browser.post("/password/forgot", email="eve@example.com")
    assert known.status_code == unknown.status_code == 200
    texts = [re.sub(r'name="csrf_token" value="[^"]+"', "", answer.text) for answer in (known, unknown)]
    assert texts[0].replace(EMAIL, "X") == texts[1].replace("eve@example.com", "X")
    assert run_jobs(redis) == 2
    assert len(mails(app)) == 1


def test_no_token_and_no_address_is_in_the_worker_s_log(person: User, browser: Browser, redis: Redis) -> None:
    browser.post("/password/forgot", email=EMAIL)
    job, = Queue("default", connection=redis).get_jobs()
    assert job.args == (EMAIL,)
    assert EMAIL not in str(job.description)
    assert job.func_name == "worker.jobs.mail.send_password_reset"
    assert job.func is mail_jobs.send_password_reset


def test_without_a_mail_server_the_mail_is_a_file_whose_path_is_logged(
        app: Flask, person: User, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "webapp.mail"):
        mail_jobs.send_password_reset(EMAIL)
    path, = mails(app)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert str(path) in caplog.text
    assert link_in(path).rsplit("/", 1)[1] not in caplog.text
    message = email.message_from_bytes(path.read_bytes())
    assert message["To"] == EMAIL
    assert message["Auto-Submitted"] == "auto-generated"


def test_a_site_behind_a_path_is_linked_with_its_path(app: Flask) -> None:
    link = mail_jobs.address_of("https://example.com/watch", "accounts.reset_password", token="t")
    assert link == "https://example.com/watch/password/reset/t"


def test_no_host_header_gets_into_the_mail(app: Flask, person: User, browser: Browser, redis: Redis) -> None:
    browser.open("/password/forgot", base_url="http://evil.example/")
    browser.post("/password/forgot", email=EMAIL)
    run_jobs(redis)
    assert "evil" not in mails(app)[0].read_text()


def test_without_redis_nobody_is_told_that_a_mail_comes(app: Flask, person: User, browser: Browser,
                                                        own_redis_server: RedisServer) -> None:
    app.extensions["redis"] = redis_clients.connect(own_redis_server.url)
    own_redis_server.stop()
    answers = [browser.post("/password/forgot", email=text) for text in (EMAIL, "eve@example.com")]
    assert [answer.status_code for answer in answers] == [503, 503]
    assert "No mail can be sent at this moment" in answers[0].text


def test_a_slip_in_the_address_is_said(browser: Browser) -> None:
    answer = browser.post("/password/forgot", email="ada")
    assert answer.status_code == 422
    assert "This is not an e-mail address." in answer.text
