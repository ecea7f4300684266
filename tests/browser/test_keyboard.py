"""Everything by keyboard, and no key where somebody types."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.browser.people import Person, open_list

# What of an element changes when the keyboard reaches it.
OUTLINE = """() => {
  const style = getComputedStyle(document.activeElement);
  return style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 1;
}"""
NAME = "document.activeElement.outerHTML.slice(0, 120)"


def focused_row(page: Page) -> str:
    return str(page.evaluate("document.activeElement.closest('tr')?.dataset.symbol ?? ''"))


def test_j_and_k_walk_the_rows_and_enter_opens_one(person: Person) -> None:
    page = open_list(person, "AAPL", "MSFT", "NVDA")
    seen = []
    for key in "jjjjkk":
        page.keyboard.press(key)
        seen.append(focused_row(page))
    assert seen == ["AAPL", "MSFT", "NVDA", "NVDA", "MSFT", "AAPL"]
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_url("**/stocks/XNAS/MSFT")


def test_n_opens_the_rows_note_and_escape_closes_it(person: Person) -> None:
    page = open_list(person, "AAPL", "MSFT")
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("n")
    box = page.get_by_role("textbox", name="Note")
    expect(box).to_be_focused()
    page.keyboard.press("Escape")
    expect(box).not_to_be_focused()
    page.keyboard.press("Escape")
    expect(box).to_have_count(0)
    page.keyboard.press("n")
    expect(box).to_be_focused()
    page.keyboard.type("jump /? not before earnings")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name="Note and place of MSFT")).to_contain_text("jump /?")
    expect(box).to_have_count(0)


def test_f_freezes_and_a_question_mark_opens_the_help(page: Page) -> None:
    page.goto("/")
    expect(page.locator("#stream-status")).to_have_text("Live")
    page.keyboard.press("f")
    expect(page.locator("#stream-status")).to_contain_text("Frozen")
    page.keyboard.press("f")
    expect(page.locator("#stream-status")).to_have_text("Live")
    page.keyboard.press("?")
    help_box = page.get_by_role("dialog", name="Keyboard shortcuts")
    expect(help_box).to_be_visible()
    page.keyboard.press("f")
    expect(page.locator("#stream-status")).to_have_text("Live")
    page.keyboard.press("Escape")
    expect(help_box).to_be_hidden()


def test_no_key_is_taken_from_somebody_who_types(page: Page) -> None:
    page.goto("/")
    expect(page.locator("#stream-status")).to_have_text("Live")
    page.keyboard.press("/")
    box = page.get_by_role("combobox", name="Search stocks")
    expect(box).to_be_focused()
    page.keyboard.type("fjkn?/")
    expect(box).to_have_value("fjkn?/")
    expect(page.locator("#stream-status")).to_have_text("Live")
    expect(page.get_by_role("dialog")).to_be_hidden()
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    expect(box).not_to_be_focused()
    page.keyboard.press("Control+j")
    assert focused_row(page) == ""


def test_the_first_tab_leads_past_the_menu(page: Page) -> None:
    page.goto("/")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.getElementById('main').contains(document.activeElement)")


def test_every_stop_of_the_tab_key_is_seen(person: Person) -> None:
    page = open_list(person, "AAPL", "MSFT")
    invisible = []
    stops = 0
    page.keyboard.press("Tab")
    while page.evaluate("document.activeElement !== document.body") and stops < 80:
        if not page.evaluate(OUTLINE):
            invisible.append(page.evaluate(NAME))
        page.keyboard.press("Tab")
        stops += 1
    assert stops > 20
    assert not invisible


def test_menus_close_by_escape_and_give_the_focus_back(page: Page) -> None:
    page.goto("/")
    menu = page.locator("summary", has=page.locator("svg")).first
    menu.focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.get_by_role("radio", name="As the device")).to_be_focused()
    page.keyboard.press("Escape")
    expect(menu).to_be_focused()
    expect(page.get_by_role("radio", name="As the device")).to_be_hidden()
