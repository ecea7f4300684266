"""The pages that merge a stock: they ask, show what will happen, and do that and nothing else."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from redis import Redis
from rq import Queue

from tests.conftest import RedisServer
from tests.factories import add_stock
from tests.webapp.people import Browser
from tests.webapp.stocks.conftest import add_list, hang_all, new, old
from webapp.extensions import db
from webapp.live import bus
from webapp.models import AuditEntry, BarSeries, InstrumentRow, QuoteRow
from webapp.redis import connect

__all__ = ["new", "old"]

PAGE = "/admin/stocks/XNAS/FB/merge"
Bells = Callable[[], list[dict[str, Any]]]


def shown(browser: Browser, how: str = "duplicate") -> str:
    answer = browser.get(f"{PAGE}?into=meta&how={how}")
    assert answer.status_code == 200
    return answer.text


def confirmation(page: str) -> dict[str, str]:
    """Return what the form of the page that asks would send."""
    part = re.search(r'class="card stack sure".*?</section>', page, re.DOTALL)
    assert part is not None
    return dict(re.findall(r'name="(into|how|seen)" value="([^"]*)"', part[0]))


def test_first_it_asks_which_stock(browser: Browser, old: InstrumentRow) -> None:
    page = browser.get(PAGE)
    assert page.status_code == 200
    assert "Which stock is XNAS:FB?" in page.text
    assert "Yes, merge them" not in page.text
    assert page.text.count('name="how"') == 2


def test_then_it_shows_exactly_what_will_happen_and_does_nothing(
        browser: Browser, old: InstrumentRow, new: InstrumentRow) -> None:
    hang_all(old)
    add_list("ann@example.org", (old, "note"), (new, ""))
    page = " ".join(shown(browser).split())
    for text in ("Merge XNAS:FB into XNAS:META?", "It is on 1 list:", "On 1 of them META is too",
                 "3 bars of a day of Finnhub, 2 Nov 2026 to 4 Nov 2026, go to META", "Splits: 1 go to META.",
                 "Dividends: 1 go to META.", "Closes: 2 go to META.",
                 "Its price goes to META, which has none, with 1 tick.",
                 "A price of it that waits to be confirmed is dropped.", "1 finding about its prices goes to META.",
                 "Records of imports and fetches: 1 go to META, 1 are dropped.",
                 "How 1 provider writes it is dropped.", "Then XNAS:FB is deleted."):
        assert text in page
    assert "stays without prices, marked as renamed to META" in shown(browser, "former")
    assert db.session.get_one(QuoteRow, old.id).price is not None
    assert not db.session.query(AuditEntry).count()


def test_confirmed_it_is_done_and_all_are_told(
        browser: Browser, old: InstrumentRow, new: InstrumentRow, redis: Redis, bells: Bells) -> None:
    hang_all(old)
    mine = add_list("ann@example.org", (old, ""))
    heard = bus.Subscription(redis)
    sent = confirmation(shown(browser))
    answer = browser.post(PAGE, sent)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/admin/stocks/XNAS/META")
    assert "XNAS:FB is merged into XNAS:META." in browser.get("/admin/stocks/XNAS/META").text
    [content] = [message[1] for _ in range(20) if (message := heard.next(0.05)) and message[0] == bus.QUOTES]
    heard.close()
    assert [row.instrument.key for row in bus.decode_quotes(content)[1]] == ["XNAS:META"]
    assert [(bell["topic"], bell["user"]) for bell in bells()] == [("watchlists", mine.user_id)]
    assert [job.func_name for job in Queue("default", connection=redis).jobs] == ["worker.jobs.analysis.analyse"]
    [entry] = db.session.query(AuditEntry)
    assert (entry.action, entry.who, entry.after["how"]) == ("stock.merge", "ada@example.org", "duplicate")
    # Sent once more, as by a second click, it finds nothing.
    assert browser.post(PAGE, sent).status_code == 404
    assert browser.get("/stocks/XNAS/FB").status_code == 404
    assert db.session.query(BarSeries).one().instrument_id == new.id


def test_a_former_name_leads_to_the_new_one(browser: Browser, old: InstrumentRow, new: InstrumentRow) -> None:
    assert browser.post(PAGE, confirmation(shown(browser, "former"))).status_code == 303
    assert "Go to META" in browser.get("/stocks/XNAS/FB").text


def test_what_changed_meanwhile_is_shown_anew(browser: Browser, old: InstrumentRow, new: InstrumentRow) -> None:
    sent = confirmation(shown(browser))
    add_list("ann@example.org", (old, "new"))
    answer = browser.post(PAGE, sent)
    assert answer.status_code == 409
    assert "has changed meanwhile" in answer.text
    assert "It is on 1 list:" in answer.text
    assert browser.post(PAGE, confirmation(answer.text)).status_code == 303


@pytest.mark.parametrize("sent", [{}, {"into": "XNAS:META"}, {"into": "XNAS:META", "how": "duplicate"},
                                  {"into": "XNAS:META", "how": "duplicate", "seen": "guessed"}])
def test_nothing_is_done_without_what_the_page_showed(
        browser: Browser, old: InstrumentRow, new: InstrumentRow, sent: dict[str, str]) -> None:
    answer = browser.post(PAGE, sent)
    assert answer.status_code in {409, 422}
    assert db.session.get(InstrumentRow, old.id, populate_existing=True) is not None


@pytest.mark.parametrize(("into", "sentence"), [
    ("", "Which stock?"), ("nope", "No stock here is called so."), ("FB", "That is this stock itself."),
    ("SHEL", "Which one: XLON:SHEL, XNYS:SHEL?"), ("XLON:SHEL", "their prices cannot be put together")])
def test_what_cannot_be_is_said_at_its_field(
        browser: Browser, old: InstrumentRow, into: str, sentence: str) -> None:
    add_stock("SHEL", "XNYS")
    add_stock("SHEL", "XLON", currency="GBP", unit="GBX")
    answer = browser.get(PAGE, query_string={"into": into, "how": "duplicate"})
    assert answer.status_code == 422
    assert re.search(rf'id="into-error">[^<]*{re.escape(sentence)}', answer.text)
    assert browser.get(PAGE, query_string={"into": into, "how": "magic"}).status_code == 422


def test_while_redis_is_away_it_is_done_all_the_same(
        browser: Browser, old: InstrumentRow, new: InstrumentRow, own_redis_server: RedisServer) -> None:
    hang_all(old)
    sent = confirmation(shown(browser))
    browser.client.application.extensions["redis"] = connect(own_redis_server.url)
    own_redis_server.stop()
    assert browser.post(PAGE, sent).status_code == 303
    assert db.session.query(QuoteRow).one().instrument_id == new.id
