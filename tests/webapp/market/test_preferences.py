"""Theme and palette, kept on the device without an account."""

from __future__ import annotations

import re

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse


def choose(client: FlaskClient, **fields: str) -> TestResponse:
    token = re.search(r'name="csrf_token" value="([^"]+)"', client.get("/sources").text)
    assert token is not None
    return client.post("/preferences", data={"csrf_token": token[1], "theme": "dark", "palette": "red-up"} | fields)


def test_the_choice_is_kept_for_a_year_and_shown_at_once(client: FlaskClient) -> None:
    answer = choose(client, next="/sources?a=b")
    assert (answer.status_code, answer.location) == (303, "/sources?a=b")
    cookies = answer.headers.getlist("Set-Cookie")
    kept = [cookie for cookie in cookies if cookie.startswith(("theme=dark", "palette=red-up"))]
    assert len(kept) == 2
    assert all("Max-Age=31536000" in cookie and "SameSite=Lax" in cookie for cookie in kept)
    assert '<html lang="en" data-theme="dark" data-palette="red-up">' in client.get("/").text


@pytest.mark.parametrize(
    "elsewhere", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:x", ""])
def test_nobody_is_sent_to_another_site(client: FlaskClient, elsewhere: str) -> None:
    assert choose(client, next=elsewhere).location == "/"


def test_an_unknown_theme_is_refused(client: FlaskClient) -> None:
    answer = choose(client, theme="pink")
    assert answer.status_code == 422
    assert not [cookie for cookie in answer.headers.getlist("Set-Cookie") if cookie.startswith("theme")]


def test_an_invented_cookie_changes_nothing(client: FlaskClient) -> None:
    client.set_cookie("theme", '"><script>')
    assert '<html lang="en" data-theme="auto" data-palette="green-up">' in client.get("/").text


def test_it_needs_the_sites_own_form(client: FlaskClient) -> None:
    assert client.post("/preferences", data={"theme": "dark", "palette": "red-up"}).status_code == 400
