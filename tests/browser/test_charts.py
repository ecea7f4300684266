"""A stock's chart in a real browser: what it shows is what the server has, it moves, and everybody can use it."""

from __future__ import annotations

import datetime as dt
import re
from decimal import Decimal
from itertools import product
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from playwright.sync_api import BrowserContext, Page, expect
from sqlalchemy import delete

from tests.browser.conftest import NewContext
from tests.browser.faults import Faults
from tests.browser.market import Market
from tests.browser.test_pages import AXE, CHECK, COLOURS, EVERYTHING, LOOK, PALETTES, THEMES
from tests.browser.test_phone import PHONE
from tests.site import Site
from tests.webapp.charts.past import add_days, add_minutes, walk
from webapp import clock
from webapp.extensions import db
from webapp.markets import exchange_day
from webapp.models import BarSeries, InstrumentRow
from webapp.models.bars import DividendRow
from webapp.models.market import SplitRow
from webapp.records import Dividend, Split

SYMBOL = "AAPL"
PAGE = "/stocks/XNAS/AAPL"
ALL = "with=stages,week30,sma50,sma150,sma200,rsi"
# How light the drawing is on average, 0 to 255
LIGHT = """() => {
  const canvas = document.querySelector("#chart .canvas canvas");
  if (!canvas) return -1;
  const {data} = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  let sum = 0;
  for (let place = 0; place < data.length; place += 4) sum += data[place];
  return sum / (data.length / 4);
}"""
DECODED = """async () => {
  const {decode, fixed, when} = stagewatchChart;
  const data = decode(await (await fetch(document.getElementById("chart-plot").dataset.json)).json());
  return data.bars.map((bar, place) => [when(data, bar.at),
    ...["open", "high", "low", "close"].map((name) => fixed(bar[name], data.decimals, data.places)),
    ...Object.entries(data.lines).map(([name, line]) =>
      fixed(line.values[place], line.decimals, name === "rsi" ? 1 : data.places)),
    bar.volume.toLocaleString("en-US")]);
}"""
ROWS = "rows => rows.map((row) => [...row.children].map((cell) => cell.textContent))"


@pytest.fixture
def past(market: Market) -> np.ndarray:
    """Five years of Apple's days up to yesterday, as made up as its prices; the last 900 minutes of Microsoft."""
    yesterday = exchange_day("XNAS", clock.now()) - dt.timedelta(days=1)
    with market.app.app_context():
        for model in (BarSeries, SplitRow, DividendRow):
            db.session.execute(delete(model))
        stock, other = (db.session.get_one(InstrumentRow, market.ids[symbol]) for symbol in (SYMBOL, "MSFT"))
        close = walk(1300)
        # Where prices are below and above 100, and adjusted ones have more decimals than are shown.
        add_days(stock, close, last=yesterday, source="simulator",
                 splits=[Split(yesterday - dt.timedelta(days=100), Decimal(7))],
                 dividends=[Dividend(yesterday - dt.timedelta(days=30), Decimal("0.25"))])
        add_days(other, walk(800, seed=2), last=yesterday, source="simulator")
        begun = clock.now().replace(second=0, microsecond=0) - dt.timedelta(minutes=400)
        add_minutes(other, begun, walk(390, seed=3), source="simulator")
    return close


def open_chart(page: Page, query: str = "", path: str = PAGE) -> None:
    """Open a stock's page and wait until its chart is drawn."""
    page.goto(f"{path}?{query}")
    expect(page.locator("#chart[data-ready] .canvas canvas").first).to_be_visible()


@pytest.mark.parametrize("query", ["range=max", f"range=1y&{ALL}", "range=6m&adjusted=none&with=sma50",
                                   "range=5y&adjusted=dividends&with=rsi"])
def test_what_the_browser_decodes_is_what_the_servers_table_says(page: Page, past: np.ndarray, query: str) -> None:
    open_chart(page, query)
    decoded = page.evaluate(DECODED)
    shown: list[list[str]] = []
    while True:
        rows = page.locator("#chart-table tbody tr").evaluate_all(ROWS)
        weekly = page.locator("#chart-table thead th").all_text_contents()
        skipped = weekly.index("30-week average") if "30-week average" in weekly else None
        shown += [[text for place, text in enumerate(row[:-2]) if place != skipped] for row in rows]
        if not page.locator("#chart-older").count():
            break
        page.goto(str(page.locator("#chart-older").get_attribute("href")))
    history = [row for row in shown if "so far" not in row[0]]
    assert decoded == history[::-1]
    assert len(decoded) > 100


def test_the_drawing_takes_the_place_of_the_servers_picture(page: Page, past: np.ndarray) -> None:
    open_chart(page)
    expect(page.locator("#chart .picture")).to_be_hidden()
    expect(page.locator("#chart-readout")).to_contain_text("Close ")


def test_the_last_bar_moves_with_the_price(page: Page, past: np.ndarray, market: Market) -> None:
    open_chart(page)
    readout = page.locator("#chart-readout")
    today = exchange_day("XNAS", clock.now())
    expect(readout).to_contain_text(f"{today.day} {today:%b %Y}, so far")
    market.move(AAPL="123.45")
    expect(readout).to_contain_text("Close 123.45")
    market.move(AAPL="321.50")
    expect(readout).to_contain_text("High 321.50")
    expect(readout).to_contain_text("Close 321.50")


def test_the_last_minute_moves_too_in_the_exchanges_time(page: Page, past: np.ndarray, market: Market) -> None:
    open_chart(page, "range=1d", "/stocks/XNAS/MSFT")
    market.move(MSFT="234.56")
    expect(page.locator("#chart-readout")).to_contain_text("Close 234.56")
    there = clock.now().astimezone(ZoneInfo("America/New_York"))
    expect(page.locator("#chart-readout")).to_contain_text(f"{there.day} {there:%b %Y}, {there.hour}:")


def test_arrows_read_one_bar_after_the_other(page: Page, past: np.ndarray) -> None:
    open_chart(page, "range=6m")
    rows = page.locator("#chart-table tbody tr").evaluate_all(ROWS)
    canvas, readout = page.locator("#chart .canvas"), page.locator("#chart-readout")
    canvas.focus()
    for row in rows[1:4]:  # the first one is today's, at which the crosshair begins
        page.keyboard.press("ArrowLeft")
        if "so far" in (readout.text_content() or ""):
            page.keyboard.press("ArrowLeft")
        expect(readout).to_contain_text(f"{row[0]} · Open {row[1]} · High {row[2]} · Low {row[3]} · Close {row[4]}")
    expect(readout).to_have_attribute("aria-live", "polite")
    page.keyboard.press("Home")
    first = page.evaluate(DECODED)[0]
    expect(readout).to_contain_text(f"{first[0]} · Open {first[1]}")
    page.keyboard.press("End")
    expect(readout).to_contain_text("so far")
    canvas.blur()
    expect(readout).not_to_have_attribute("aria-live", "polite")


def test_a_range_changes_the_chart_and_the_address_and_back_brings_the_old_one(page: Page, past: np.ndarray) -> None:
    open_chart(page)
    page.evaluate("() => { window.same = true; }")
    page.get_by_role("link", name="5Y").click()
    expect(page.locator("#chart-range-5y")).to_have_attribute("aria-current", "true")
    expect(page).to_have_url(f"{page.url.split('/stocks')[0]}{PAGE}?range=5y")
    expect(page.locator("#chart[data-ready]")).to_be_visible()
    expect(page.locator("#chart-range-5y")).to_be_focused()
    page.go_back()
    expect(page.locator("#chart-range-1y")).to_have_attribute("aria-current", "true")
    assert page.evaluate("() => window.same") is True


def test_lines_scale_and_comparison_are_chosen_in_place(page: Page, past: np.ndarray) -> None:
    open_chart(page)
    page.get_by_text("Lines, scale and comparison").click()
    page.get_by_label("RSI (14 days)").check()
    expect(page.locator("#chart[data-ready] #chart-readout")).to_contain_text("RSI ")
    expect(page.get_by_label("RSI (14 days)")).to_be_focused()
    page.get_by_label("Scale").select_option("log")
    expect(page.locator("#chart-plot")).to_have_attribute("data-scale", "log")
    page.get_by_label("Prices", exact=True).select_option("none")
    expect(page.locator("#chart")).to_contain_text("As traded, not adjusted")
    page.get_by_label("Compare with").fill("msft")
    page.keyboard.press("Enter")
    expect(page.locator("#chart[data-ready] .legend")).to_contain_text("MSFT")
    chosen = "?scale=log&adjusted=none&with=stages,week30,rsi&compare=XNAS:MSFT"
    expect(page).to_have_url(re.compile(re.escape(f"{PAGE}{chosen}$").replace("\\$", "$")))
    page.reload()
    expect(page.locator("#chart[data-ready]")).to_be_visible()
    page.locator("#chart .canvas").focus()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    expect(page.locator("#chart-readout")).to_contain_text("MSFT ")
    page.get_by_role("link", name="Remove MSFT from the comparison").click()
    expect(page.locator("#chart[data-ready] .legend")).not_to_contain_text("MSFT")


def test_only_the_prices_are_in_percent_while_stocks_are_compared(page: Page, past: np.ndarray) -> None:
    page.goto(f"{PAGE}?with=rsi&compare=XNAS:MSFT")
    expect(page.locator("#chart[data-ready]")).to_be_visible()
    page.evaluate("""() => {
        const kind = stagewatchChart.Plot.prototype, draw = kind.drawPanes;
        kind.drawPanes = function () { draw.call(this); window.plot = this; };
        document.documentElement.dataset.theme = "dark";
    }""")
    page.wait_for_function("() => window.plot")
    modes = page.evaluate("""() => window.plot.chart.panes()
        .map((_, place) => window.plot.chart.priceScale("right", place).options().mode)""")
    assert modes == [2, 0, 0]


def test_the_drawing_takes_the_colours_of_another_theme(page: Page, past: np.ndarray, faults: Faults) -> None:
    faults.allow("willReadFrequently")  # the test's own looking
    open_chart(page)
    page.evaluate("() => { document.documentElement.dataset.theme = 'light'; }")
    page.wait_for_function(f"() => ({LIGHT})() > 180")
    page.evaluate("() => { document.documentElement.dataset.theme = 'dark'; }")
    page.wait_for_function(f"() => {{ const light = ({LIGHT})(); return light >= 0 && light < 90; }}")
    page.emulate_media(color_scheme="light")
    page.evaluate("() => { document.documentElement.dataset.theme = 'auto'; }")
    page.wait_for_function(f"() => ({LIGHT})() > 180")
    page.emulate_media(color_scheme="dark")
    page.wait_for_function(f"() => {{ const light = ({LIGHT})(); return light >= 0 && light < 90; }}")


def test_the_drawing_can_be_kept_as_a_picture(page: Page, past: np.ndarray, tmp_path: Path) -> None:
    open_chart(page)
    with page.expect_download() as kept:
        page.get_by_role("button", name="PNG").click()
    assert kept.value.suggested_filename == "AAPL.png"
    kept.value.save_as(tmp_path / "chart.png")
    assert (tmp_path / "chart.png").read_bytes().startswith(b"\x89PNG")
    for name in ("SVG", "CSV"):
        with page.expect_download() as kept:
            page.get_by_role("link", name=name, exact=True).click()
        assert kept.value.suggested_filename == f"AAPL-XNAS-1y-splits.{name.lower()}"


def test_without_scripts_there_is_the_same_chart(new_context: NewContext, site: Site, past: np.ndarray) -> None:
    page = new_context(base_url=site.url, java_script_enabled=False).new_page()
    page.goto(f"{PAGE}?{ALL}")
    expect(page.locator("#chart .picture")).to_be_visible()
    expect(page.locator("#chart .canvas")).to_have_count(0)
    expect(page.get_by_role("button", name="PNG")).to_be_hidden()
    page.get_by_role("link", name="5Y").click()
    expect(page.locator("#chart-range-5y")).to_have_attribute("aria-current", "true")
    expect(page.locator("#chart .legend")).to_contain_text("Each candle is a week")
    page.get_by_text("Lines, scale and comparison").click()
    page.get_by_label("RSI (14 days)").uncheck()
    page.get_by_label("Compare with").fill("MSFT")
    page.get_by_role("button", name="Show").click()
    expect(page.locator("#chart .legend")).to_contain_text("MSFT")
    page.get_by_text("View as table").click()
    page.get_by_role("link", name="Older").click()
    expect(page.locator("#chart-table")).to_have_attribute("open", "")


def test_where_the_figures_do_not_come_the_picture_stays(page: Page, past: np.ndarray, faults: Faults) -> None:
    faults.allow(r"chart\.json|ERR_FAILED")
    page.route("**/chart.json*", lambda route: route.abort())
    page.goto(PAGE)
    expect(page.locator("#chart-readout")).to_contain_text("could not be loaded")
    expect(page.locator("#chart .picture")).to_be_visible()


def test_it_breaks_no_rule_of_accessibility_in_any_look(page: Page, past: np.ndarray) -> None:
    problems: list[str] = []
    for query in (f"range=5y&{ALL}&compare=MSFT", "range=1d"):
        open_chart(page, query, PAGE if "5y" in query else "/stocks/XNAS/MSFT")
        for summary in page.locator("#chart summary").all():
            summary.click()
        page.evaluate(AXE.read_text(encoding="utf-8"))
        for place, look in enumerate(product(THEMES, PALETTES)):
            page.evaluate(LOOK, look)
            problems += page.evaluate(CHECK, COLOURS if place else EVERYTHING)
    assert not problems


def test_on_a_phone_nothing_runs_out_of_its_place(new_context: NewContext, site: Site, past: np.ndarray) -> None:
    for scripts in (True, False):
        page = new_context(base_url=site.url, java_script_enabled=scripts, **PHONE).new_page()
        page.goto(f"{PAGE}?range=5y&{ALL}")
        if scripts:
            expect(page.locator("#chart[data-ready] .canvas canvas").first).to_be_visible()
        chart = page.locator("#chart").bounding_box()
        assert chart
        assert chart["x"] >= 0
        assert chart["x"] + chart["width"] <= 390
        for button in page.locator("#chart .ranges a, #chart summary, #chart .button:visible").all():
            box = button.bounding_box()
            assert box
            assert box["height"] >= 44
            assert box["x"] + box["width"] <= 390


def test_a_chart_that_is_left_open_over_a_lost_stream_goes_on(context: BrowserContext, past: np.ndarray,
                                                              market: Market) -> None:
    page = context.new_page()
    open_chart(page)
    page.evaluate("() => document.dispatchEvent(new Event('stagewatch:refresh'))")
    market.move(AAPL="88.25")
    expect(page.locator("#chart-readout")).to_contain_text("Close 88.25")
    expect(page.locator("#chart")).to_have_count(1)
