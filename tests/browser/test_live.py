"""Prices that move on an open page: what changes, what stays where it is, and what happens when the stream is lost."""

from __future__ import annotations

from playwright.sync_api import Locator, Page, expect

from tests.browser.faults import Faults
from tests.browser.market import Market
from tests.browser.wire import Wire
from tests.site import Site

# How the browser writes down that a connection was lost, or not to be had.
LOST = "INTERNET_DISCONNECTED|CONNECTION_|NETWORK_CHANGED|INCOMPLETE_CHUNKED|EMPTY_RESPONSE"


def cell(page: Page, market: Market, symbol: str, column: str = "price") -> Locator:
    return page.locator(f"#q{market.ids[symbol]}-{column}")


def open_live(page: Page, path: str = "/") -> None:
    page.goto(path)
    page.evaluate("window.sameDocument = true")
    expect(page.locator("#stream-status")).to_have_text("Live")


def was_not_loaded_again(page: Page) -> bool:
    return bool(page.evaluate("window.sameDocument === true"))


def test_a_cell_flashes_only_if_its_price_changed(page: Page, market: Market) -> None:
    open_live(page)
    price = cell(page, market, "AAPL")
    market.move(AAPL=market.opening("AAPL") + 1)
    expect(price).to_have_class("tick-up")
    market.move(AAPL=market.opening("AAPL") - 1)
    expect(price).to_have_class("tick-down")
    market.trade("AAPL", 987_654_321)
    expect(cell(page, market, "AAPL", "volume")).to_have_text("988M")
    expect(price).not_to_have_class("tick-down")
    expect(cell(page, market, "MSFT")).not_to_have_attribute("class", "tick-up")


def test_rows_stay_where_they_are_until_somebody_sorts(page: Page, market: Market) -> None:
    open_live(page, "/?sort=price&dir=desc")
    symbols = page.locator("tbody tr th a")
    order = symbols.all_inner_texts()
    lowest = order[-2]
    market.move(**{lowest: "9999.99"})
    expect(cell(page, market, lowest)).to_contain_text("9,999.99")
    assert symbols.all_inner_texts() == order
    page.reload()
    expect(symbols.first).to_have_text(lowest)


def test_the_focus_stays_on_a_row_that_ticks(page: Page, market: Market) -> None:
    open_live(page)
    link = page.locator(f"#a{market.ids['AMD']}")
    link.focus()
    for price in ("201.01", "202.02", "203.03"):
        market.move(AMD=price)
        expect(cell(page, market, "AMD")).to_contain_text(price)
        expect(link).to_be_focused()


def test_a_frozen_page_stands_still_and_catches_up_when_it_thaws(page: Page, market: Market) -> None:
    open_live(page)
    page.get_by_role("button", name="Freeze").click()
    expect(page.locator("#stream-status")).to_contain_text("Frozen at")
    before = cell(page, market, "AAPL").inner_text()
    market.move(AAPL="123.45")
    page.wait_for_timeout(1_000)
    assert cell(page, market, "AAPL").inner_text() == before
    page.keyboard.press("f")
    expect(cell(page, market, "AAPL")).to_contain_text("123.45")
    expect(page.locator("#stream-status")).to_have_text("Live")
    market.move(AAPL="123.67")
    expect(cell(page, market, "AAPL")).to_contain_text("123.67")
    assert was_not_loaded_again(page)


def test_text_that_is_being_selected_stays_until_it_is_let_go(page: Page, market: Market) -> None:
    open_live(page)
    cell(page, market, "AAPL").select_text()
    before = cell(page, market, "AAPL").inner_text()
    market.move(AAPL="111.22")
    page.wait_for_timeout(1_000)
    assert cell(page, market, "AAPL").inner_text() == before
    page.evaluate("getSelection().removeAllRanges()")
    expect(cell(page, market, "AAPL")).to_contain_text("111.22")


def test_a_stocks_own_page_moves(page: Page, market: Market) -> None:
    open_live(page, "/stocks/XNAS/AAPL")
    market.move(AAPL="1234.56")
    expect(page.locator(f"#s{market.ids['AAPL']}")).to_contain_text("1,234.56")
    assert was_not_loaded_again(page)


def test_a_browser_that_was_offline_comes_back_right(page: Page, market: Market, wire: Wire, faults: Faults) -> None:
    faults.allow(LOST)
    open_live(page, wire.url)
    page.context.set_offline(True)
    wire.cut()
    expect(page.locator("#stream-status")).to_have_text("Reconnecting…")
    market.move(AAPL="77.70", MSFT="88.80")
    expect(page.locator("#stream-age")).to_contain_text("old")
    wire.mend()
    page.context.set_offline(False)
    expect(page.locator("#stream-status")).to_have_text("Live")
    expect(cell(page, market, "AAPL")).to_contain_text("77.70")
    expect(cell(page, market, "MSFT")).to_contain_text("88.80")
    assert was_not_loaded_again(page)


def test_a_browser_that_slept_for_an_hour_is_right_at_once(page: Page, market: Market, wire: Wire) -> None:
    page.clock.install()
    open_live(page, wire.url)
    wire.lose_streams()
    market.move(AAPL="66.60")
    page.wait_for_timeout(1_000)
    expect(cell(page, market, "AAPL")).not_to_contain_text("66.60")
    page.clock.fast_forward("01:00:00")
    expect(cell(page, market, "AAPL")).to_contain_text("66.60")
    expect(page.locator("#stream-status")).to_have_text("Live")
    assert was_not_loaded_again(page)


def test_the_page_says_so_while_redis_is_away_and_converges(page: Page, market: Market, site: Site) -> None:
    open_live(page)
    site.redis.stop(kill=True)
    try:
        expect(page.locator("#stream-status")).to_have_text("Reconnecting…")
        market.move(AAPL="55.50")
    finally:
        site.redis.start()
    expect(page.locator("#stream-status")).to_have_text("Live")
    expect(cell(page, market, "AAPL")).to_contain_text("55.50")
    market.move(AAPL="56.60")
    expect(cell(page, market, "AAPL")).to_contain_text("56.60")
    assert was_not_loaded_again(page)


def test_the_page_comes_back_after_the_web_server_was_restarted(
        page: Page, market: Market, site: Site, faults: Faults) -> None:
    faults.allow(LOST)
    open_live(page)
    site.kill("web")
    expect(page.locator("#stream-status")).to_have_text("Reconnecting…")
    market.move(AAPL="44.40")
    site.start("web")
    expect(cell(page, market, "AAPL")).to_contain_text("44.40")
    expect(page.locator("#stream-status")).to_have_text("Live")
    assert was_not_loaded_again(page)
