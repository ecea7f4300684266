"""Codes and recovery codes: which are right, how often, and what is kept of them."""

from __future__ import annotations

import datetime as dt
import re
import xml.etree.ElementTree as ET
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from urllib.parse import parse_qs, unquote, urlsplit

import pyotp
import pytest
from flask import Flask
from sqlalchemy import select

from tests.webapp.accounts.conftest import EMAIL, count
from webapp import clock
from webapp.accounts import second_factor, service
from webapp.errors import NotFound, Refused
from webapp.extensions import db
from webapp.models import RecoveryCode, User

NOW = dt.datetime(2026, 11, 20, 12, 0, 10, tzinfo=dt.UTC)
STEP = dt.timedelta(seconds=30)


@pytest.fixture(autouse=True)
def noon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the time stand still until a test moves it."""
    move_to(monkeypatch, NOW)


def move_to(monkeypatch: pytest.MonkeyPatch, moment: dt.datetime) -> None:
    monkeypatch.setattr(clock, "now", lambda: moment)


def code_at(secret: str, moment: dt.datetime = NOW) -> str:
    return pyotp.TOTP(secret).at(moment)


def set_up(user: User) -> tuple[str, list[str]]:
    """Turn the factor on a minute ago; return secret and recovery codes."""
    secret = second_factor.offer(user.id)
    codes = second_factor.turn_on(user.id, secret, code_at(secret, NOW - STEP))
    db.session.commit()
    assert codes
    return secret, codes


def redeemed(user: User, text: str) -> str:
    """Use a code and say what it was taken for."""
    proof = second_factor.redeem(user.id, text)
    db.session.commit()
    return "" if proof is None else "recovery code" if proof.recovery else "code"


def test_an_offered_secret_is_not_in_force_until_its_first_right_code(person: User) -> None:
    secret = second_factor.offer(person.id)
    db.session.commit()
    assert not second_factor.is_on(person)
    assert redeemed(person, code_at(secret)) == ""
    assert second_factor.turn_on(person.id, secret, "000000") == []
    assert second_factor.turn_on(person.id, secret, code_at(secret))
    db.session.commit()
    assert second_factor.is_on(person)


def test_a_second_offer_voids_the_first(person: User) -> None:
    old, new = second_factor.offer(person.id), second_factor.offer(person.id)
    assert second_factor.turn_on(person.id, old, code_at(old)) == []
    assert second_factor.turn_on(person.id, new, code_at(new))


def test_a_factor_in_force_is_not_replaced_by_an_offer(person: User) -> None:
    secret, _ = set_up(person)
    with pytest.raises(Refused):
        second_factor.offer(person.id)
    assert second_factor.turn_on(person.id, secret, code_at(secret)) == []
    assert redeemed(person, code_at(secret)) == "code"


@pytest.mark.both_databases
@pytest.mark.parametrize(("steps", "taken"), [(-2, ""), (-1, ""), (0, "code"), (1, "code"), (2, "")])
def test_a_code_is_right_within_half_a_minute(app: Flask, person: User, steps: int, taken: str) -> None:
    secret, _ = set_up(person)  # which used the code of half a minute ago up
    assert redeemed(person, code_at(secret, NOW + steps * STEP)) == taken


@pytest.mark.both_databases
def test_each_code_works_once(app: Flask, person: User, monkeypatch: pytest.MonkeyPatch) -> None:
    secret, codes = set_up(person)
    assert [redeemed(person, code_at(secret)) for _ in range(2)] == ["code", ""]
    assert [redeemed(person, codes[3]) for _ in range(2)] == ["recovery code", ""]
    move_to(monkeypatch, NOW + STEP)
    assert redeemed(person, code_at(secret, NOW)) == ""
    assert redeemed(person, code_at(secret, NOW + STEP)) == "code"
    assert second_factor.codes_left(person.id) == 9


def test_after_a_later_code_the_one_before_it_is_void(person: User) -> None:
    secret, _ = set_up(person)
    assert redeemed(person, code_at(secret, NOW + STEP)) == "code"
    assert redeemed(person, code_at(secret, NOW)) == ""


@pytest.mark.both_databases
@pytest.mark.parametrize("kind", ["code", "recovery code"])
def test_of_many_at_the_same_moment_one_code_lets_in_one(app: Flask, person: User, kind: str) -> None:
    secret, codes = set_up(person)
    user_id, text = person.id, code_at(secret) if kind == "code" else codes[0]
    db.session.remove()
    start = Barrier(4)

    def try_it(_: int) -> bool:
        with app.app_context():
            start.wait()
            right = second_factor.redeem(user_id, text) is not None
            db.session.commit()
            return right

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(try_it, range(4))) == 1


@pytest.mark.parametrize("change", [
    str, str.upper, lambda code: code.replace("-", " "), lambda code: code.replace("-", ""),
    lambda code: f" {code}\n", lambda code: code.replace("o", "0").replace("l", "1"),
    lambda code: "".join(chr(ord(sign) + 0xFEE0) if sign != "-" else "—" for sign in code)])
def test_a_recovery_code_may_be_typed_in_many_ways(person: User, change: type[str]) -> None:
    _, codes = set_up(person)
    assert redeemed(person, change(codes[0])) == "recovery code"


@pytest.mark.parametrize("shape", ["{} {}", " {}{} ", "{}-{}"])
def test_a_code_may_be_typed_with_spaces(person: User, shape: str) -> None:
    secret, _ = set_up(person)
    code = code_at(secret)
    assert redeemed(person, shape.format(code[:3], code[3:])) == "code"


@pytest.mark.parametrize("text", ["", "0", "1234567", "٣٤٥٦٧٨", "½½½½½½", "\0", "'; --", "a" * 5000, "²²²²²²"])
def test_what_is_no_code_is_wrong_and_nothing_else(person: User, text: str) -> None:
    set_up(person)
    assert redeemed(person, text) == ""


def test_somebody_elses_codes_are_wrong(person: User) -> None:
    secret, codes = set_up(person)
    other = service.create_user("eve@example.com", "a rather long secret")
    db.session.commit()
    set_up(other)
    assert redeemed(other, codes[0]) == ""
    assert redeemed(other, code_at(secret)) == ""
    assert second_factor.codes_left(person.id) == 10


@pytest.mark.both_databases
def test_new_recovery_codes_void_the_old_ones(app: Flask, person: User) -> None:
    _, old = set_up(person)
    redeemed(person, old[0])
    new = second_factor.renew_codes(person.id)
    db.session.commit()
    assert len(set(new)) == 10
    assert not set(new) & set(old)
    assert second_factor.codes_left(person.id) == 10
    assert redeemed(person, old[1]) == ""
    assert redeemed(person, new[1]) == "recovery code"


@pytest.mark.both_databases
def test_turning_it_off_leaves_nothing(app: Flask, person: User) -> None:
    secret, codes = set_up(person)
    second_factor.turn_off(person.id)
    db.session.commit()
    assert (person.totp_secret, person.totp_step, person.second_factor_at) == ("", 0, None)
    assert count(RecoveryCode) == 0
    assert redeemed(person, code_at(secret)) == ""
    assert redeemed(person, codes[0]) == ""
    with pytest.raises(Refused):
        second_factor.renew_codes(person.id)


def test_of_an_account_that_is_gone_no_code_is_taken(app: Flask) -> None:
    with pytest.raises(NotFound):
        second_factor.redeem(999, "123456")
    assert second_factor.lock_held(999, "") is None


def test_recovery_codes_are_long_and_kept_as_hashes(person: User) -> None:
    _, codes = set_up(person)
    assert all(re.fullmatch(r"([a-z2-7]{4}-){3}[a-z2-7]{4}", code) for code in codes)  # 16 signs of 5 bits
    kept = db.session.scalars(select(RecoveryCode.code_hash)).all()
    assert all(re.fullmatch(r"[0-9a-f]{64}", each) for each in kept)


def test_the_link_tells_an_app_all_it_needs(person: User) -> None:
    secret = second_factor.offer(person.id)
    assert len(secret) >= 32
    link = urlsplit(second_factor.link_of(secret, EMAIL))
    assert (link.scheme, link.netloc, unquote(link.path)) == ("otpauth", "totp", f"/Stagewatch:{EMAIL}")
    assert parse_qs(link.query) == {"secret": [secret], "issuer": ["Stagewatch"]}


def test_the_picture_has_no_style_of_its_own(person: User) -> None:
    picture = second_factor.picture_of(second_factor.link_of("A" * 32, "o'hara&co@example.com"))
    root = ET.fromstring(picture)
    assert root.tag.endswith("svg")
    assert not [each for each in root.iter() if each.get("style")]
    assert "secret" not in picture
