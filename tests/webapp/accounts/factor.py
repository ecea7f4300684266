"""People with a second factor."""

from __future__ import annotations

import datetime as dt
import re

import pyotp
from werkzeug.test import TestResponse

from tests.webapp.accounts.conftest import PASSWORD, Browser, Watch
from webapp.accounts import second_factor
from webapp.extensions import db
from webapp.models import User

STEP = dt.timedelta(seconds=30)


def factor_on(user: User, watch: Watch) -> tuple[str, list[str]]:
    """Turn somebody's second factor on half a minute ago; return its secret and the recovery codes."""
    secret = second_factor.offer(user.id)
    codes = second_factor.turn_on(user.id, secret, pyotp.TOTP(secret).at(watch.now - STEP))
    db.session.commit()
    assert codes
    return secret, codes


def set_up(browser: Browser, watch: Watch) -> TestResponse:
    """Turn the second factor on by its pages; return the one with the recovery codes."""
    browser.post("/account/second-factor", password=PASSWORD)
    page = browser.get("/account/second-factor/set-up")
    found = re.search(r"[?&;]secret=([A-Z2-7]+)", page.text)
    assert found
    return browser.post("/account/second-factor/set-up", code=watch.code(found[1]))


def codes_on(page: TestResponse) -> list[str]:
    """Return the recovery codes that a page shows."""
    found = re.search(r'<textarea id="codes"[^>]*>([^<]+)</textarea>', page.text)
    assert found, page.text
    return found[1].split()
