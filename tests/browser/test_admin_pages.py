"""What holds for every page of admins, also those that ask first: accessibility, no inline code, room on a phone."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page
from rq import Queue
from rq.job import JobStatus
from rq.results import Result

from tests.browser.conftest import NewContext
from tests.browser.people import Person
from tests.browser.test_admin_running import ROWS
from tests.browser.test_pages import AXE, CHECK, COLOURS, EVERYTHING, LOOK, SHORTEN, THEMES, InlineCode
from tests.browser.test_phone import PHONE, SMALL, TOO_WIDE
from tests.site import Site
from webapp import redis as redis_clients
from worker.scheduler import PeriodicScheduler

STOCK = "/admin/stocks/XNAS/MSFT"
PAGES = ("/admin", "/admin/people", "/admin/stocks", "/admin/stocks?q=a&kind=priceless", STOCK, f"{STOCK}/merge",
         f"{STOCK}/merge?into=XNAS:AAPL&how=former", "/admin/findings", "/history/coverage", "/admin/providers",
         "/admin/providers/simulator/pause", "/admin/jobs", "/admin/jobs/failed", "/admin/jobs/failed/empty",
         "/admin/jobs/waiting", "/admin/streams", "/admin/audit")
# Pages of one person, job, invitation and log-in, by the link that leads there.
LINKS = (("/admin/people", "a.subject"), ("/admin/jobs/failed", "a[href$=delete]"), ("/admin/jobs", "a[href$=cancel]"),
         ("/admin/people", "a[href$=withdraw]"), ("/admin/streams", "a[href$=end]"))


@pytest.fixture
def admin(admin: Person) -> Person:
    """Somebody who runs the place and has invited somebody."""
    admin.send("/admin/people/invitations", email=f"guest-{admin.email}")
    return admin


@pytest.fixture
def failed(site: Site) -> None:
    """A job that failed with a long traceback; beside it one that waits, one that runs, and the schedule."""
    redis = redis_clients.connect(site.redis.url)
    PeriodicScheduler(redis, ROWS).register()
    queue = Queue("refresh", connection=redis)
    _waits, runs, failed = (queue.enqueue("worker.jobs.quotes.refresh_quotes", "simulator") for _ in range(3))
    for job in (runs, failed):
        redis.lrem(queue.key, 1, job.id)
    redis.zadd("rq:wip:refresh", {f"{runs.id}:1": time.time() + 600})
    failed.set_status(JobStatus.FAILED)
    redis.zadd("rq:failed:refresh", {failed.id: time.time() + 80_000})
    trace = ["Traceback (most recent call last):", *['  File "x.py", line 1'] * 60, f"ValueError: {'w' * 90}"]
    Result.create_failure(failed, 600, "\n".join(trace))


def walk(page: Page, email: str) -> Iterator[str]:
    """Stand on each page in turn, and say which it is."""
    for path in PAGES:
        page.goto(path)
        yield path
    for path, link in LINKS:
        page.goto(path)
        page.locator(link).first.click()
        yield page.url
    page.goto(f"/admin/people?q={email}")
    page.get_by_role("link", name=email, exact=True).click()
    page.get_by_role("link", name="Delete the account…").click()
    yield page.url


@pytest.mark.usefixtures("failed")
def test_they_break_no_rule_of_accessibility_and_have_no_inline_code(admin: Person) -> None:
    axe = AXE.read_text(encoding="utf-8")
    page = admin.context.new_page()
    problems: list[str] = []
    for path in walk(page, admin.email):
        assert not InlineCode(page.content()).found, path
        page.evaluate(SHORTEN)
        page.locator("details").evaluate_all("all => all.forEach(each => { each.open = true })")
        page.evaluate(axe)
        for place, theme in enumerate(THEMES):
            page.evaluate(LOOK, [theme, "green-up"])
            rules = COLOURS if place else EVERYTHING
            problems += [f"{path} {theme}: {problem}" for problem in page.evaluate(CHECK, rules)]
    assert not problems, "\n".join(problems)


@pytest.mark.usefixtures("failed")
def test_on_a_phone_none_scrolls_sideways_and_thumbs_find_everything(
        admin: Person, new_context: NewContext, site: Site) -> None:
    page = new_context(base_url=site.url, storage_state=admin.context.storage_state(),
                       **PHONE | {"viewport": {"width": 360, "height": 740}}).new_page()
    problems: list[str] = []
    for path in walk(page, admin.email):
        problems += [f"{path}: {target}" for target in page.evaluate(SMALL)]
        if page.evaluate("document.scrollingElement.scrollWidth > screen.width"):
            problems.append(f"{path}: scrolls sideways because of {page.evaluate(TOO_WIDE)}")
    assert not problems, "\n".join(problems)
