"""Searching further than the directory: ask a provider, wait, choose, put it on a list; and what is gone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import NO_LIMITS, NewContext
from tests.browser.market import Market
from tests.browser.people import PASSWORD, Person, open_list
from tests.browser.test_pages import AXE, CHECK, EVERYTHING
from tests.server.test_directory import Directory
from tests.server.vendor import settings_for
from tests.site import Site
from webapp.extensions import db
from webapp.models import InstrumentRow


@pytest.fixture
def vendor() -> Iterator[Directory]:
    server = Directory()
    yield server
    server.stop()


@pytest.fixture
def asking_site(chromium: Browser, vendor: Directory, tmp_path: Path) -> Iterator[Site]:
    """A site whose provider can be searched; its worker is not started yet."""
    with Site(tmp_path, **NO_LIMITS, **settings_for(vendor)) as running:
        yield running.start("web")


def sign_up(page: Page, name: str) -> None:
    page.goto("/register")
    page.get_by_label("E-mail address").fill(f"{name}@example.org")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Make my account").click()
    page.wait_for_url("**/watchlists/pick")


def test_a_stock_that_is_not_here_is_asked_for_and_chosen(asking_site: Site, new_context: NewContext) -> None:
    page = new_context(base_url=asking_site.url).new_page()
    sign_up(page, "asker")
    page.get_by_role("checkbox").first.check()
    page.get_by_role("button", name="Add the ticked stocks").first.click()
    page.get_by_role("combobox", name="Search stocks").fill("zebra")
    option = page.get_by_role("option", name="Ask Alpha Vantage")
    expect(option).to_be_visible()
    option.click()
    page.get_by_role("button", name="Ask Alpha Vantage").click()
    expect(page.locator("#asked-status")).to_contain_text("Asking the providers for “zebra”")
    asking_site.start("worker")
    choose = page.get_by_role("button", name="Choose ZOO on London")
    expect(choose).to_be_visible(timeout=60_000)
    expect(page.locator("#asked-status")).to_contain_text("Alpha Vantage found 1")
    expect(page.locator("#asked-found [hx-get]")).to_have_count(0)  # it no longer asks
    page.set_viewport_size({"width": 390, "height": 760})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.evaluate(AXE.read_text(encoding="utf-8"))
    assert page.evaluate(CHECK, EVERYTHING) == []
    choose.click()
    page.wait_for_url("**/stocks/XLON/ZOO")
    page.get_by_role("button", name="Add to “Watchlist”").click()
    expect(page.locator("tbody tr th a")).to_have_count(2)
    expect(page.locator("tbody")).to_contain_text("Zebra Zoo PLC")


def test_without_scripts_the_answer_comes_with_a_reload(asking_site: Site, new_context: NewContext) -> None:
    page = new_context(base_url=asking_site.url, java_script_enabled=False).new_page()
    sign_up(page, "plain")
    page.goto("/stocks/search?q=zebra")
    page.get_by_role("button", name="Ask Alpha Vantage").click()
    expect(page.get_by_role("link", name="Reload")).to_be_visible()
    asking_site.start("worker")
    choose = page.get_by_role("button", name="Choose ZOO on London")
    for _ in range(100):
        if choose.count():
            break
        page.get_by_role("link", name="Reload").click()
        page.wait_for_timeout(200)
    choose.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("ZOO")


def test_a_renamed_stock_is_replaced_on_the_list(person: Person, market: Market) -> None:
    page = open_list(person, "AAPL", "SHEL", "BRK.B")
    with market.app.app_context():
        row = db.session.get_one(InstrumentRow, market.ids["SHEL"])
        row.status, row.renamed_to = "renamed", "XNAS:MSFT"
        db.session.commit()
    try:
        page.reload()
        expect(page.locator(".gone")).to_contain_text("MSFT")
        page.evaluate(AXE.read_text(encoding="utf-8"))
        assert page.evaluate(CHECK, EVERYTHING) == []
        page.get_by_role("button", name="Replace SHEL by MSFT").click()
        expect(page.locator("tbody tr th > a")).to_have_text(["AAPL", "MSFT", "BRK.B"])
        expect(page.locator(".gone")).to_have_count(0)
    finally:
        with market.app.app_context():
            row = db.session.get_one(InstrumentRow, market.ids["SHEL"])
            row.status, row.renamed_to = "listed", ""
            db.session.commit()
