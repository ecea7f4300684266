"""Somebody with an account, who fills the site's forms over HTTP."""

from __future__ import annotations

import csv
import io
import re
from html import unescape
from itertools import count
from typing import Any, Self

import requests

PASSWORD = "four words in a row"
_numbers = count(1)


class Person:
    """A browser without JavaScript, and who sits before it."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.session = requests.Session()
        self.email = f"person{next(_numbers)}@example.org"

    def join(self) -> Self:
        """Sign up."""
        self.send("/register", email=self.email, password=PASSWORD)
        return self

    def make_list(self, *ids: int) -> str:
        """Make a list of these stocks; return its address."""
        address = self.send("/watchlists/pick", do="add", name="Mine", chosen=[str(number) for number in ids]).url
        assert re.search(r"/watchlists/\d+$", address), address
        return address

    def send(self, path: str, **fields: str | list[str]) -> requests.Response:
        """Send a form with its page's token."""
        page = self.session.get(f"{self.url}{'/register' if path == '/register' else '/account'}", timeout=20)
        token = re.search(r'name="csrf_token" value="([^"]+)"', page.text)
        assert token, page.text[:2000]
        answer = self.session.post(f"{self.url}{path}", data={"csrf_token": token[1], **fields}, timeout=20)
        assert answer.ok, f"{path}: {answer.status_code} {answer.text[:2000]}"
        return answer

    def read(self, address: str) -> str:
        """Return the text of a page."""
        return self.session.get(address, timeout=20).text

    def export(self, address: str) -> tuple[list[dict[str, Any]], list[dict[str, str]]]:
        """Return a list's quotes from its JSON and from its CSV."""
        as_json = self.session.get(f"{address}.json", timeout=20).json()["quotes"]
        return as_json, list(csv.DictReader(io.StringIO(self.read(f"{address}.csv"))))


def row_on(page: str, number: int) -> dict[str, str]:
    """Return what a page's table shows of a stock, by column, as a person reads it."""
    cells = re.findall(rf"<td id=q{number}-(\w+)[^>]*>(.*?)</td>", page, re.DOTALL)
    return {column: " ".join(unescape(re.sub(r"<[^>]+>", " ", cell)).split()) for column, cell in cells}
