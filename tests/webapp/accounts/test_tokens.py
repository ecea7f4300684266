"""Tokens as the API knows them: made within limits, found by their text only."""

from __future__ import annotations

import datetime as dt
import re
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from flask import Flask

from tests.webapp.accounts.conftest import Watch, count
from webapp.accounts import tokens
from webapp.errors import NotFound, Refused
from webapp.extensions import db
from webapp.models import ApiToken, Scope, User

DAY = dt.timedelta(days=1)


def make(person: User, name: str = "Notebook", scope: Scope = Scope.READ,
         expires_at: dt.datetime | None = None) -> tuple[ApiToken, str]:
    token, text = tokens.create_token(person, name, scope, expires_at)
    db.session.commit()
    return token, text


def test_the_database_never_sees_the_text(person: User) -> None:
    token, text = make(person)
    assert re.fullmatch(r"sw_[\w-]{43}", text)
    assert len(token.token_hash) == 64
    assert text not in (token.token_hash, token.prefix, token.name)
    assert token.prefix == text[:10]


@pytest.mark.both_databases
def test_a_token_is_found_until_it_expires(app: Flask, person: User, watch: Watch) -> None:
    token, text = make(person, expires_at=watch.now + DAY)
    assert tokens.find_token(text) is token
    watch.forward(seconds=86399)
    assert tokens.find_token(text) is token
    watch.forward(seconds=1)
    assert tokens.find_token(text) is None
    assert tokens.count_tokens(person.id) == 1
    assert tokens.count_working(person.id) == 0


@pytest.mark.parametrize("text", ["", "sw_", "sw_" + "a" * 43, "SW_" + "a" * 43, "sw_" + "a" * 44, "sw_\0", "é" * 46])
def test_other_text_finds_nothing(person: User, text: str) -> None:
    make(person)
    assert tokens.find_token(text) is None


@pytest.mark.parametrize(("name", "kept"), [("  My  notebook ", "My notebook"), ("a\0b", "ab"), ("x" * 80, "x" * 80)])
def test_a_name_is_kept_without_stray_spaces(person: User, name: str, kept: str) -> None:
    assert make(person, name)[0].name == kept


@pytest.mark.parametrize("name", ["", "  ", "\0", "x" * 81])
def test_a_token_needs_a_name(person: User, name: str) -> None:
    with pytest.raises(Refused, match="a name of 1 to 80 characters"):
        make(person, name)


def test_two_tokens_of_a_person_have_two_names(person: User) -> None:
    make(person)
    with pytest.raises(tokens.NameTaken, match="already have a token named “Notebook”"):
        make(person, " Notebook")
    db.session.rollback()
    tokens.revoke_token(person.id, tokens.list_tokens(person.id)[0].id)
    assert make(person)


@pytest.mark.both_databases
def test_a_form_that_is_sent_twice_at_once_makes_one_token(app: Flask, person: User) -> None:
    user_id = person.id
    db.session.remove()
    start = Barrier(3)

    def try_it(_: int) -> bool:
        with app.app_context():
            user = db.session.get(User, user_id)
            assert user is not None
            start.wait()
            try:
                make(user)
            except tokens.NameTaken:
                return False
            return True

    with ThreadPoolExecutor(3) as pool:
        assert sum(pool.map(try_it, range(3))) == 1
    assert count(ApiToken) == 1


def test_a_token_never_begins_expired(person: User, watch: Watch) -> None:
    with pytest.raises(Refused, match="expired already"):
        make(person, expires_at=watch.now)


def test_a_person_has_fifty_tokens_at_most(person: User) -> None:
    for number in range(tokens.MAX_TOKENS):
        tokens.create_token(person, f"Token {number}", Scope.READ, None)
    with pytest.raises(Refused, match="50 tokens"):
        make(person, "One more")


def test_an_admins_scope_ends_with_the_role(person: User) -> None:
    with pytest.raises(Refused, match="Only an admin"):
        make(person, scope=Scope.ADMIN)
    db.session.rollback()
    person.admin = True
    token, _ = make(person, scope=Scope.ADMIN)
    assert tokens.scope_of(token) is Scope.ADMIN
    person.admin = False
    assert tokens.scope_of(token) is Scope.WRITE


def test_the_last_use_is_written_once_a_minute(person: User, watch: Watch) -> None:
    token, _ = make(person)
    assert tokens.needs_use_noted(token)
    token.last_used_at = watch.now
    watch.forward(seconds=59)
    assert not tokens.needs_use_noted(token)
    watch.forward(seconds=1)
    assert tokens.needs_use_noted(token)


def test_a_token_is_revoked_by_its_owner_only(person: User) -> None:
    token, text = make(person)
    with pytest.raises(NotFound):
        tokens.revoke_token(person.id + 1, token.id)
    with pytest.raises(NotFound):
        tokens.own_token(person.id + 1, token.id)
    assert tokens.own_token(person.id, token.id) is token
    assert tokens.revoke_token(person.id, token.id) == "Notebook"
    assert tokens.find_token(text) is None
    with pytest.raises(NotFound):
        tokens.revoke_token(person.id, token.id)
