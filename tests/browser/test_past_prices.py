"""The admin's pages of past prices: what is there, what is odd, and setting a bar right, as an admin uses them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import delete

from tests.browser.conftest import NewContext
from tests.browser.faults import Faults
from tests.browser.market import Market
from tests.browser.people import Person
from tests.browser.test_pages import AXE, CHECK, EVERYTHING, LOOK, THEMES, InlineCode
from tests.browser.test_phone import PHONE, problems_of
from tests.site import Site
from tests.webapp.history.past import bars_of, weekdays
from webapp import clock
from webapp.bars.writing import write_bars
from webapp.extensions import db
from webapp.markets import exchange_day
from webapp.models import BarFinding, BarSeries, FaultState, TradingYear
from webapp.models.bars import DAY
from webapp.records import Adjustment

THE_DAY = dt.date(2020, 3, 3)


@pytest.fixture
def past(market: Market) -> Iterator[list[str]]:
    """Apple's bars of some years without some days, with three findings; return the pages about them."""
    days = weekdays(dt.date(2016, 2, 1), exchange_day("XNAS", clock.now()) - dt.timedelta(days=1))
    gone = {day for day in days if day.month == 7 and day.day < 15}
    with market.app.app_context():
        kept = [row.year for row in db.session.query(TradingYear).filter_by(mic="XNAS")]
        for year in set(range(2016, clock.now().year + 1)) - set(kept):
            all_days = weekdays(dt.date(year, 1, 1), dt.date(year, 12, 31))
            db.session.add(TradingYear(mic="XNAS", year=year, days=[day.timetuple().tm_yday for day in all_days]))
        series_id = write_bars(market.ids["AAPL"], DAY, "alpha-vantage", bars_of([d for d in days if d not in gone]),
                               adjusted=Adjustment.NONE, now=clock.now()).series_id
        kinds = [("outlier", THE_DAY), ("possible split", dt.date(2019, 5, 6)), ("gap", dt.date(2018, 7, 2))]
        rows = [BarFinding(series_id=series_id, kind=kind, day=day, last_day=day, detail=f"odd on {day}",
                           state=FaultState.OPEN.value, found_at=clock.now()) for kind, day in kinds]
        db.session.add_all(rows)
        db.session.commit()
        pages = ["/history/coverage", "/history/coverage?state=none", "/history/findings",
                 "/history/XNAS/AAPL?month=2020-03", *(f"/history/findings/{row.id}" for row in rows),
                 f"/history/bars/{series_id}/{THE_DAY}"]
        yield pages
        db.session.execute(delete(BarSeries).where(BarSeries.id == series_id))
        db.session.commit()


def test_an_admin_finds_what_is_odd_and_sets_it_right_without_scripts(
        admin: Person, past: list[str], new_context: NewContext, site: Site, faults: Faults) -> None:
    faults.allow("status of 422")
    page = new_context(base_url=site.url, java_script_enabled=False,
                       storage_state=admin.context.storage_state()).new_page()
    page.goto("/account")
    page.get_by_role("navigation", name="Account").get_by_role("link", name="Admin").click()
    page.get_by_role("navigation", name="Admin").get_by_role("link", name="Past prices").click()
    row = page.get_by_role("row").filter(has_text="AAPL")
    expect(row.get_by_role("img", name="2018: 251 of 261 sessions, missing in July")).to_be_visible()
    row.get_by_role("link", name="3 open").click()
    page.get_by_role("link", name="Outlier, AAPL, 3 Mar 2020").click()
    expect(page.get_by_role("row").filter(has_text="here")).to_have_count(1)
    page.get_by_role("link", name="3 Mar 2020", exact=True).click()
    page.get_by_label("Close").fill("999")
    page.get_by_role("button", name="Change the bar…").click()
    expect(page.get_by_text("The high is below another price of the day.")).to_be_visible()
    page.get_by_label("High").fill("1000")
    page.get_by_role("button", name="Change the bar…").click()
    expect(page.get_by_role("heading", name="Change the bar so?")).to_be_visible()
    page.get_by_role("button", name="Yes, change it").click()
    expect(page.get_by_role("status").filter(has_text="The bar of 3 Mar 2020 is changed.")).to_be_visible()
    page.get_by_role("link", name="Back to the finding").click()
    expect(page.get_by_role("main").get_by_text("Repaired", exact=True).first).to_be_visible()
    page.get_by_role("link", name="3 Mar 2020", exact=True).click()
    page.get_by_role("button", name="Undo the repair…").click()
    page.get_by_role("button", name="Yes, bring it back").click()
    expect(page.get_by_label("Close")).not_to_have_value("999")


def test_a_question_has_the_focus_on_its_answer_and_no_leaves_everything(admin: Person, past: list[str]) -> None:
    page = admin.context.new_page()
    page.goto(past[-1])
    before = page.get_by_label("Close").input_value()
    page.get_by_role("button", name="Take the bar out…").click()
    expect(page.get_by_role("button", name="Yes, take it out")).to_be_focused()
    page.get_by_role("link", name="No", exact=True).click()
    expect(page.get_by_label("Close")).to_have_value(before)


def test_no_page_breaks_a_rule_of_accessibility_or_has_code_in_it(admin: Person, past: list[str]) -> None:
    page, axe, problems = admin.context.new_page(), AXE.read_text(encoding="utf-8"), []
    for path in past:
        assert not InlineCode(admin.context.request.get(path).text()).found, path
        page.goto(path)
        page.evaluate(axe)
        problems += [f"{path}: {each}" for theme in THEMES for each in _checked(page, theme)]
    assert not problems, "\n".join(problems)


def _checked(page: Page, theme: str) -> list[str]:
    page.evaluate(LOOK, [theme, "green-up"])
    found: list[str] = page.evaluate(CHECK, EVERYTHING)
    return found


def test_the_question_and_an_error_break_no_rule_either(admin: Person, past: list[str], faults: Faults) -> None:
    faults.allow("status of 422")
    page = admin.context.new_page()
    page.goto(past[-1])
    page.get_by_label("Close").fill("x")
    page.get_by_role("button", name="Change the bar…").click()
    expect(page.get_by_text("Write it like 123.45")).to_be_visible()
    page.evaluate(AXE.read_text(encoding="utf-8"))
    assert _checked(page, "dark") == []
    page.goto(past[-1])
    page.get_by_role("button", name="Take the bar out…").click()
    expect(page.get_by_role("heading", name="Take the bar out?")).to_be_visible()
    page.evaluate(AXE.read_text(encoding="utf-8"))
    assert _checked(page, "light") == []


@pytest.mark.parametrize("width", [390, 700, 720, 820, 961, 1280, 1440])
def test_no_page_scrolls_sideways_at_any_width(
        admin: Person, past: list[str], new_context: NewContext, site: Site, width: int) -> None:
    options = PHONE if width == 390 else {"viewport": {"width": width, "height": 900}}
    page = new_context(base_url=site.url, storage_state=admin.context.storage_state(), **options).new_page()
    problems: list[str] = []
    for path in past:
        found = problems_of(page, path)
        problems += found if width == 390 else [each for each in found if "sideways" in each]
    assert not problems, "\n".join(problems)
