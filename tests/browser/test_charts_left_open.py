"""A stock's chart in a page that stays open: over midnight, while minutes pass, and where answers are late or lost."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Page, Route, expect
from sqlalchemy import delete

from tests.browser.faults import Faults
from tests.browser.market import Market
from tests.webapp.charts.past import add_days, add_minutes, walk
from webapp import clock
from webapp.extensions import db
from webapp.markets import exchange_day
from webapp.models import BarSeries, InstrumentRow
from webapp.models.bars import DividendRow
from webapp.models.market import SplitRow

PAGE, MINUTES = "/stocks/XNAS/AAPL", "/stocks/XNAS/MSFT?range=1d"
# The page's clock is put forward, so that what is asked for once a minute may be asked for again.
A_MINUTE_LATER = "() => { const now = Date.now; Date.now = () => now.call(Date) + 61_000; }"
# The drawing is kept where a test can look at it.
KEEP = """() => {
  const kind = stagewatchChart.Plot.prototype, at = kind.at;
  kind.at = function (index) { window.plot = this; at.call(this, index); };
}"""
LAST = "() => { const {at, live, close} = plot.last; return [at, Boolean(live), close / plot.unit]; }"
BARS = "() => plot.data.bars.map((bar) => bar.at)"


@pytest.fixture
def past(market: Market) -> None:
    """A year of Apple's days up to yesterday; 60 minutes of Microsoft's, of the day before yesterday."""
    yesterday = exchange_day("XNAS", clock.now()) - dt.timedelta(days=1)
    with market.app.app_context():
        for model in (BarSeries, SplitRow, DividendRow):
            db.session.execute(delete(model))
        stock, other = (db.session.get_one(InstrumentRow, market.ids[symbol]) for symbol in ("AAPL", "MSFT"))
        add_days(stock, walk(260), last=yesterday, source="simulator")
        begun = dt.datetime.combine(yesterday - dt.timedelta(days=1), dt.time(15, 0), dt.UTC)
        add_minutes(other, begun, walk(60, seed=3), source="simulator")


def open_chart(page: Page, address: str) -> None:
    page.add_init_script(f"addEventListener('DOMContentLoaded', {KEEP})")
    page.goto(address)
    expect(page.locator("#chart[data-ready] .canvas canvas").first).to_be_visible()


def price_is(page: Page, market: Market, symbol: str, price: str) -> None:
    """Move a price and wait until the page has it."""
    market.move(**{symbol: price})
    expect(page.locator(f"#s{market.ids[symbol]} .last")).to_contain_text(price)


def told_yesterday(page: Page) -> list[str]:
    """Let the first answer be one of yesterday, as in a page that was opened before midnight; return what was asked."""
    asked: list[str] = []
    yesterday = (exchange_day("XNAS", clock.now()) - dt.timedelta(days=1)).isoformat()

    def answer(route: Route) -> None:
        asked.append(route.request.url)
        response = route.fetch()
        body = response.json()
        route.fulfill(response=response, json=body | {"day": yesterday} if len(asked) == 1 else body)

    page.route("**/chart.json*", answer)
    return asked


def test_over_midnight_the_chart_is_drawn_anew_and_not_mixed(page: Page, past: None, market: Market) -> None:
    asked = told_yesterday(page)
    open_chart(page, PAGE)
    price_is(page, market, "AAPL", "111.25")
    assert page.evaluate(LAST)[1] is False, "today's price may be in other shares than yesterday's chart"
    page.locator("#chart-canvas").focus()
    page.evaluate(A_MINUTE_LATER)
    price_is(page, market, "AAPL", "112.50")
    expect(page.locator("#chart-readout")).to_contain_text("Close 112.50")
    assert len(asked) == 2
    expect(page.locator("#chart-canvas")).to_be_focused()
    at = page.evaluate(BARS)
    assert at == sorted(set(at))
    price_is(page, market, "AAPL", "113.75")
    expect(page.locator("#chart-readout")).to_contain_text("Close 113.75")
    assert len(asked) == 2


def test_what_somebody_writes_is_not_taken_away_at_midnight(page: Page, past: None, market: Market) -> None:
    asked = told_yesterday(page)
    open_chart(page, PAGE)
    page.get_by_text("Lines, scale and comparison").click()
    page.get_by_label("Compare with").press_sequentially("MSF")
    page.evaluate(A_MINUTE_LATER)
    price_is(page, market, "AAPL", "112.50")
    expect(page.get_by_label("Compare with")).to_have_value("MSF")
    assert len(asked) == 1


def test_a_minute_of_a_new_day_is_not_put_behind_those_of_an_old_one(page: Page, past: None, market: Market) -> None:
    open_chart(page, MINUTES)
    price_is(page, market, "MSFT", "321.75")
    days = {at // 1440 for at in page.evaluate(BARS)}
    assert len(days) == 1
    assert page.evaluate(LAST)[1] is False


def test_minutes_that_the_server_has_since_come_into_the_open_chart(page: Page, past: None, market: Market) -> None:
    open_chart(page, MINUTES)
    page.evaluate("() => { document.getElementById('chart-summary').dataset.same = true; }")
    before = len(page.evaluate(BARS))
    with market.app.app_context():
        stock = db.session.get_one(InstrumentRow, market.ids["MSFT"])
        now = clock.now().replace(second=0, microsecond=0)
        # Of the exchange's day of now, whatever the hour
        add_minutes(stock, now - dt.timedelta(minutes=1), walk(1, seed=4), source="simulator", now=now)
    page.evaluate(A_MINUTE_LATER)
    price_is(page, market, "MSFT", "322.25")
    expect(page.locator("#chart-readout")).to_contain_text("Close 322.25")
    assert len(page.evaluate(BARS)) < before
    expect(page.locator("#chart-summary")).to_have_attribute("data-same", "true")


def test_the_last_choice_wins_however_late_the_first_answer_is(page: Page, past: None) -> None:
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    open_chart(page, PAGE)
    page.route(re.compile(r"/chart\?range=5y"), hold)
    page.get_by_role("link", name="5Y").click()
    page.get_by_role("link", name="6M").click()
    expect(page.locator("#chart-range-6m")).to_have_attribute("aria-current", "true")
    for route in held:
        route.abort()
    expect(page).to_have_url(re.compile(r"\?range=6m$"))
    page.go_back()
    expect(page.locator("#chart-range-1y")).to_have_attribute("aria-current", "true")
    assert len(held) == 1


def test_a_choice_that_cannot_be_loaded_is_said_and_changes_nothing(page: Page, past: None, faults: Faults) -> None:
    faults.allow(r"ERR_FAILED|500")
    open_chart(page, PAGE)
    for act in ("abort", "error"):
        page.route("**/chart?*", lambda route, act=act: route.abort() if act == "abort" else route.fulfill(status=500))
        page.get_by_role("link", name="5Y").click()
        expect(page.locator("#chart-readout")).to_contain_text("could not be loaded")
        expect(page).to_have_url(re.compile(f"{PAGE}$"))
        expect(page.locator("#chart-range-1y")).to_have_attribute("aria-current", "true")
        page.unroute_all()
        page.locator("#chart-canvas").focus()
        page.keyboard.press("ArrowLeft")
        expect(page.locator("#chart-readout")).not_to_contain_text("could not be loaded")


def test_the_previous_close_is_in_sight_however_far_the_price_is(page: Page, past: None, market: Market) -> None:
    with market.app.app_context():
        stock = db.session.get_one(InstrumentRow, market.ids["MSFT"])
        add_days(stock, np.full(5, 900.0), last=exchange_day("XNAS", clock.now()) - dt.timedelta(days=3),
                 source="simulator")
    open_chart(page, MINUTES)
    place: Any = page.evaluate("() => plot.candles.priceToCoordinate(plot.data.base.close)")
    height: Any = page.evaluate("() => plot.chart.panes()[0].getHeight()")
    assert page.evaluate("() => plot.data.base.close") == 900
    assert 0 < place < height
