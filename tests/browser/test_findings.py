"""The admin's page of held and rejected prices, as an admin uses it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal

import pytest
from playwright.sync_api import expect
from sqlalchemy import delete

from tests.browser.conftest import NewContext
from tests.browser.faults import Faults
from tests.browser.market import Market
from tests.browser.people import Person
from tests.browser.test_pages import AXE, CHECK, EVERYTHING, LOOK, THEMES
from tests.browser.test_phone import PHONE, problems_of
from tests.site import Site
from webapp import clock
from webapp.extensions import db
from webapp.models import Finding, HeldQuote, QuoteFinding

PAGE = "/admin/findings"


@pytest.fixture
def found(market: Market) -> Iterator[None]:
    """One price that waits, and more findings than a page takes."""
    number, now = market.ids["AAPL"], clock.now()
    with market.app.app_context():
        db.session.add(HeldQuote(
            instrument_id=number, source="finnhub", price=Decimal("75.62"), as_of=now, against=Decimal(101),
            reason="-25 % from the last price", quote={}, first_at=now, last_at=now))
        db.session.add_all(QuoteFinding(
            instrument_id=number, kind=list(Finding)[place % 5].value, source="tiingo", price="0.00", as_of=now,
            reason=f"reason {place}", first_at=now, last_at=now - dt.timedelta(minutes=place),
            ended_at=now if place % 2 else None, outcome="confirmed by a second reading" if place % 2 else "")
            for place in range(60))
        db.session.commit()
        yield
        for model in (HeldQuote, QuoteFinding):
            db.session.execute(delete(model))
        db.session.commit()


@pytest.mark.usefixtures("found")
def test_an_admin_finds_the_page_leafs_filters_and_decides(admin: Person) -> None:
    page = admin.context.new_page()
    page.goto("/account")
    page.get_by_role("navigation", name="Account").get_by_role("link", name="Admin").click()
    page.get_by_role("navigation", name="Admin").get_by_role("link", name="Held prices").click()
    expect(page.get_by_role("heading", name="Held and rejected prices")).to_be_visible()
    page.get_by_role("link", name="Older").click()
    expect(page.get_by_text("51 to 60 of 60")).to_be_visible()
    page.get_by_label("Kind").select_option("possible split")
    page.get_by_label("Stock").first.fill("aapl")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_text("1 to 12 of 12")).to_be_visible()
    page.get_by_role("link", name="Drop it: AAPL").click()
    page.get_by_role("button", name="Yes, drop it").click()
    expect(page.get_by_role("status").filter(has_text="XNAS:AAPL at 75.62 is to be dropped")).to_be_visible()


@pytest.mark.usefixtures("found")
def test_the_page_breaks_no_rule_of_accessibility_also_with_an_error_on_it(admin: Person, faults: Faults) -> None:
    page = admin.context.new_page()
    page.goto(PAGE)
    faults.allow("status of 422")
    page.get_by_label("Stock", exact=True).last.fill("NOPE")
    page.get_by_label("First day in new shares").fill("2026-11-20")
    page.get_by_label("New shares for old ones").fill("4:1")
    page.get_by_role("button", name="Note the split").click()
    expect(page.get_by_text("No stock here is called so.")).to_be_visible()
    expect(page.get_by_label("New shares for old ones")).to_have_value("4:1")
    page.evaluate(AXE.read_text(encoding="utf-8"))
    for theme in THEMES:
        page.evaluate(LOOK, [theme, "green-up"])
        assert page.evaluate(CHECK, EVERYTHING) == []


@pytest.mark.usefixtures("found")
def test_on_a_phone_it_does_not_scroll_sideways_and_thumbs_find_everything(
        admin: Person, new_context: NewContext, site: Site) -> None:
    page = new_context(base_url=site.url, storage_state=admin.context.storage_state(), **PHONE).new_page()
    assert not problems_of(page, PAGE)
    expect(page.get_by_role("link", name="Take it: AAPL")).to_be_visible()
    page.goto("/account")
    page.get_by_role("navigation", name="Account").get_by_role("link", name="Admin").tap()
    page.get_by_role("link", name="Held prices").tap()
    expect(page.get_by_role("heading", name="Held and rejected prices")).to_be_visible()
