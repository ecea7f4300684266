"""The API's page: calls can be tried on it, under our own rules, and it asks nothing of other sites."""

from __future__ import annotations

import re

from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.conftest import NewContext
from tests.browser.faults import Faults
from tests.browser.market import Market
from tests.site import Site


def open_call(page: Page, path: str) -> None:
    page.goto("/api/v1/docs")
    page.locator(".opblock-summary", has=page.get_by_text(path, exact=True)).first.click()


def test_a_call_is_tried_and_its_answer_shown(page: Page, site: Site) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    open_call(page, "/api/v1/quotes/{stock}")
    page.get_by_role("button", name="Try it out").click()
    page.get_by_role("textbox", name="stock").fill("XNAS:AAPL")
    page.get_by_role("button", name="Execute").click()
    expect(page.locator(".live-responses-table tbody .response-col_status").first).to_contain_text("200")
    expect(page.locator(".live-responses-table")).to_contain_text('"XNAS:AAPL"')
    assert all(url.startswith((site.url, "data:")) for url in asked)


def test_a_token_is_sent_and_forgotten_with_the_page(page: Page, faults: Faults) -> None:
    faults.allow(r"status of 401")
    page.goto("/api/v1/docs")
    page.get_by_role("button", name="Authorize").first.click()
    page.locator(".modal-ux input").fill("sw_" + "x" * 43)
    page.locator(".modal-ux").get_by_role("button", name="Apply credentials").click()
    page.locator(".modal-ux .btn-done").click()
    page.locator(".opblock-summary", has=page.get_by_text("/api/v1/quotes/{stock}", exact=True)).first.click()
    page.get_by_role("button", name="Try it out").click()
    page.get_by_role("textbox", name="stock").fill("AAPL")
    with page.expect_request(re.compile("/quotes/AAPL")) as sent:
        page.get_by_role("button", name="Execute").click()
    assert sent.value.headers["authorization"] == "Bearer sw_" + "x" * 43
    assert "cookie" not in sent.value.headers
    expect(page.locator(".live-responses-table")).to_contain_text("bad-token")
    kept = page.evaluate("JSON.stringify([Object.entries(localStorage), Object.entries(sessionStorage)])")
    assert "sw_" not in kept


def test_the_dark_page_is_dark_and_fits_a_phone(new_context: NewContext, site: Site, market: Market) -> None:
    page = new_context(base_url=site.url, color_scheme="dark", viewport={"width": 360, "height": 800}).new_page()
    open_call(page, "/api/v1/quotes/{stock}")
    expect(page.locator("html")).to_have_class(re.compile("dark-mode"))
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_it_is_used_with_the_keyboard(page: Page) -> None:
    page.goto("/api/v1/docs")
    page.locator(".opblock-summary-control").first.focus()
    page.keyboard.press("Enter")
    expect(page.locator(".opblock.is-open")).to_have_count(1)


def test_other_pages_do_not_load_it(context: BrowserContext) -> None:
    page, asked = context.new_page(), []
    page.on("request", lambda request: asked.append(request.url))
    page.goto("/")
    assert not [url for url in asked if "swagger" in url or "api-docs" in url]


def test_without_scripts_the_calls_are_listed(new_context: NewContext, site: Site, market: Market) -> None:
    page = new_context(base_url=site.url, java_script_enabled=False).new_page()
    page.goto("/api/v1/docs")
    expect(page.get_by_role("main")).to_contain_text("GET /api/v1/quotes/{stock}")
    page.get_by_role("contentinfo").get_by_role("link", name="API").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("API")
