"""What a newcomer does first: look, sign up, pick stocks, watch them."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import NewContext
from tests.browser.faults import Faults
from tests.browser.market import Market
from tests.browser.people import PASSWORD, Person
from tests.site import Site, wait_until

TEXTS = "found => Object.fromEntries(found.map((each) => [each.id, each.textContent]))"


def texts(page: Page, selector: str) -> dict[str, str]:
    found: dict[str, str] = page.locator(selector).evaluate_all(TEXTS)
    return found


def test_anybody_sees_the_prices_move_in_table_and_tape(moving_site: Site, new_context: NewContext) -> None:
    page = new_context(base_url=moving_site.url).new_page()
    page.goto("/")
    expect(page.locator("#stream-status")).to_have_text("Live")
    expect(page.locator("td[id$=-price]").first).to_contain_text(".", timeout=20_000)
    page.evaluate("window.sameDocument = true")
    before, on_tape = texts(page, "td[id$=-price]"), texts(page, "li[id^=t]")

    moved: list[str] = []

    def look() -> list[str]:  # at all of them: one alone may rest for minutes
        now = texts(page, "td[id$=-price]")
        moved.extend(key for key, text in now.items() if "." in before[key] and text != before[key])
        return moved

    wait_until(look, 20, "no price moves")
    price = moved[0]
    # For half an hour around midnight at its exchange the simulated session rests: the tape has the day's price only.
    if not re.search("Pre|Post", page.locator(f"#{price}").inner_text()):
        number = price[1:].removesuffix("-price")
        expect(page.locator(f"#t{number}")).not_to_have_text(on_tape[f"t{number}"])
    assert page.evaluate("window.sameDocument")
    expect(page.get_by_role("complementary", name="Simulated prices")).to_be_visible()


def test_somebody_signs_up_picks_stocks_by_keyboard_alone_and_lands_on_the_list(page: Page, market: Market) -> None:
    page.goto("/watchlists")
    page.get_by_role("main").get_by_role("link", name="Sign up").click()
    page.get_by_label("E-mail address").fill("newcomer@example.org")
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    box = page.get_by_label("Search by symbol or name")
    for text, symbol in (("micros", "MSFT"), ("NVDA", "NVDA")):
        box.focus()
        page.keyboard.press("ControlOrMeta+a")
        page.keyboard.type(text)
        expect(page.get_by_role("checkbox", name=symbol)).to_be_visible()
        expect(page.get_by_role("checkbox", name="KO")).to_have_count(0)
        while not page.get_by_role("checkbox", name=symbol).evaluate("box => box === document.activeElement"):
            page.keyboard.press("ArrowDown")
        page.keyboard.press("Space")
    expect(page.get_by_role("checkbox", name="MSFT")).to_be_checked()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Watchlist")
    expect(page.locator("tbody tr th a")).to_have_text(["MSFT", "NVDA"])
    market.move(NVDA="321.09")
    expect(page.locator(f"#q{market.ids['NVDA']}-price")).to_contain_text("321.09")
    expect(page.locator(f"#t{market.ids['NVDA']}")).to_contain_text("321.09")


def test_the_search_box_finds_a_stock_by_arrows_and_enter(page: Page, market: Market) -> None:
    page.goto("/")
    page.keyboard.press("/")
    page.keyboard.type("nvid")
    option = page.get_by_role("option").first
    expect(option).to_contain_text("NVDA")
    expect(option).to_contain_text("USD")
    page.keyboard.press("ArrowDown")
    expect(option).to_have_attribute("aria-selected", "true")
    page.keyboard.press("Enter")
    page.wait_for_url("**/stocks/XNAS/NVDA")
    market.move(NVDA="222.22")
    expect(page.locator(f"#s{market.ids['NVDA']}")).to_contain_text("222.22")


def test_typing_on_a_slow_line_ends_with_what_was_typed_last(page: Page) -> None:
    page.goto("/")
    slow = {"offline": False, "latency": 500, "downloadThroughput": -1, "uploadThroughput": -1}
    page.context.new_cdp_session(page).send("Network.emulateNetworkConditions", slow)
    page.keyboard.press("/")
    page.keyboard.type("nvidi", delay=220)
    expect(page.get_by_role("option")).to_have_count(1)
    expect(page.get_by_role("option")).to_contain_text("NVDA")


def test_an_empty_list_says_what_to_do_and_fills_by_itself(person: Person) -> None:
    page = person.context.new_page()
    address = person.make_list()
    page.goto(address)
    expect(page.get_by_text("This list is empty")).to_be_visible()
    person.send(f"{address}/pick", do="add", chosen=[str(person.market.ids["AAPL"])])
    expect(page.locator("tbody tr th a")).to_have_text(["AAPL"])
    person.market.move(AAPL="99.99")
    expect(page.locator(f"#q{person.market.ids['AAPL']}-price")).to_contain_text("99.99")


@pytest.mark.parametrize("path", ["/nothing-here", "/stocks/XNAS/NONE", "/watchlists/999999"])
def test_what_is_not_there_is_said_on_a_whole_page(person: Person, faults: Faults, path: str) -> None:
    faults.allow(f"status of 404.*{path}")
    page = person.context.new_page()
    answer = page.goto(path)
    assert answer is not None
    assert answer.status == 404
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    page.get_by_role("link", name="To the market").click()
    expect(page.locator("#stream-status")).to_have_text("Live")
