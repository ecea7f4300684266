"""What holds for every page: no inline code, no violation of accessibility in any theme, little weight."""

from __future__ import annotations

from collections.abc import Iterator
from html.parser import HTMLParser
from itertools import product

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.conftest import NewContext
from tests.browser.faults import Faults
from tests.browser.market import Market
from tests.browser.pages import PUBLIC, REFUSED, private_pages
from tests.browser.people import Person
from tests.site import ROOT, Site

AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
THEMES = ("light", "dark")
PALETTES = ("green-up", "red-up", "blue-orange")
LOOK = """([theme, palette]) => {
  Object.assign(document.documentElement.dataset, {theme, palette});
}"""
CHECK = """async (options) => (await axe.run(document, options)).violations.flatMap(
  ({id, nodes}) => nodes.slice(0, 3).map((node) => `${id}: ${node.html.slice(0, 99)} ${node.any[0]?.message ?? ""}`))"""
EVERYTHING: dict[str, object] = {"resultTypes": ["violations"]}
COLOURS = EVERYTHING | {"runOnly": ["color-contrast", "link-in-text-block"]}
# A hundred rows more are a hundred times the same.
SHORTEN = """() => document.querySelectorAll("tbody tr:nth-child(n+13), #tape li:nth-child(n+8)")
  .forEach((each) => each.remove())"""


class InlineCode(HTMLParser):
    """Collects the scripts, styles and handlers that stand in a page's own text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = {name for name, _ in attrs}
        if tag == "style" or (tag == "script" and "src" not in names):
            self.found.append(f"<{tag}>")
        self.found += [f"<{tag} {name}>" for name in names if name == "style" or name.startswith(("on", "hx-on"))]
        self.found += [f"<{tag} {name}={value}>" for name, value in attrs if (value or "").startswith("javascript:")]


@pytest.fixture
def everywhere(context: BrowserContext, market: Market, faults: Faults) -> Iterator[tuple[Page, str]]:
    """A tab that stands on one page after the other."""
    faults.allow(REFUSED)

    def walk() -> Iterator[tuple[Page, str]]:
        page = context.new_page()
        for path in PUBLIC:
            page.goto(path)
            yield page, path
        for path in private_pages(Person(context, market).join()):
            page.goto(path)
            yield page, path

    return walk()


def test_no_page_has_inline_code_and_the_policy_forbids_it(context: BrowserContext, market: Market) -> None:
    paths = [*PUBLIC, *private_pages(Person(context, market).join())]
    for path in paths:
        answer = context.request.get(path)
        policy = answer.headers["content-security-policy"]
        assert "unsafe" not in policy
        assert "default-src 'none'" in policy
        assert not InlineCode(answer.text()).found, path


def test_no_page_breaks_a_rule_of_accessibility_in_any_look(everywhere: Iterator[tuple[Page, str]]) -> None:
    """A page's first look is checked by every rule, the others by those of colour; palettes colour only what moves."""
    axe = AXE.read_text(encoding="utf-8")
    problems: list[str] = []
    for page, path in everywhere:
        page.evaluate(SHORTEN)
        page.evaluate(axe)
        palettes = PALETTES if page.locator(".up, .down").count() else PALETTES[:1]
        for place, look in enumerate(product(THEMES, palettes)):
            page.evaluate(LOOK, look)
            rules = COLOURS if place else EVERYTHING
            problems += [f"{path} {look}: {problem}" for problem in page.evaluate(CHECK, rules)]
    assert not problems, "\n".join(problems)


def test_what_opens_on_a_page_breaks_no_rule_of_accessibility(page: Page) -> None:
    page.goto("/")
    page.evaluate(SHORTEN)
    page.evaluate(AXE.read_text(encoding="utf-8"))
    page.get_by_role("combobox", name="Search stocks").fill("app")
    expect(page.get_by_role("option").first).to_be_visible()
    page.keyboard.press("ArrowDown")
    assert page.evaluate(CHECK, EVERYTHING) == []
    page.keyboard.press("Escape")
    page.locator(".menu summary").first.click()
    assert page.evaluate(CHECK, EVERYTHING) == []
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Keyboard shortcuts").click()
    assert page.evaluate(CHECK, EVERYTHING) == []


def test_a_page_of_fifty_rows_weighs_less_than_sixty_kilobytes_with_its_assets(
        person: Person, new_context: NewContext, site: Site) -> None:
    address = person.make_list(*list(person.market.ids)[:50])
    context = new_context(base_url=site.url, storage_state=person.context.storage_state())
    page = context.new_page()
    session = context.new_cdp_session(page)
    session.send("Network.enable")
    weights: list[float] = []
    session.on("Network.loadingFinished", lambda event: weights.append(event["encodedDataLength"]))
    page.goto(address)
    expect(page.locator("tbody tr")).to_have_count(50)
    expect(page.locator("#stream-status")).to_have_text("Live")
    assert len(weights) >= 7, "a page, a style sheet and five scripts"
    assert sum(weights) < 60 * 1024, weights


def test_the_look_is_chosen_once_and_kept(page: Page) -> None:
    page.goto("/sources")
    page.locator(".menu summary").first.click()
    page.get_by_label("Dark").check()
    page.get_by_label("Red up, green down").check()
    page.get_by_role("button", name="Save").click()
    for path in ("/sources", "/"):
        page.goto(path)
        expect(page.locator("html")).to_have_attribute("data-theme", "dark")
        expect(page.locator("html")).to_have_attribute("data-palette", "red-up")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(13, 16, 20)"
