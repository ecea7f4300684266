"""The pages of admins about people, the log and how the place is, as people use them."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.browser.conftest import NewContext
from tests.browser.market import Market
from tests.browser.people import PASSWORD, Person
from tests.site import Site


def test_an_admin_invites_somebody_who_comes_in_and_is_locked_out_without_scripts(
        admin: Person, new_context: NewContext, site: Site) -> None:
    page = new_context(base_url=site.url, java_script_enabled=False,
                       storage_state=admin.context.storage_state()).new_page()
    page.goto("/")
    page.get_by_role("navigation", name="Account").get_by_role("link", name="Admin").click()
    expect(page.get_by_role("heading", name="How the place is")).to_be_visible()
    page.get_by_role("navigation", name="Admin").get_by_role("link", name="People").click()
    page.get_by_label("E-mail address").fill("new@example.org")
    page.get_by_role("button", name="Invite").click()
    guest = new_context(base_url=site.url, java_script_enabled=False).new_page()
    guest.goto(page.get_by_label("Link").input_value())
    guest.get_by_label("Password").fill(PASSWORD)
    guest.get_by_role("button", name="Make my account").click()
    expect(guest.get_by_text("Welcome! Your account is ready.")).to_be_visible()
    page.reload()
    page.get_by_role("link", name="new@example.org").click()
    page.get_by_role("link", name="Lock the account…").click()
    expect(page.get_by_role("heading", name="Lock new@example.org?")).to_be_visible()
    page.get_by_role("button", name="Yes, lock it").click()
    expect(page.get_by_role("status").filter(has_text="new@example.org is locked.")).to_be_visible()
    guest.goto("/account")
    expect(guest.get_by_role("heading", name="Log in")).to_be_visible()
    page.get_by_role("link", name="What was done to it").click()
    expect(page.get_by_role("row").filter(has_text="user.lock")).to_contain_text("locked")


def test_a_locked_person_s_open_page_leaves_by_itself(admin: Person, market: Market, site: Site,
                                                      new_context: NewContext) -> None:
    other = Person(new_context(base_url=site.url), market).join()
    page = other.context.new_page()
    page.goto(other.make_list("AAPL"))
    expect(page.locator("#stream-status")).to_have_text("Live")
    site.flask("users", "lock", other.email)
    expect(page.get_by_role("heading", name="Log in")).to_be_visible()


def test_the_page_of_health_looks_again_and_keeps_the_focus(admin: Person) -> None:
    page = admin.context.new_page()
    page.goto("/admin")
    page.locator("#health time").evaluate("each => each.dateTime = 'before'")
    link = page.get_by_role("row").filter(has_text="Prices").get_by_role("link")
    link.focus()
    expect(page.locator("#health")).to_have_attribute("hx-trigger", "every 15s")
    page.evaluate("htmx.ajax('GET', '/admin', {source: '#health', target: '#health', swap: 'outerHTML'})")  # at once
    expect(page.locator("#health time")).not_to_have_attribute("datetime", "before")
    expect(link).to_be_focused()
