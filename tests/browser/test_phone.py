"""A phone: what matters stays, the rest opens, and thumbs find their targets."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.conftest import NewContext
from tests.browser.faults import Faults
from tests.browser.market import Market
from tests.browser.pages import PUBLIC, REFUSED, private_pages
from tests.browser.people import Person, open_list
from tests.site import Site

PHONE: dict[str, Any] = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True,
                         "device_scale_factor": 2}
# What a finger may press and is smaller than 44 px. A box to tick is pressed by its label. Links within a sentence
# are as high as its line.
SMALL = """() => [...document.querySelectorAll("a, button, summary, select, textarea, input")]
  .filter((each) => each.checkVisibility({visibilityProperty: true}) && !each.closest("p, dd, ol, .skip"))
  .map((each) => each.matches("[type=checkbox], [type=radio]") ? [...each.labels].at(-1) ?? each : each)
  .map((each) => [each.outerHTML.slice(0, 90), each.getBoundingClientRect()])
  .filter(([, box]) => box.width && (box.height < 43.5 || box.width < 43.5))
  .slice(0, 4).map(([html, box]) => `${Math.round(box.width)}x${Math.round(box.height)} ${html}`)"""
TOO_WIDE = """() => [...document.querySelectorAll("body *")]
  .filter((each) => each.getBoundingClientRect().right > screen.width + 1 && !each.closest(".tape, .sr"))
  .slice(0, 3).map((each) => each.outerHTML.slice(0, 90))"""


@pytest.fixture
def phone(new_context: NewContext, site: Site, market: Market) -> BrowserContext:
    return new_context(base_url=site.url, **PHONE)


def test_a_row_shows_what_matters_and_opens_for_the_rest(phone: BrowserContext, market: Market) -> None:
    page = open_list(Person(phone, market).join(), "AAPL", "MSFT")
    number = market.ids["AAPL"]
    for column in ("price", "percent", "spark"):
        expect(page.locator(f"#q{number}-{column}")).to_be_visible()
    rest = [page.locator(f"#q{number}-{column}") for column in ("change", "previous_close", "open", "range", "volume",
                                                                "as_of", "state")]
    for one in rest:
        expect(one).to_be_hidden()
    more = page.get_by_role("button", name="More about AAPL")
    more.tap()
    for one in rest:
        expect(one).to_be_visible()
    market.move(AAPL="120.30")
    expect(page.locator(f"#q{number}-price")).to_contain_text("120.30")
    expect(rest[0]).to_be_visible()
    page.get_by_role("button", name="Remove MSFT", include_hidden=True).dispatch_event("click")
    expect(page.locator("tbody tr")).to_have_count(1)
    expect(rest[0]).to_be_visible()
    more.tap()
    expect(rest[0]).to_be_hidden()


def test_no_page_scrolls_sideways_and_every_target_is_large_enough(
        phone: BrowserContext, market: Market, faults: Faults) -> None:
    faults.allow(REFUSED)
    page = phone.new_page()
    problems: list[str] = []
    for path in PUBLIC:
        problems += problems_of(page, path)
    for path in private_pages(Person(phone, market).join()):
        problems += problems_of(page, path)
    assert not problems, "\n".join(problems)


def problems_of(page: Page, path: str) -> list[str]:
    page.goto(path)
    found = [f"{path}: {target}" for target in page.evaluate(SMALL)]
    # Not innerWidth: a phone shows a page that is too wide smaller, and that grows with it.
    if page.evaluate("document.scrollingElement.scrollWidth > screen.width"):
        found.append(f"{path}: scrolls sideways because of {page.evaluate(TOO_WIDE)}")
    return found
