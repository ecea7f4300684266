"""The quota page: the what-if answers while somebody types, and without scripts by its button."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.browser.conftest import NewContext
from tests.browser.faults import Faults
from tests.browser.market import Market
from tests.site import Site


def test_the_intervals_change_while_somebody_types(page: Page, faults: Faults) -> None:
    faults.allow(r"status of 422.*/sources")
    page.goto("/sources")
    row = page.locator("#intervals tr", has_text="On a list")
    expect(row).to_contain_text("Simulator")
    page.get_by_label("Twelve Data").check()
    expect(row).to_contain_text("Twelve Data")
    page.get_by_label("Of these on an open page").fill("0")  # pages of a moment ago still count as open
    stocks = page.get_by_label("Stocks", exact=True)
    stocks.fill("")
    stocks.press_sequentially("100")
    expect(page.locator("#intervals")).to_contain_text("100 asked for")
    expect(page.get_by_role("status").filter(has_text="100 stocks, 0 on an open page")).to_have_count(1)
    expect(stocks).to_be_focused()
    expect(stocks).to_have_value("100")
    stocks.fill("100000")
    expect(page.locator("#stocks-error")).to_have_text("Write a whole number from 1 to 10,000.")
    expect(page.get_by_label("Twelve Data")).to_be_checked()
    stocks.fill("50")
    expect(page.locator("#stocks-error")).to_be_empty()
    expect(page.locator("#intervals")).to_contain_text("50 asked for")
    assert "stocks=50" in page.url
    page.reload()
    expect(stocks).to_have_value("50")
    expect(page.locator("#intervals")).to_contain_text("50 asked for")


def test_without_scripts_the_button_works_it_out(new_context: NewContext, site: Site, market: Market,
                                                 faults: Faults) -> None:
    faults.allow(r"status of 422.*/sources")
    page = new_context(base_url=site.url, java_script_enabled=False).new_page()
    page.goto("/sources")
    page.get_by_label("Stocks", exact=True).fill("100")
    page.get_by_label("Tiingo").check()
    page.get_by_role("button", name="Work it out").click()
    expect(page.locator("#intervals")).to_contain_text("100 asked for")
    expect(page.get_by_label("Tiingo")).to_be_checked()
    page.get_by_label("Of these on an open page").fill("101")
    page.get_by_role("button", name="Work it out").click()
    expect(page.locator("#on_screen-error")).to_contain_text("Only 100 stocks are asked about")
    expect(page.get_by_label("Of these on an open page")).to_have_value("101")
