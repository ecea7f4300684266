"""The pages that take files of past prices, as an admin uses them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import delete, select

from tests.browser.conftest import NewContext
from tests.browser.faults import Faults
from tests.browser.market import Market
from tests.browser.people import Person
from tests.browser.test_pages import AXE, CHECK, EVERYTHING, LOOK, THEMES
from tests.browser.test_phone import PHONE, problems_of
from tests.site import Site
from webapp.extensions import db
from webapp.history import service
from webapp.models import BarSeries, IngestRun

PAGE = "/history/import"
HEAD = "date,open,high,low,close,volume\n"
GOOD = HEAD + "2020-01-02,10,11,9,10.5,1000\n2020-01-03,10.5,12,10,11.25,2000\n"
BAD = HEAD + "2020-01-02,10,11,9,-10.5,1000\n"


@pytest.fixture(autouse=True)
def clean(market: Market) -> Iterator[None]:
    """Leave no bars and no runs."""
    yield
    with market.app.app_context():
        for model in (BarSeries, IngestRun):
            db.session.execute(delete(model))
        db.session.commit()


def written(folder: Path, text: str) -> Path:
    path = folder / "bars.csv"
    path.write_text(text)
    return path


def upload(page: Page, path: Path, symbol: str = "AAPL") -> None:
    page.goto(PAGE)
    page.get_by_label("File", exact=True).set_input_files(path)
    page.get_by_label("Stock", exact=True).fill(symbol)
    page.get_by_role("button", name="Import", exact=True).click()


def work(market: Market) -> None:
    """Take in what waits, as a worker does."""
    with market.app.app_context():
        for run in db.session.scalars(select(IngestRun).where(IngestRun.state == "waiting")).all():
            for _step in service.take_in(run, service.upload_path(market.app.config["SETTINGS"].INSTANCE_DIR, run.id)):
                db.session.commit()


def test_an_upload_shows_by_itself_that_it_was_imported(admin: Person, market: Market, tmp_path: Path) -> None:
    page = admin.context.new_page()
    upload(page, written(tmp_path, GOOD))
    expect(page.get_by_role("heading", name="Waiting for a worker")).to_be_visible()
    work(market)
    expect(page.get_by_role("heading", name="Imported")).to_be_visible()
    expect(page.get_by_text("Read as a plain table, prices as traded.")).to_be_visible()
    page.get_by_role("link", name="Runs").click()
    expect(page.get_by_role("row", name="bars.csv")).to_contain_text("2 new, 0 changed, 0 as before")


def test_without_scripts_the_page_is_fetched_again_until_it_is_done(
        admin: Person, market: Market, new_context: NewContext, site: Site, tmp_path: Path) -> None:
    page = new_context(base_url=site.url, java_script_enabled=False,
                       storage_state=admin.context.storage_state()).new_page()
    upload(page, written(tmp_path, BAD))
    expect(page.get_by_role("heading", name="Waiting for a worker")).to_be_visible()
    work(market)
    expect(page.get_by_role("heading", name="Refused", exact=True)).to_be_visible()
    expect(page.get_by_role("row", name="the close is negative: -10.5")).to_contain_text("2")


def test_a_form_with_a_fault_keeps_what_was_typed(admin: Person, faults: Faults, tmp_path: Path) -> None:
    page = admin.context.new_page()
    faults.allow("status of 422")
    upload(page, written(tmp_path, GOOD), "NOPE")
    expect(page.get_by_text("No stock here is called NOPE.")).to_be_visible()
    expect(page.get_by_label("Stock", exact=True)).to_have_value("NOPE")


def test_the_pages_break_no_rule_of_accessibility(admin: Person, market: Market, tmp_path: Path) -> None:
    page = admin.context.new_page()
    upload(page, written(tmp_path, BAD))
    work(market)
    expect(page.get_by_role("heading", name="Refused", exact=True)).to_be_visible()
    for path in (page.url, PAGE, "/history/runs"):
        page.goto(path)
        page.evaluate(AXE.read_text(encoding="utf-8"))
        for theme in THEMES:
            page.evaluate(LOOK, [theme, "green-up"])
            assert page.evaluate(CHECK, EVERYTHING) == [], path


def test_on_a_phone_they_do_not_scroll_sideways_and_thumbs_find_everything(
        admin: Person, market: Market, new_context: NewContext, site: Site, tmp_path: Path) -> None:
    page = admin.context.new_page()
    upload(page, written(tmp_path, BAD))
    work(market)
    expect(page.get_by_role("heading", name="Refused", exact=True)).to_be_visible()
    phone = new_context(base_url=site.url, storage_state=admin.context.storage_state(), **PHONE).new_page()
    for path in (PAGE, "/history/runs", page.url.removeprefix(site.url)):
        assert not problems_of(phone, path), path
