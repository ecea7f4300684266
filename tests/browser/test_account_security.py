"""The second factor and tokens, as people use them: by keyboard, without scripts, on a phone, in each look."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pyotp
import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.conftest import NewContext
from tests.browser.market import Market
from tests.browser.people import PASSWORD, Person
from tests.browser.test_pages import AXE, CHECK, COLOURS, EVERYTHING, LOOK, THEMES, InlineCode
from tests.browser.test_phone import PHONE, SMALL
from tests.site import Site

LONG = "W" * 80
# As where the page came by plain HTTP from another machine.
NO_CLIPBOARD = "Object.defineProperty(navigator, 'clipboard', {value: undefined})"


@pytest.fixture
def plain(new_context: NewContext, site: Site, market: Market) -> BrowserContext:
    return new_context(base_url=site.url, java_script_enabled=False)


def code_of(secret: str, steps: int = 0) -> str:
    """Return the code of now, or of half minutes later: the server takes the next one, too."""
    return pyotp.TOTP(secret).at(int(time.time()) + 30 * steps)


def begin(page: Page) -> str:
    """Go to where the key is shown; return it."""
    page.goto("/account")
    page.get_by_role("link", name="Turn on").click()
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="1. Tell your app the key")).to_be_visible()
    return page.get_by_label("Or type the key into the app").input_value().replace(" ", "")


def turn_on(page: Page) -> tuple[str, list[str]]:
    """Turn the second factor on; return key and recovery codes."""
    secret = begin(page)
    page.get_by_label("Code from your app").fill(code_of(secret))
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Your recovery codes")
    return secret, page.get_by_label("Recovery codes").input_value().split()


def log_in(page: Page, email: str) -> None:
    """Log out, and in again as far as the password takes one."""
    page.goto("/account")
    page.get_by_role("button", name="Log out", exact=True).click()
    page.goto("/login?next=/sources")
    page.get_by_label("E-mail address").fill(email)
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Log in: second factor")


def make_token(page: Page, name: str = "Notebook") -> str:
    """Make a token by its form; return its text."""
    page.goto("/account")
    page.get_by_role("link", name="New token").click()
    page.get_by_role("textbox", name="Name").fill(name)
    page.get_by_label("What it may do").select_option(label="Read and change")
    page.get_by_label("It expires after").select_option(label="A year")
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    return page.get_by_label("Token", exact=True).input_value()


@pytest.mark.parametrize("scripts", [True, False])
def test_a_log_in_with_a_second_factor_from_set_up_to_recovery(
        new_context: NewContext, site: Site, market: Market, scripts: bool) -> None:
    context = new_context(base_url=site.url, java_script_enabled=scripts)
    person = Person(context, market).join()
    page = context.new_page()
    secret, codes = turn_on(page)
    assert len(codes) == 10
    log_in(page, person.email)
    code = page.get_by_label("Code from your app")
    expect(code).to_be_focused()
    expect(code).to_have_attribute("inputmode", "numeric")
    code.fill(code_of(secret, 1))
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{site.url}/sources")
    log_in(page, person.email)
    page.get_by_role("link", name="Use a recovery code").click()
    page.get_by_role("textbox", name="Recovery code").fill(codes[0])
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{site.url}/sources")
    expect(page.locator("#flashes")).to_contain_text("9 are left")
    page.goto("/account")
    page.get_by_role("link", name="Turn off…").click()
    page.get_by_role("link", name="Use a recovery code").click()
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("textbox", name="Recovery code").fill(codes[1])
    page.get_by_role("button", name="Turn it off").click()
    expect(page.locator("#flashes")).to_contain_text("The second factor is off.")


def test_key_codes_and_token_are_copied_and_saved(context: BrowserContext, person: Person, tmp_path: Path) -> None:
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = context.new_page()
    secret = begin(page)
    page.get_by_role("button", name="Copy the key").click()
    expect(page.get_by_text("Copied.")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()").replace(" ", "") == secret
    _, codes = turn_on(page)
    page.get_by_role("button", name="Copy", exact=True).click()
    expect(page.get_by_text("Copied.")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()").split() == codes
    with page.expect_download() as saved:
        page.get_by_role("link", name="Download as text").click()
    saved.value.save_as(tmp_path / "codes.txt")
    assert saved.value.suggested_filename == "stagewatch-recovery-codes.txt"
    assert (tmp_path / "codes.txt").read_text().split()[-10:] == codes
    text = make_token(page)
    page.get_by_role("button", name="Copy", exact=True).click()
    expect(page.get_by_text("Copied.")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == text


def test_where_the_clipboard_is_out_of_reach_the_text_is_copied_all_the_same(
        context: BrowserContext, person: Person) -> None:
    page = context.new_page()
    page.add_init_script(NO_CLIPBOARD)
    text = make_token(page)
    page.get_by_role("button", name="Copy", exact=True).press("Enter")
    expect(page.get_by_role("status").get_by_text("Copied.")).to_be_visible()
    assert page.evaluate("getSelection().toString()") == text


def test_a_token_is_made_and_revoked_without_scripts(plain: BrowserContext, market: Market) -> None:
    Person(plain, market).join()
    page = plain.new_page()
    assert make_token(page).startswith("sw_")
    expect(page.get_by_role("button", name="Copy")).to_be_hidden()
    page.get_by_role("link", name="I have copied it").click()
    expect(page.get_by_role("listitem").filter(has_text="Notebook")).to_contain_text("Read and change.")
    page.get_by_role("link", name="Revoke Notebook…").click()
    page.get_by_role("button", name="Revoke it").click()
    expect(page.locator("#flashes")).to_contain_text("The token “Notebook” is revoked.")
    expect(page.get_by_role("listitem").filter(has_text="Notebook")).to_have_count(0)


def walk(page: Page, email: str) -> Iterator[str]:
    """Stand on each page in turn, and say which it is."""
    make_token(page, LONG)
    yield "a new token"
    page.goto("/account")
    yield "an account with a token"
    page.get_by_role("link", name=f"Revoke {LONG}…").click()
    yield "revoke"
    begin(page)
    yield "set-up"
    turn_on(page)
    yield "recovery codes"
    for path in ("/account", "/account/second-factor/off", "/account/second-factor/recovery-codes?with=recovery"):
        page.goto(path)
        yield path
    log_in(page, email)
    yield "code"
    page.get_by_role("link", name="Use a recovery code").click()
    yield "recovery code"


def test_no_page_breaks_a_rule_of_accessibility_or_has_inline_code(context: BrowserContext, person: Person) -> None:
    axe = AXE.read_text(encoding="utf-8")
    page = context.new_page()
    problems: list[str] = []
    for name in walk(page, person.email):
        assert not InlineCode(page.content()).found, name
        page.evaluate(axe)
        for place, theme in enumerate(THEMES):
            page.evaluate(LOOK, [theme, "green-up"])
            rules = COLOURS if place else EVERYTHING
            problems += [f"{name} {theme}: {problem}" for problem in page.evaluate(CHECK, rules)]
    assert not problems, "\n".join(problems)


def test_on_a_phone_nothing_is_too_small_or_too_wide(new_context: NewContext, site: Site, market: Market) -> None:
    context = new_context(base_url=site.url, **PHONE | {"viewport": {"width": 360, "height": 740}})
    person = Person(context, market).join()
    page = context.new_page()
    problems: list[str] = []
    for name in walk(page, person.email):
        problems += [f"{name}: {target}" for target in page.evaluate(SMALL)]
        if page.evaluate("document.scrollingElement.scrollWidth > screen.width"):
            problems.append(f"{name}: scrolls sideways")
    assert not problems, "\n".join(problems)
