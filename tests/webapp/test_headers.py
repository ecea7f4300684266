"""What every answer carries."""

from __future__ import annotations

import re

import pytest
from flask import Flask
from flask.testing import FlaskClient

from webapp.headers import CONTENT_SECURITY_POLICY


def test_a_page_allows_no_script_or_style_but_our_own_files(client: FlaskClient) -> None:
    policy = client.get("/").headers["Content-Security-Policy"]
    assert policy == CONTENT_SECURITY_POLICY
    assert "unsafe" not in policy
    assert "default-src 'none'" in policy


def test_a_page_is_kept_by_nobody_and_a_static_file_for_a_year(client: FlaskClient) -> None:
    page = client.get("/")
    assert page.headers["Cache-Control"] == "private, no-cache"
    address = re.search(r'href="(/static/app\.css\?v=[^"]+)"', page.text)
    assert address
    kept = client.get(address[1]).headers["Cache-Control"]
    assert "immutable" in kept
    assert "max-age=31536000" in kept
    assert "immutable" not in client.get("/static/app.css").headers["Cache-Control"]


@pytest.mark.parametrize("encoding", ["gzip", "br"])
@pytest.mark.parametrize("path", ["/", "/static/app.css", "/static/stream.js"])
def test_pages_and_files_travel_compressed(client: FlaskClient, path: str, encoding: str) -> None:
    answer = client.get(path, headers={"Accept-Encoding": encoding})
    assert answer.headers["Content-Encoding"] == encoding
    assert "Accept-Encoding" in answer.headers["Vary"]


def test_the_address_of_a_static_file_changes_with_its_content(app: Flask) -> None:
    with app.test_request_context():
        address = app.jinja_env.globals["static_url"]("app.css")  # type: ignore[operator]
    assert re.fullmatch(r"/static/app\.css\?v=[0-9a-f]{12}", address)


@pytest.mark.parametrize(("scheme", "secure"), [("http", False), ("https", True)])
def test_a_cookie_is_secure_wherever_the_page_came_by_https(client: FlaskClient, scheme: str, secure: bool) -> None:
    answer = client.get("/login", base_url=f"{scheme}://localhost")
    cookie = next(each for each in answer.headers.getlist("Set-Cookie") if each.startswith("stagewatch="))
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert ("Secure" in cookie) is secure
    assert ("Strict-Transport-Security" in answer.headers) is secure
