"""Somebody with an account, and what they do without looking at it."""

from __future__ import annotations

import re
from itertools import count
from typing import Self
from urllib.parse import urlencode

from playwright.sync_api import BrowserContext, Page

from tests.browser.market import Market

PASSWORD = "four words in a row"
_numbers = count(1)


class Person:
    """Sends the site's forms over HTTP with the cookies of their browser, where a test is about what comes after."""

    def __init__(self, context: BrowserContext, market: Market) -> None:
        self.context = context
        self.market = market
        self.email = f"person{next(_numbers)}@example.org"

    def join(self) -> Self:
        """Sign up."""
        self.send("/register", email=self.email, password=PASSWORD)
        return self

    def promote(self) -> Self:
        """Make an admin of them, as somebody with the shell does."""
        done = self.market.app.test_cli_runner().invoke(args=["users", "promote", self.email])
        assert done.exit_code == 0, done.output
        return self

    def make_list(self, *symbols: str, name: str = "Mine") -> str:
        """Make a list of these stocks; return its address."""
        found = re.search(r"/watchlists/\d+", self.send("/watchlists", name=name))
        assert found
        if symbols:
            self.send(f"{found[0]}/pick", do="add", chosen=[str(self.market.ids[symbol]) for symbol in symbols])
        return found[0]

    def send(self, path: str, **fields: str | list[str]) -> str:
        """Send the form of a page, with the page's token; return the address of where that leads."""
        page = self.context.request.get("/register" if path == "/register" else "/account")
        token = re.search(r'name="csrf_token" value="([^"]+)"', page.text())
        assert token, f"{page.url} has no form"
        answer = self.context.request.post(
            path, data=urlencode({"csrf_token": token[1], **fields}, doseq=True),
            headers={"Content-Type": "application/x-www-form-urlencoded", "Referer": page.url})
        assert answer.ok, f"{path}: {answer.status}"
        return answer.url


def open_list(person: Person, *symbols: str) -> Page:
    """Open a new list of these stocks in a new tab."""
    page = person.context.new_page()
    page.goto(person.make_list(*symbols))
    return page

