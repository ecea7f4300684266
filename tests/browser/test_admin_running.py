"""The pages of admins about what runs: providers, jobs, who is here; as people use them."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import NewContext
from tests.browser.market import Market
from tests.browser.people import Person
from tests.site import Site
from webapp import clock
from webapp import redis as redis_clients
from webapp.providers_control import Trial, end_test
from worker.schedule import Periodic
from worker.scheduler import PeriodicScheduler

ROWS = [Periodic(name, f"worker.jobs.{function}", "default", every=86_400, timeout=60, retry=())
        for name, function in (("purge-old-rows", "upkeep.purge_old_rows"), ("renew-years", "calendar.renew_years"))]


@pytest.fixture
def scheduler(site: Site) -> PeriodicScheduler:
    """The schedule in Redis, as the scheduler writes it."""
    made = PeriodicScheduler(redis_clients.connect(site.redis.url), ROWS)
    made.register()
    return made


def test_an_admin_tests_pauses_and_resumes_a_provider_with_the_keyboard(admin: Person, site: Site) -> None:
    page = admin.context.new_page()
    page.goto("/admin/providers")
    page.get_by_label("Test a call with").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#trial-simulator")).to_contain_text("Under way")
    # What a worker does with it.
    end_test(redis_clients.connect(site.redis.url), "simulator",
             Trial("XNAS:AAPL", "answered", clock.now().isoformat(), "189.50", "USD", "2026-03-11", 12))
    expect(page.locator("#trial-simulator")).to_contain_text("Answered")
    page.get_by_role("link", name="Pause Simulator…").focus()
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Yes, pause it").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("Simulator is paused.")).to_be_visible()
    page.get_by_role("button", name="Resume Simulator").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("Simulator may make calls again.")).to_be_visible()


def test_a_periodic_job_is_run_now_without_scripts(
        admin: Person, new_context: NewContext, site: Site, scheduler: PeriodicScheduler) -> None:
    page = new_context(base_url=site.url, java_script_enabled=False,
                       storage_state=admin.context.storage_state()).new_page()
    page.goto("/admin/jobs")
    row = page.get_by_role("row").filter(has_text="purge-old-rows")
    row.get_by_role("button", name="Run now: purge-old-rows").click()
    expect(page.get_by_text("purge-old-rows is queued within a second")).to_be_visible()
    scheduler.enqueue_jobs()
    page.reload()
    expect(row).to_contain_text("Waits")
    page.get_by_role("link", name="Waiting in default").click()
    page.get_by_role("link", name="Cancel purge-old-rows…").click()
    page.get_by_role("button", name="Yes, cancel it").click()
    expect(page.get_by_text("purge-old-rows is cancelled.")).to_be_visible()


def test_the_page_of_jobs_looks_again_and_keeps_the_focus(admin: Person, scheduler: PeriodicScheduler) -> None:
    page = admin.context.new_page()
    page.goto("/admin/jobs")
    button = page.get_by_role("button", name="Run now: renew-years")
    button.focus()
    page.locator("#jobs-now").evaluate("each => each.dataset.old = 'yes'")
    page.evaluate("htmx.ajax('GET', '/admin/jobs', {source: '#jobs-now', target: '#jobs-now', swap: 'outerHTML'})")
    expect(page.locator("#jobs-now[data-old]")).to_have_count(0)
    expect(button).to_be_focused()


def test_the_open_page_of_a_log_in_that_an_admin_ends_leaves(admin: Person, market: Market, site: Site,
                                                             new_context: NewContext) -> None:
    other = Person(new_context(base_url=site.url), market).join()
    theirs = other.context.new_page()
    theirs.goto(other.make_list("AAPL"))
    expect(theirs.locator("#stream-status")).to_have_text("Live")
    page = admin.context.new_page()
    page.goto("/admin/streams")
    page.get_by_label("E-mail").fill(other.email)
    page.get_by_role("button", name="Show").click()
    page.get_by_role("link", name=f"Log out {other.email}").click()
    page.get_by_role("button", name="Yes, log out").click()
    expect(theirs.get_by_role("heading", name="Log in")).to_be_visible()
