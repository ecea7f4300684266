"""Sorting by every column: in the address, both ways, missing values last."""

from __future__ import annotations

from decimal import Decimal

import pytest
from playwright.sync_api import Page, expect

from tests.browser.market import PRICELESS, Market

FIGURES = ("price", "change", "percent", "previous_close", "open", "volume")
COLUMNS = (*FIGURES, "range", "as_of")


def open_sorted(page: Page, column: str) -> str:
    """Click a column's title; return the direction that the address has then."""
    link = page.locator(f"#sort-{column}-link")
    target = link.get_attribute("href") or ""
    assert target.startswith(f"?sort={column}&dir=")
    link.click()
    page.wait_for_url(f"**/{target}")
    direction = target.rpartition("=")[2]
    word = {"asc": "ascending", "desc": "descending"}[direction]
    expect(page.locator(f"#h-{column}")).to_have_attribute("aria-sort", word)
    expect(page.locator("[aria-sort]")).to_have_count(1)
    return direction


def figures(page: Page, column: str) -> list[Decimal]:
    """Return a column's figures from the top to the bottom."""
    read = "cells => cells.map((cell) => cell.title || cell.firstChild.textContent)"
    texts = page.locator(f"tbody td[id$=-{column}]").evaluate_all(read)
    return [Decimal(text.replace("−", "-").replace(",", "").strip(" %")) for text in texts if text != "—"]  # noqa: RUF001


@pytest.mark.parametrize("column", COLUMNS)
def test_a_column_sorts_both_ways_and_what_is_missing_comes_last(page: Page, market: Market, column: str) -> None:
    page.goto("/")
    page.evaluate("window.sameDocument = true")
    seen = {}
    for _ in range(2):
        direction = open_sorted(page, column)
        expect(page.locator("tbody tr").last).to_have_attribute("data-symbol", PRICELESS)
        seen[direction] = page.locator("tbody tr th a").all_inner_texts()
        if column in FIGURES:
            values = figures(page, column)
            assert len(values) > 50
            assert values == sorted(values, reverse=direction == "desc")
    assert set(seen) == {"asc", "desc"}
    assert seen["asc"] != seen["desc"] or column == "as_of"
    assert page.evaluate("window.sameDocument")


def test_the_order_is_in_the_address_for_reloads_and_for_going_back(page: Page, market: Market) -> None:
    page.goto("/")
    expect(page.locator("#stream-status")).to_have_text("Live")
    first = page.locator("tbody tr th a").first
    own = first.inner_text()
    open_sorted(page, "price")
    top = first.inner_text()
    assert top != own
    page.reload()
    expect(first).to_have_text(top)
    expect(page.locator("#stream-status")).to_have_text("Live")
    market.move(**{top: "8888.00"})
    expect(page.locator(f"#q{market.ids[top]}-price")).to_contain_text("8,888.0")
    page.go_back()
    expect(first).to_have_text(own)
    page.go_forward()
    expect(first).to_have_text(top)


def test_a_title_keeps_the_focus_that_sorted_by_it(page: Page) -> None:
    page.goto("/")
    expect(page.locator("#stream-status")).to_have_text("Live")
    page.locator("#sort-volume-link").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#h-volume")).to_have_attribute("aria-sort", "descending")
    expect(page.locator("#sort-volume-link")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#h-volume")).to_have_attribute("aria-sort", "ascending")
