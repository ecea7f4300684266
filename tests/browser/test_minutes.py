"""A chart of minutes that a worker fetches while somebody waits for it."""

from __future__ import annotations

from contextlib import nullcontext

import pytest
from playwright.sync_api import Page, expect
from redis import Redis
from sqlalchemy import delete

from tests.browser.market import Market
from tests.site import Site
from webapp.extensions import db
from webapp.models import BarSeries, IngestRun
from webapp.redis import PREFIX
from worker.jobs.minutes import fetch_minutes

DRAWN = "#chart[data-ready] .canvas canvas"


@pytest.fixture
def number(market: Market, site: Site) -> int:
    """Apple's number; nothing is kept of it, and nobody has asked for it."""
    with market.app.app_context():
        db.session.execute(delete(BarSeries))
        db.session.execute(delete(IngestRun))
        db.session.commit()
    stock = market.ids["AAPL"]
    redis = Redis.from_url(site.redis.url)
    redis.delete(f"{PREFIX}minutes:{stock}")
    redis.close()
    return stock


def work(market: Market, number: int) -> None:
    """Do what a worker does that takes the job."""
    with market.app.app_context():
        assert fetch_minutes(number) == "minutes of XNAS:AAPL from simulator"


def test_minutes_that_were_missing_come_by_themselves(page: Page, market: Market, number: int) -> None:
    page.goto("/stocks/XNAS/AAPL?range=1d")
    expect(page.get_by_text("Prices by the minute have been asked for.")).to_be_visible()
    work(market, number)
    expect(page.locator(DRAWN).first).to_be_visible(timeout=20_000)
    expect(page.locator("#chart")).not_to_have_attribute("data-pending", "")


def test_a_chart_that_waits_does_not_ask_for_ever_and_says_so(page: Page, number: int) -> None:
    page.clock.install()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/chart?" in request.url else None)
    page.goto("/stocks/XNAS/AAPL?range=5d")
    for seconds in (3, 9, 60, 600):
        expect(page.get_by_text("have not come yet" if seconds > 9 else "have been asked for.")).to_be_visible()
        with page.expect_request(lambda request: "/chart?" in request.url) if seconds < 60 else nullcontext():
            page.clock.run_for(seconds * 1000)
    assert len(asked) == 2
    expect(page.get_by_text("were asked for, but have not come yet. Load the page again")).to_be_visible()
