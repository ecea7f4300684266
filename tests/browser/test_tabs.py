"""Several tabs of one browser: they agree, and they leave each other room."""

from __future__ import annotations

from playwright.sync_api import BrowserContext, Page, Request, expect

from tests.browser.market import Market
from tests.browser.people import Person, open_list

# Every tab of a headless browser counts itself visible, so a test says for the browser which one is.
HIDDEN = """
let hidden = true;
Object.defineProperty(document, "hidden", {get: () => hidden});
Object.defineProperty(document, "visibilityState", {get: () => hidden ? "hidden" : "visible"});
window.setHidden = (now) => { hidden = now; document.dispatchEvent(new Event("visibilitychange")); };
"""


def test_a_stock_removed_in_one_tab_leaves_the_other(person: Person, market: Market) -> None:
    here = open_list(person, "AAPL", "MSFT", "NVDA")
    there = person.context.new_page()
    there.goto(here.url)
    expect(there.locator("#stream-status")).to_have_text("Live")
    here.get_by_role("button", name="Remove MSFT").click()
    for page in (here, there):
        expect(page.locator("tbody tr th a")).to_have_text(["AAPL", "NVDA"])
        expect(page.locator(f"#t{market.ids['MSFT']}")).to_have_count(0)
    market.move(NVDA="345.67")
    for page in (here, there):
        expect(page.locator(f"#q{market.ids['NVDA']}-price")).to_contain_text("345.67")


def test_logging_out_in_one_tab_takes_the_other_to_the_log_in_page(person: Person) -> None:
    there = open_list(person, "AAPL")
    front = person.context.new_page()
    front.goto("/")
    for page in (there, front):
        expect(page.locator("#stream-status")).to_have_text("Live")
    front.get_by_role("button", name="Log out").click()
    there.wait_for_url("**/login")
    there.go_back()
    there.wait_for_url("**/login**")


class Streams:
    """The open streams of one browser, as its network saw them."""

    def __init__(self, context: BrowserContext) -> None:
        self.open: set[Request] = set()
        context.on("request", lambda request: self.open.add(request) if "/live/stream" in request.url else None)
        for end in ("requestfailed", "requestfinished"):
            context.on(end, lambda request: self.open.discard(request))  # noqa: PLW0108 - it asks for a function


def test_ten_tabs_all_load_and_each_is_right_when_it_is_shown(context: BrowserContext, market: Market) -> None:
    streams = Streams(context)
    context.add_init_script(HIDDEN)
    tabs = [context.new_page() for _ in range(10)]
    for tab in tabs:
        tab.goto("/")
        expect(tab.locator(f"#q{market.ids['AAPL']}-price")).to_be_visible()
    assert not streams.open, "a tab that nobody has seen yet holds a connection"
    shown: Page | None = None
    for number, tab in enumerate(tabs):
        if shown is not None:
            shown.evaluate("setHidden(true)")
        market.move(AAPL=f"{300 + number}.50")
        tab.evaluate("setHidden(false)")
        expect(tab.locator(f"#q{market.ids['AAPL']}-price")).to_contain_text(f"{300 + number}.50")
        expect(tab.locator("#stream-status")).to_have_text("Live")
        shown = tab
    tabs[-1].wait_for_timeout(4_000)
    assert len(streams.open) == 1, "hidden tabs keep their connections"


def test_more_tabs_in_view_than_a_browser_has_connections_are_all_kept_right(
        context: BrowserContext, market: Market) -> None:
    streams = Streams(context)
    tabs = [context.new_page() for _ in range(7)]
    for tab in tabs:
        tab.goto("/stocks/XNAS/AAPL")
        expect(tab.locator("#stream-status")).to_have_text("Live")
    tabs[0].wait_for_timeout(500)
    waiting = [tab for tab in tabs if tab.locator("#stream-status").inner_text() != "Live"]
    assert len(streams.open) == len(tabs) - len(waiting) == 4
    market.move(AAPL="311.10")
    for tab in tabs:
        expect(tab.locator(f"#s{market.ids['AAPL']}")).to_contain_text("311.10")
    for tab in waiting:
        expect(tab.locator("#stream-status")).to_have_text("Updated every 10 s")
