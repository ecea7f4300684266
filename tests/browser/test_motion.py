"""What moves on the screen, and that it stands still for whoever asks for that."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.browser.conftest import NewContext
from tests.browser.market import Market
from tests.site import Site

# Where the first item on the tape stands, whatever moves it.
PLACE = "document.querySelector('#tape li:nth-child(5)').getBoundingClientRect().x"
FLASHES = "document.getAnimations().filter((one) => one.animationName === 'flash').length"


def travelled(page: Page) -> float:
    """Return how far the tape goes in half a second."""
    page.mouse.move(0, 0)
    before = page.evaluate(PLACE)
    page.wait_for_timeout(500)
    return float(abs(page.evaluate(PLACE) - before))


def test_the_tape_moves_and_can_be_paused(page: Page) -> None:
    page.goto("/")
    expect(page.locator("#stream-status")).to_have_text("Live")
    assert travelled(page) > 5
    page.get_by_role("button", name="Pause").click()
    assert travelled(page) == 0
    page.get_by_role("button", name="Pause").click()
    assert travelled(page) > 5


def test_a_tick_flashes_for_less_than_a_second(page: Page, market: Market) -> None:
    page.goto("/")
    expect(page.locator("#stream-status")).to_have_text("Live")
    market.move(AAPL="145.67")
    expect(page.locator(f"#q{market.ids['AAPL']}-price")).to_have_class("tick-up")
    lengths = page.evaluate("document.getAnimations().map((one) => one.effect.getComputedTiming().endTime)")
    assert all(length < 1000 for length in lengths)
    page.wait_for_timeout(1_000)
    assert page.evaluate(FLASHES) == 0


def test_nothing_moves_for_whoever_asked_for_less_motion(new_context: NewContext, site: Site, market: Market) -> None:
    page = new_context(base_url=site.url, reduced_motion="reduce").new_page()
    page.goto("/")
    expect(page.locator("#stream-status")).to_have_text("Live")
    assert travelled(page) == 0
    market.move(AAPL="156.78")
    expect(page.locator(f"#q{market.ids['AAPL']}-price")).to_contain_text("156.78")
    expect(page.locator(f"#t{market.ids['AAPL']}")).to_contain_text("156.78")
    assert page.evaluate("document.getAnimations().length") == 0
