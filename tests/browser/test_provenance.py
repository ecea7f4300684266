"""Where each number comes from: on hover, on focus, in plain text on the stock's page, and never in the way."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import NewContext
from tests.browser.market import Market
from tests.browser.people import Person, open_list
from tests.browser.test_pages import AXE, CHECK, EVERYTHING, LOOK, THEMES
from tests.browser.test_phone import PHONE
from tests.site import Site
from webapp.extensions import db
from webapp.live import bus
from worker.store import store_problem

UNCONFIRMED = "Unconfirmed: 75.62 USD of Finnhub, -25 % from the last price, waits for a second reading."
# Whether the tip was out of sight in any frame while prices moved under the pointer.
WATCH = """(selector) => {
  window.blinks = 0;
  const look = () => {
    if (!document.querySelector(selector).checkVisibility()) window.blinks++;
    requestAnimationFrame(look);
  };
  look();
}"""
INSIDE = """(element) => {
  const box = element.getBoundingClientRect();
  const middle = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
  const corner = document.elementFromPoint(box.x + 6, box.y + 6);
  return box.top >= 0 && box.left >= 0 && box.bottom <= innerHeight && box.right <= innerWidth
    && element.contains(middle) && element.contains(corner);
}"""


def tip_of(page: Page, market: Market, symbol: str) -> Locator:
    return page.locator(f"#q{market.ids[symbol]}-tip")


def hover_price(page: Page, market: Market, symbol: str) -> None:
    page.locator(f"#q{market.ids[symbol]}-price").hover()


@pytest.fixture
def unconfirmed(market: Market) -> str:
    """Let a price of Apple wait to be confirmed; return what its row says then."""
    with market.app.app_context():
        changed = store_problem([market.ids["AAPL"]], UNCONFIRMED)
        db.session.commit()
        bus.publish_quotes(market.app.extensions["redis"], changed[0].version, changed)
    return UNCONFIRMED


def test_the_pointer_on_a_price_brings_its_tip_and_may_go_onto_it(page: Page, market: Market) -> None:
    page.goto("/")
    tip = tip_of(page, market, "AAPL")
    expect(tip).to_be_hidden()
    hover_price(page, market, "AAPL")
    expect(tip).to_be_visible()
    text = tip.inner_text()
    for words in (r"^Simulator, ", r"Traded \d+ \w+ \d{4}, [\d:]{8} E[SD]T", r"Fetched [\d:]{8} E[SD]T", "In USD",
                  "Change against the previous close, 103.00"):
        assert re.search(words, text, re.MULTILINE), text
    tip.hover()
    page.wait_for_timeout(400)  # longer than the row keeps a tip that nobody points at
    expect(tip).to_be_visible()
    page.locator("h1").hover()
    expect(tip).to_be_hidden()


def test_the_pointer_on_a_symbol_brings_the_same_tip_and_finds_it_on_its_way(page: Page, market: Market) -> None:
    page.goto("/")
    tip = tip_of(page, market, "AAPL")
    page.locator(f"#a{market.ids['AAPL']}").hover()
    expect(tip).to_be_visible()
    price, box = page.locator(f"#q{market.ids['AAPL']}-price").bounding_box(), tip.bounding_box()
    assert price
    assert box
    page.mouse.move(price["x"] + 5, price["y"] + 20, steps=10)
    page.mouse.move(box["x"] + 20, price["y"] + 20, steps=10)
    page.wait_for_timeout(700)  # longer than the row keeps a tip that nobody points at
    expect(tip).to_be_visible()
    page.locator("h1").hover()
    expect(tip).to_be_hidden()


def test_the_keyboard_brings_the_tip_of_its_row_and_escape_takes_it_away(page: Page, market: Market) -> None:
    page.goto("/")
    page.keyboard.press("j")
    first, second = tip_of(page, market, "AAPL"), tip_of(page, market, "ABBV")
    expect(first).to_be_visible()
    page.keyboard.press("Escape")
    expect(first).to_be_hidden()
    page.keyboard.press("j")
    expect(second).to_be_visible()
    expect(first).to_be_hidden()
    page.keyboard.press("k")
    expect(first).to_be_visible()


def test_escape_also_takes_away_a_tip_that_the_pointer_brought(page: Page, market: Market) -> None:
    page.goto("/")
    hover_price(page, market, "AAPL")
    expect(tip_of(page, market, "AAPL")).to_be_visible()
    page.keyboard.press("Escape")
    expect(tip_of(page, market, "AAPL")).to_be_hidden()
    hover_price(page, market, "ABNB")
    expect(tip_of(page, market, "ABNB")).to_be_visible()
    hover_price(page, market, "AAPL")
    expect(tip_of(page, market, "AAPL")).to_be_visible()


def test_there_is_never_more_than_one_tip(page: Page, market: Market) -> None:
    page.goto("/")
    page.keyboard.press("j")
    expect(tip_of(page, market, "AAPL")).to_be_visible()
    hover_price(page, market, "ADI")
    expect(tip_of(page, market, "ADI")).to_be_visible()
    expect(tip_of(page, market, "AAPL")).to_be_hidden()


def test_a_tip_is_the_description_of_its_link_and_no_stop_of_the_tab_key(person: Person, market: Market) -> None:
    page = open_list(person, "AAPL", "MSFT")
    link = page.get_by_role("link", name="AAPL", exact=True).and_(page.locator("th a"))
    expect(link).to_have_accessible_description(re.compile("^Simulator, .*Change against the previous close, 103.00$"))
    link.focus()
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Note and place of AAPL")).to_be_focused()
    assert page.locator("[aria-live], [role=status], [role=alert]").filter(has=page.locator("[id$=-tip]")).count() == 0


def test_a_tip_stays_and_goes_on_telling_while_the_price_moves_under_the_pointer(page: Page, market: Market) -> None:
    page.goto("/")
    expect(page.locator("#stream-status")).to_have_text("Live")
    hover_price(page, market, "AAPL")
    tip = tip_of(page, market, "AAPL")
    expect(tip).to_be_visible()
    before = tip.inner_text()
    page.evaluate(WATCH, f"#q{market.ids['AAPL']}-tip")
    for cents in range(10, 40):
        market.move(AAPL=f"120.{cents}")
        expect(page.locator(f"#q{market.ids['AAPL']}-price")).to_contain_text(f"120.{cents}")
    assert page.evaluate("blinks") == 0
    assert tip.inner_text() != before


def test_tips_need_no_scripts(new_context: NewContext, site: Site, market: Market) -> None:
    page = new_context(base_url=site.url, java_script_enabled=False).new_page()
    page.goto("/")
    hover_price(page, market, "AAPL")
    expect(tip_of(page, market, "AAPL")).to_be_visible()
    page.locator("h1").hover()
    expect(tip_of(page, market, "AAPL")).to_be_hidden()
    page.get_by_role("link", name="AAPL", exact=True).and_(page.locator("th a")).focus()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Tab")
    expect(tip_of(page, market, "AAPL")).to_be_visible()


@pytest.mark.parametrize("width", [760, 1000, 1440])
def test_a_tip_is_seen_whole_wherever_its_row_is(
        new_context: NewContext, site: Site, market: Market, width: int) -> None:
    context = new_context(base_url=site.url, viewport={"width": width, "height": 600})
    page = open_list(Person(context, market).join(), *list(market.ids)[:30])
    symbols = page.locator("tbody tr").evaluate_all("rows => rows.map((row) => row.dataset.symbol)")
    for place in (0, 1, 12, 28, 29):
        page.locator(f"#a{market.ids[symbols[place]]}").scroll_into_view_if_needed()
        hover_price(page, market, symbols[place])
        tip = tip_of(page, market, symbols[place])
        expect(tip).to_be_visible()
        assert tip.evaluate(INSIDE), (symbols[place], tip.bounding_box())


def test_a_tip_breaks_no_rule_of_accessibility(page: Page, market: Market) -> None:
    page.goto("/")
    page.evaluate(AXE.read_text(encoding="utf-8"))
    page.keyboard.press("j")
    expect(tip_of(page, market, "AAPL")).to_be_visible()
    for theme in THEMES:
        page.evaluate(LOOK, [theme, "green-up"])
        assert page.evaluate(CHECK, EVERYTHING) == []


def test_the_stocks_page_says_all_of_it_in_plain_text_and_keeps_it_live(page: Page, market: Market) -> None:
    page.goto("/stocks/XNAS/AAPL")
    expect(page.locator("#stream-status")).to_have_text("Live")
    part = page.get_by_role("region", name="Where this number comes from")
    for words in ("Provider", "Simulator", "Traded", "Fetched", "Session", "Regular session", "Currency and unit",
                  "In USD", "Change measured against", "the previous close, 103.00"):
        expect(part).to_contain_text(words)
    # The time of the trade is told to the second.
    traded = part.locator("dd").nth(1)
    before = traded.inner_text()
    for cents in range(10, 99):
        market.move(AAPL=f"120.{cents}")
        expect(page.locator(".last")).to_contain_text(f"120.{cents}")
        if traded.inner_text() != before:
            return
    pytest.fail(f"the price moved, and the page still says {before}")


def test_a_price_that_waits_to_be_confirmed_is_told_on_a_phone_without_opening_the_row(
        new_context: NewContext, site: Site, market: Market, unconfirmed: str) -> None:
    page = open_list(Person(new_context(base_url=site.url, **PHONE), market).join(), "AAPL", "MSFT")
    said = page.locator(f"#q{market.ids['AAPL']}-state small")
    expect(said).to_be_visible()
    expect(said).to_have_text(f" {unconfirmed}")
    assert said.evaluate("each => each.scrollWidth <= each.clientWidth + 1")
    expect(said).to_have_css("color", "rgb(122, 82, 0)")  # --warn in the light
    expect(page.locator(f"#q{market.ids['MSFT']}-state")).to_be_hidden()
    expect(tip_of(page, market, "AAPL")).to_be_hidden()


def test_a_tip_begins_with_what_waits(page: Page, market: Market, unconfirmed: str) -> None:
    page.goto("/")
    hover_price(page, market, "AAPL")
    expect(tip_of(page, market, "AAPL")).to_be_visible()
    assert tip_of(page, market, "AAPL").inner_text().startswith(unconfirmed)
