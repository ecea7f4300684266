"""JavaScript off: the same pages, by links and forms alone."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import NewContext
from tests.browser.market import Market
from tests.browser.people import PASSWORD
from tests.site import Site


@pytest.fixture
def plain(new_context: NewContext, site: Site, market: Market) -> Page:
    return new_context(base_url=site.url, java_script_enabled=False).new_page()


def test_the_page_says_how_old_its_numbers_are(plain: Page, market: Market) -> None:
    plain.goto("/")
    expect(plain.locator("#stream-status")).to_contain_text("Prices as of 20")
    expect(plain.locator("#stream-status")).to_contain_text("UTC. Reload for newer ones.")
    expect(plain.get_by_role("button", name="Freeze")).to_be_hidden()
    expect(plain.get_by_role("button", name="Pause")).to_be_hidden()
    assert plain.locator(".foot p").first.inner_text() == "Stagewatch · Where prices come from · API"
    market.move(AAPL="222.11")
    plain.reload()
    expect(plain.locator(f"#q{market.ids['AAPL']}-price")).to_contain_text("222.11")
    expect(plain.locator(f"#t{market.ids['AAPL']}")).to_contain_text("222.11")


def test_a_list_is_made_sorted_noted_reordered_and_shortened(plain: Page) -> None:
    symbols = plain.locator("tbody tr th a")
    plain.goto("/register")
    plain.get_by_label("E-mail address").fill("plain@example.org")
    plain.get_by_label("Password").fill(PASSWORD)
    plain.get_by_role("button", name="Make my account").click()
    plain.goto("/watchlists/pick")
    for text, symbol in (("apple", "AAPL"), ("nvidia", "NVDA"), ("microsoft", "MSFT")):
        plain.get_by_label("Search by symbol or name").fill(text)
        plain.get_by_role("button", name="Search", exact=True).click()
        plain.get_by_role("checkbox", name=symbol).check()
    plain.get_by_role("button", name="Add the ticked stocks").first.click()
    expect(symbols).to_have_text(["AAPL", "NVDA", "MSFT"])
    plain.get_by_role("link", name="Note and place of MSFT").click()
    plain.get_by_role("textbox", name="Note").fill("cloud")
    plain.get_by_role("button", name="Save the note").click()
    expect(plain.get_by_role("link", name="Note and place of MSFT")).to_have_text("cloud")
    plain.get_by_role("link", name="Note and place of MSFT").click()
    plain.get_by_role("button", name="Move up").click()
    expect(symbols).to_have_text(["AAPL", "MSFT", "NVDA"])
    plain.get_by_role("columnheader", name="Symbol").get_by_role("link").click()
    plain.get_by_role("columnheader", name="Symbol").get_by_role("link").click()
    expect(symbols).to_have_text(["NVDA", "MSFT", "AAPL"])
    plain.get_by_role("button", name="Remove NVDA from the list").click()
    expect(symbols).to_have_text(["MSFT", "AAPL"])
    plain.get_by_role("button", name="Log out").click()
    expect(plain.get_by_role("navigation", name="Account").get_by_role("link", name="Log in")).to_be_visible()


def test_search_theme_and_a_stocks_page_work(plain: Page, market: Market) -> None:
    plain.goto("/")
    plain.get_by_role("combobox", name="Search stocks").fill("apple")
    plain.keyboard.press("Enter")
    plain.get_by_role("link", name="AAPL").click()
    expect(plain.locator(f"#s{market.ids['AAPL']}")).to_contain_text(f"{market.opening('AAPL')}.00")
    plain.locator(".menu summary").first.click()
    plain.get_by_label("Dark").check()
    plain.get_by_label("Blue up, orange down").check()
    plain.get_by_role("button", name="Save").click()
    expect(plain.get_by_role("heading", level=1)).to_contain_text("AAPL")
    expect(plain.locator("html")).to_have_attribute("data-theme", "dark")
    expect(plain.locator("html")).to_have_attribute("data-palette", "blue-orange")


def test_every_column_is_seen_on_a_phone(new_context: NewContext, site: Site, market: Market) -> None:
    page = new_context(base_url=site.url, java_script_enabled=False, viewport={"width": 390, "height": 844}).new_page()
    page.goto("/")
    expect(page.locator(f"#q{market.ids['AAPL']}-volume")).to_be_visible()
