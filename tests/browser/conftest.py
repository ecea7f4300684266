"""A real Chromium before two real Stagewatches: one whose prices move by themselves, one where the test moves them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from deploy.browser import find_browser
from tests.browser.faults import Faults
from tests.browser.market import Market
from tests.browser.people import Person
from tests.browser.wire import Wire
from tests.site import Site

ARGUMENTS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
             "--disable-background-networking", "--disable-component-update", "--disable-sync"]
NO_LIMITS = {"LOGIN_LIMIT_ADDRESS": "100000 per minute"}
PATIENCE_MS = 20_000  # for machines that do much else meanwhile
expect.set_options(timeout=PATIENCE_MS)


class NewContext(Protocol):
    """Makes a browser of a test's own; the arguments are Playwright's."""

    def __call__(self, **options: Any) -> BrowserContext:
        """Return it, watched for faults."""


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the browser tests together, after the others: their sites stand until the last of them."""
    folder = Path(__file__).parent
    for item in items:
        if folder in item.path.parents:
            item.add_marker("browser")
    items.sort(key=lambda item: folder in item.path.parents)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """The one browser process."""
    path = find_browser()
    if path is None:
        pytest.skip("no Chrome or Chromium was found: install one, or name it by CHROME=/path/to/chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def site(chromium: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site without workers: prices stand still until a test moves them."""
    with Site(tmp_path_factory.mktemp("still"), **NO_LIMITS) as running:
        yield running.start("web")


@pytest.fixture
def moving_site(chromium: Browser, tmp_path: Path) -> Iterator[Site]:
    """A site as people run it: the simulator moves its prices every two seconds."""
    with Site(tmp_path, **NO_LIMITS) as running:
        yield running.start("web", "worker", "scheduler")


@pytest.fixture(scope="session")
def open_market(site: Site) -> Market:
    """What sets the prices of the still site."""
    return Market(site)


@pytest.fixture
def market(open_market: Market) -> Market:
    """The still site's market, every price as at the opening."""
    open_market.reset()
    return open_market


@pytest.fixture
def faults() -> Iterator[Faults]:
    """What browsers complain of during the test; what it has not allowed fails it."""
    found = Faults()
    yield found
    assert not found.unexpected(), "\n".join(found.unexpected())


@pytest.fixture
def new_context(chromium: Browser, faults: Faults) -> Iterator[NewContext]:
    """Makes browsers that share nothing: cookies, cache, connections."""
    made: list[BrowserContext] = []

    def make(**options: Any) -> BrowserContext:
        context = chromium.new_context(**{"viewport": {"width": 1440, "height": 900}} | options)
        context.set_default_timeout(PATIENCE_MS)
        faults.watch(context)
        made.append(context)
        return context

    yield make
    for context in made:
        context.close()


@pytest.fixture
def context(new_context: NewContext, site: Site, market: Market) -> BrowserContext:
    """A visitor's browser at the still site."""
    return new_context(base_url=site.url)


@pytest.fixture
def page(context: BrowserContext) -> Page:
    """A visitor's first tab."""
    return context.new_page()


@pytest.fixture
def person(context: BrowserContext, market: Market) -> Person:
    """Somebody with an account, logged in in `context`."""
    return Person(context, market).join()


@pytest.fixture
def admin(person: Person) -> Person:
    """Somebody with an account who runs the place."""
    return person.promote()


@pytest.fixture
def wire(site: Site) -> Iterator[Wire]:
    """A wire to the still site that can be cut."""
    with Wire(site.port) as laid:
        yield laid
