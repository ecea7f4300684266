"""The screener and the market's stages in a real browser: filters, order, evidence, live prices, phone, no scripts."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from decimal import Decimal
from itertools import product

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import delete

from tests.browser.conftest import NewContext
from tests.browser.faults import Faults
from tests.browser.market import Market
from tests.browser.people import Person
from tests.browser.test_pages import AXE, CHECK, COLOURS, EVERYTHING, LOOK, PALETTES, THEMES, InlineCode
from tests.browser.test_phone import PHONE, SMALL, TOO_WIDE
from tests.site import Site
from webapp import clock
from webapp.extensions import db
from webapp.models import InstrumentRow, QuoteRow, SavedScreen, Snapshot, StageCount, StageWeek
from webapp.standings import friday_of
from worker.publishing import publish
from worker.store import store_problem

WEEK = dt.timedelta(days=7)
COUNT = 56  # more than a page
PATHS = ("/screener", "/screener?stage=2&rs_min=50&sort=price&dir=asc", "/screener?stage=4&rs_min=99",
         "/market/stages", "/market/stages?range=1Y", "/screener?rs_min=bad")
REFUSED = r"status of 422.*/screener"


@pytest.fixture
def analysed(market: Market) -> Iterator[Market]:
    """The still market with 56 analysed stocks, in stages 1 to 4 by turns, the strongest first by number."""
    with market.app.app_context():
        for model in (StageWeek, StageCount, Snapshot, SavedScreen):
            db.session.query(model).delete()
        now = clock.now()
        friday = friday_of(now.date()) - WEEK
        numbers = sorted(market.ids.values())[:COUNT]
        for place, number in enumerate(numbers):
            stage = place % 4 + 1
            close = float(100 + number)
            db.session.add(Snapshot(
                instrument_id=number, day=friday, week=friday, close=close, stage=stage, weeks=place % 9 + 1,
                since=friday - place % 9 * WEEK, previous_stage=(stage - 2) % 4 + 1, candidate=stage, trend=2,
                average=close * 0.9, slope=1.0, rs=99 - place, rated=False, mansfield=20.0 - place,
                from_high=-float(place), from_average=11.1 - place, relative_volume=1.5, benchmark="ARCX:SPY",
                template=255 if place < 5 else 7, breakout=friday, base_high=close * 0.95, evidence=5,
                path=",".join(str(close + step % 7) for step in range(52)), source="simulator", inputs_at=now,
                computed_at=now))
            db.session.add(StageWeek(instrument_id=number, week=friday, stage=stage, close=close, slope=1.0,
                                     week_volume=2.5))
        for age in range(120):
            db.session.add_all(StageCount(week=friday - age * WEEK, stage=stage, count=10 + (age * stage) % 7)
                               for stage in range(5))
        db.session.commit()
    yield market
    with market.app.app_context():
        db.session.query(InstrumentRow).update({"sector": ""})
        for model in (StageWeek, StageCount, Snapshot, SavedScreen):
            db.session.query(model).delete()
        db.session.commit()


@pytest.fixture
def plain(new_context: NewContext, site: Site, analysed: Market) -> Page:
    return new_context(base_url=site.url, java_script_enabled=False).new_page()


def symbols(page: Page) -> list[str]:
    return page.locator(".screen tbody tr th a").all_inner_texts()


def test_no_page_breaks_a_rule_of_accessibility_in_any_look(
        page: Page, person: Person, analysed: Market, faults: Faults) -> None:
    faults.allow(REFUSED)
    person.send("/screener/saved?stage=2", name="A screen of mine")
    for path in (*PATHS, "/screener/saved"):
        page.goto(path)
        assert not InlineCode(page.content()).found, path
        page.locator("tbody tr:nth-child(n+8)").evaluate_all("rows => rows.forEach((row) => row.remove())")
        page.locator("details:not(.menu)").evaluate_all("all => all.forEach((each) => { each.open = true; })")
        page.evaluate(AXE.read_text(encoding="utf-8"))
        assert page.evaluate(CHECK, EVERYTHING) == [], path
        for look in product(THEMES, PALETTES):
            page.evaluate(LOOK, list(look))
            assert page.evaluate(CHECK, COLOURS) == [], (path, look)


def test_what_opens_on_the_page_breaks_no_rule_either(page: Page, person: Person, analysed: Market) -> None:
    page.goto("/screener")
    page.evaluate(AXE.read_text(encoding="utf-8"))
    for summary in page.locator("#live .menu > summary").all()[:4]:
        summary.click()
        assert page.evaluate(CHECK, EVERYTHING) == []
        page.keyboard.press("Escape")


@pytest.mark.parametrize("width", [320, 390])
def test_on_a_phone_nothing_runs_out_sideways_and_every_target_is_large_enough(
        new_context: NewContext, site: Site, analysed: Market, faults: Faults, width: int) -> None:
    faults.allow(REFUSED)
    phone = new_context(base_url=site.url, **PHONE | {"viewport": {"width": width, "height": 800}})
    page = phone.new_page()
    Person(phone, analysed).join().send("/screener/saved?stage=2", name="Mine")
    for path in (*PATHS, "/screener/saved"):
        page.goto(path)
        page.locator("tbody tr:nth-child(n+8)").evaluate_all("rows => rows.forEach((row) => row.remove())")
        assert page.evaluate("document.documentElement.scrollWidth") <= width, (path, page.evaluate(TOO_WIDE))
        assert page.evaluate(SMALL) == [], path


@pytest.mark.parametrize("width", [320, 390, 700, 701, 960, 1024, 1339, 1340, 1360, 1366, 1440, 1599, 1600, 1920])
def test_at_every_width_the_page_stays_and_symbols_and_evidence_are_in_sight(
        new_context: NewContext, site: Site, analysed: Market, width: int) -> None:
    """Wide figures included: what does not fit is reached by scrolling the table's own frame."""
    with analysed.app.app_context():
        stock = db.session.get_one(InstrumentRow, min(analysed.ids.values()))
        quote = db.session.get_one(QuoteRow, stock.id)
        quote.extended_price, quote.extended_as_of = Decimal("1234567.89"), quote.as_of
        db.session.get_one(Snapshot, stock.id).mansfield = 98765.4
        stock.sector = "A sector with a name that nobody has room for"
        db.session.commit()
    page = new_context(base_url=site.url, viewport={"width": width, "height": 900}).new_page()
    page.goto("/screener")
    expect(page.locator("#stream-status")).to_have_text("Live")
    assert page.evaluate("document.scrollingElement.scrollWidth") <= width
    row = page.locator(".screen tbody tr").first
    for scrolled in (0, 9999):
        page.locator(".quotes-frame").evaluate("(frame, left) => { frame.scrollLeft = left; }", scrolled)
        for part in ("th a", *([] if width <= 700 else [".why summary"])):
            box = row.locator(part).bounding_box()
            assert box
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= width
    frame, table = page.locator(".quotes-frame").bounding_box(), page.locator(".quotes").bounding_box()
    assert frame
    assert table
    scrolls = page.locator(".quotes-frame").evaluate("frame => getComputedStyle(frame).overflowX === 'auto'")
    assert scrolls or table["x"] + table["width"] <= frame["x"] + frame["width"]


@pytest.mark.parametrize("width", [1024, 1440, 1920])
@pytest.mark.parametrize("place", ["first", "last"])
def test_why_can_be_read_whole_where_one_stock_was_found_and_in_the_last_row(
        new_context: NewContext, site: Site, analysed: Market, width: int, place: str) -> None:
    page = new_context(base_url=site.url, viewport={"width": width, "height": 900}).new_page()
    page.goto("/screener?rs_min=99" if place == "first" else "/screener")
    summary = getattr(page.locator(".why summary"), place)
    summary.scroll_into_view_if_needed()
    summary.click()
    card = getattr(page.locator(".why .card"), place)
    card.scroll_into_view_if_needed()
    box, frame = card.bounding_box(), page.locator(".quotes-frame").bounding_box()
    assert box
    assert frame
    assert box["y"] >= 0
    if width < 1600:
        assert frame["y"] <= box["y"]
        assert box["y"] + box["height"] <= frame["y"] + frame["height"]


def test_on_a_phone_all_that_sorts_stands_in_line(new_context: NewContext, site: Site, analysed: Market) -> None:
    page = new_context(base_url=site.url, **PHONE).new_page()
    page.goto("/screener")
    chips = page.locator(".screen thead a")
    middles = chips.evaluate_all("""all => all.map((chip) => {
      const range = document.createRange();
      range.selectNodeContents(chip);
      const text = range.getBoundingClientRect(), box = chip.getBoundingClientRect();
      return Math.abs((text.top + text.bottom) / 2 - (box.top + box.bottom) / 2);
    })""")
    assert len(middles) == 14
    assert max(middles) < 3


def test_a_last_close_stays_where_the_stream_has_only_a_problem_to_say(page: Page, analysed: Market) -> None:
    number = analysed.ids["AAPL"]
    with analysed.app.app_context():
        db.session.execute(delete(QuoteRow).where(QuoteRow.instrument_id == number))
        db.session.commit()
    page.goto("/screener?sort=symbol")
    price = page.locator(f"#q{number}-price")
    expect(price).to_contain_text(f"{100 + number}.00")
    expect(price).to_contain_text("Close ")
    expect(page.locator("#stream-status")).to_have_text("Live")
    with analysed.app.app_context():
        changed = store_problem([number], "Every vendor is out of order.")
        db.session.commit()
        publish(analysed.app.extensions["redis"], changed)
    expect(page.locator(f"#q{number}-tip")).to_have_text("Every vendor is out of order.")
    expect(price).to_contain_text(f"{100 + number}.00")
    expect(price).to_contain_text("Close ")
    analysed.move(AAPL="9876.00")
    expect(price).to_contain_text("9,876.00")
    expect(price).not_to_contain_text("Close ")


def test_on_a_phone_a_row_opens_for_its_figures_and_its_evidence(
        new_context: NewContext, site: Site, analysed: Market) -> None:
    page = new_context(base_url=site.url, **PHONE).new_page()
    page.goto("/screener")
    row = page.locator(".screen tbody tr").first
    expect(row.locator("td[data-name=Since]")).to_be_hidden()
    row.locator(".more").click()
    expect(row.locator("td[data-name=Since]")).to_be_visible()
    expect(row.locator("td[data-name=Breakout]")).to_be_visible()
    row.locator(".why summary").click()
    expect(row.locator(".why .card")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_prices_move_in_the_rows_and_the_order_stays_until_somebody_sorts(page: Page, analysed: Market) -> None:
    page.goto("/screener?sort=price&dir=asc")
    expect(page.locator("#stream-status")).to_have_text("Live")
    before = symbols(page)
    analysed.move(**{before[0]: "9876.00"})
    expect(page.locator(f"#q{analysed.ids[before[0]]}-price")).to_contain_text("9,876.00")
    assert symbols(page) == before
    page.locator("#sort-price-link").click()
    expect(page.locator("#h-price")).to_have_attribute("aria-sort", "descending")
    assert symbols(page)[0] == before[0]
    expect(page.locator("#stream-status")).to_have_text("Live")


def test_a_tick_filters_at_once_and_what_is_typed_with_enter(page: Page, analysed: Market, faults: Faults) -> None:
    faults.allow(REFUSED)
    page.goto("/screener")
    page.evaluate("window.sameDocument = true")
    page.locator("#filters-box > summary").click()
    page.get_by_label("2 advancing").check()
    page.wait_for_url("**/screener?stage=2")
    expect(page.locator(".found [role=status]").first).to_contain_text("14 stocks of 56")
    expect(page.get_by_label("2 advancing")).to_be_checked()
    low = page.get_by_label("RS rating or rank from")
    low.fill("90")
    low.press("Enter")
    page.wait_for_url("**/screener?stage=2&rs_min=90")
    expect(page.locator(".found [role=status]").first).to_contain_text("3 stocks of 56")
    low.fill("many")
    low.press("Enter")
    expect(page.locator("#rs-error")).to_contain_text("“many” is not a number")
    expect(low).to_have_value("many")
    expect(low).to_be_focused()
    expect(page.get_by_label("2 advancing")).to_be_checked()
    assert symbols(page) == []
    low.fill("")
    low.press("Enter")
    expect(page.locator(".found [role=status]").first).to_contain_text("14 stocks of 56")
    assert page.evaluate("window.sameDocument")


def test_sorting_keeps_the_filters_and_a_filter_keeps_the_order(page: Page, analysed: Market) -> None:
    page.goto("/screener?stage=2")
    page.locator("#sort-high-link").click()
    page.wait_for_url("**/screener?stage=2&sort=high&dir=desc")
    expect(page.locator("#sort-high-link")).to_be_focused()
    page.get_by_label("3 topping").check()
    page.wait_for_url(re.compile(r"\?stage=2&stage=3&sort=high&dir=desc$"))
    expect(page.locator(".found [role=status]").first).to_contain_text("28 stocks of 56")


def test_pages_and_ready_made_screens_change_in_place_and_go_back(page: Page, analysed: Market) -> None:
    page.goto("/screener")
    first = symbols(page)
    assert len(first) == 50
    page.get_by_role("link", name="Next").click()
    expect(page.locator(".screen tbody tr")).to_have_count(COUNT - 50)
    assert not set(first) & set(symbols(page))
    page.get_by_role("link", name="Previous").click()
    expect(page.locator(".screen tbody tr")).to_have_count(50)
    assert symbols(page) == first
    page.get_by_role("link", name="Trend template").click()
    expect(page.locator(".screen tbody tr")).to_have_count(5)
    expect(page.locator(".ready [aria-current]")).to_have_text("Trend template")
    page.go_back()
    expect(page.locator(".screen tbody tr")).to_have_count(50)


def test_the_evidence_opens_by_keyboard_and_closes_with_escape(page: Page, analysed: Market) -> None:
    page.goto("/screener")
    summary = page.locator(".why summary").first
    summary.focus()
    page.keyboard.press("Enter")
    card = page.locator(".why .card").first
    expect(card).to_contain_text("30-week average")
    expect(card).to_contain_text("Average flat or rising")
    box = card.bounding_box()
    assert box
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 1440
    page.keyboard.press("Escape")
    expect(card).to_be_hidden()
    expect(summary).to_be_focused()


def test_a_screen_is_saved_shared_and_all_its_stocks_put_on_a_list(
        page: Page, person: Person, analysed: Market, new_context: NewContext, site: Site) -> None:
    page.goto("/screener?stage=2")
    page.get_by_text("Save this screen").click()
    page.locator("form[action*=saved] [name=name]").fill("Advancing")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator(".ready .own")).to_have_text("Advancing")
    page.get_by_text("Add all to a list").click()
    page.locator("[name=watchlist_id]").select_option(label="A new list")
    page.get_by_label("Name of a new list").fill("Advancers")
    page.get_by_role("button", name="Add 14").click()
    expect(page.locator(".flash")).to_have_text("14 stocks were added.")
    expect(page.locator("tbody tr")).to_have_count(14)
    page.goto("/screener/saved")
    link = page.get_by_label("Link to share").input_value()
    other = new_context(base_url=site.url).new_page()
    other.goto(link)
    expect(other).to_have_url(re.compile(r"/screener\?stage=2$"))
    expect(other.locator(".screen tbody tr")).to_have_count(14)


def test_without_scripts_it_filters_sorts_pages_and_explains(plain: Page, faults: Faults) -> None:
    faults.allow(REFUSED)
    plain.goto("/screener")
    plain.locator("#filters-box > summary").click()
    plain.get_by_label("2 advancing").check()
    plain.get_by_label("RS rating or rank from").fill("60")
    plain.get_by_role("button", name="Show").click()
    expect(plain).to_have_url(re.compile(r"/screener\?stage=2&rs_min=60$"))
    rows = plain.locator(".screen tbody tr")
    expect(rows).to_have_count(10)
    strongest = symbols(plain)
    plain.locator("#sort-rs-link").click()
    assert symbols(plain) == strongest[::-1]
    plain.locator(".why summary").first.click()
    expect(plain.locator(".why .card").first).to_be_visible()
    plain.get_by_label("RS rating or rank from").fill("x")
    plain.get_by_role("button", name="Show").click()
    expect(plain.locator("#rs-error")).to_be_visible()
    expect(plain.get_by_label("RS rating or rank from")).to_have_value("x")


def test_the_markets_stages_are_drawn_and_lead_to_their_stocks(page: Page, analysed: Market) -> None:
    page.goto("/market/stages")
    areas = page.locator(".stages-chart polygon")
    expect(areas).to_have_count(4)
    heights = [box["height"] for area in areas.all() if (box := area.bounding_box())]
    assert all(height > 5 for height in heights)
    colours = {area.evaluate("each => getComputedStyle(each).fill") for area in areas.all()}
    assert len(colours) == 4
    page.get_by_role("link", name="1Y").click()
    expect(page.get_by_role("link", name="1Y")).to_have_attribute("aria-current", "page")
    page.get_by_text("As a table").click()
    expect(page.get_by_role("table").first.locator("tbody tr")).to_have_count(52)
    page.locator(".facts a").nth(1).click()
    expect(page).to_have_url(re.compile(r"/screener\?stage=2&age_max=1$"))
    expect(page.locator(".screen tbody tr")).to_have_count(14)
