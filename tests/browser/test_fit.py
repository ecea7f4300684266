"""Nothing runs out of its place: long words of a row, the head of the page and of a list on a phone."""

from __future__ import annotations

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.conftest import NewContext
from tests.browser.market import Market
from tests.browser.people import Person, open_list
from tests.browser.test_phone import PHONE
from tests.site import Site
from webapp.extensions import db
from worker.store import store_problem

PROBLEM = "Finnhub is out of order since 14:02: it refused the key. The next try is at 15:02."
NOTE = "A note that is longer than its place in the row is"
OVER = "frame => frame.scrollWidth - frame.clientWidth"


@pytest.fixture
def troubled(market: Market) -> str:
    """Let a price of Apple carry words of trouble; return them."""
    with market.app.app_context():
        store_problem([market.ids["AAPL"]], PROBLEM)
        db.session.commit()
    return PROBLEM


@pytest.fixture
def phone(new_context: NewContext, site: Site, market: Market) -> BrowserContext:
    return new_context(base_url=site.url, **PHONE)


def open_noted(context: BrowserContext, market: Market) -> Page:
    """Open a list with a long note on Apple."""
    person = Person(context, market).join()
    path = person.make_list("AAPL", "BRK.B", "7203", "WMT")
    person.send(f"{path}/symbols/{market.ids['AAPL']}/note", note=NOTE)
    page = context.new_page()
    page.goto(path)
    return page


def inside_the_frame(page: Page) -> None:
    """Check that each button to remove a stock is within the table's frame."""
    frame = page.locator(".quotes-frame").bounding_box()
    assert frame
    for button in page.get_by_role("button", name="Remove").all():
        box = button.bounding_box()
        assert box
        assert box["x"] + box["width"] <= frame["x"] + frame["width"]


@pytest.mark.parametrize("width", [1280, 1440])
def test_a_row_in_trouble_leaves_the_table_in_its_frame(
        new_context: NewContext, site: Site, market: Market, troubled: str, width: int) -> None:
    page = open_noted(new_context(base_url=site.url, viewport={"width": width, "height": 800}), market)
    expect(page.locator(f"#q{market.ids['AAPL']}-state small")).to_have_text(f" {troubled}")
    assert page.locator(".quotes-frame").evaluate(OVER) <= 0
    inside_the_frame(page)
    page.locator(f"#q{market.ids['AAPL']}-price").hover()
    expect(page.locator(f"#q{market.ids['AAPL']}-tip")).to_contain_text(troubled)


def test_where_the_table_must_scroll_the_button_to_remove_a_stock_stays(
        new_context: NewContext, site: Site, market: Market, troubled: str) -> None:
    page = open_noted(new_context(base_url=site.url, viewport={"width": 900, "height": 800}), market)
    assert page.locator(".quotes-frame").evaluate(OVER) > 0
    inside_the_frame(page)
    page.get_by_role("button", name="Remove AAPL").click()
    expect(page.locator("tbody tr")).to_have_count(3)


def test_on_a_phone_the_head_of_the_page_takes_two_rows(phone: BrowserContext, market: Market) -> None:
    page = phone.new_page()
    page.goto("/")
    assert page.locator(".top").evaluate("each => each.offsetHeight") < 120
    Person(phone, market).join()
    page.reload()
    assert page.locator(".top").evaluate("each => each.offsetHeight") < 120


def test_on_a_phone_a_lists_buttons_stand_in_one_row_and_its_sort_choices_wrap(
        phone: BrowserContext, market: Market) -> None:
    page = open_list(Person(phone, market).join(), "AAPL", "MSFT")
    buttons = page.locator("main > .head .button")
    tops = buttons.evaluate_all("all => all.map((each) => each.getBoundingClientRect().top)")
    assert len(tops) == 3
    assert len(set(tops)) == 1
    boxes = [link.bounding_box() for link in page.locator("thead a").all()]
    assert len(boxes) == 12
    for box in boxes:
        assert box
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 390
    page.get_by_role("link", name="State").tap()
    expect(page.locator("#h-state")).to_have_attribute("aria-sort", "ascending")


def test_what_is_ticked_stays_while_the_providers_are_searched(person: Person, market: Market) -> None:
    page = person.context.new_page()
    page.goto(f"{person.make_list()}/pick")
    page.get_by_role("checkbox", name="AAPL").check()
    page.get_by_label("Search by symbol or name").fill("nothing of that")
    with page.expect_popup() as opened:
        page.get_by_role("link", name="Where prices come from (new tab)").click()
    expect(opened.value.get_by_role("heading", name="Where prices come from")).to_be_visible()
    expect(page.get_by_role("checkbox", name="AAPL")).to_be_checked()
