"""How Yahoo is entered: the real yfinance and its browser, with a server on loopback in the place of Yahoo's hosts."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from curl_cffi.requests import Session

import config as settings
from config import Config, ConfigError
from tests.worker.providers.cases.yahoo import CASE, DAYS, quotes, row
from tests.worker.providers.conftest import Vendor
from webapp.records import Quote
from worker.providers.base import ErrorKind, ProviderError
from worker.providers.http import Client
from worker.providers.yahoo import Yahoo
from worker.providers.yahoo_browser import Browser, preload

CRUMB = "abc.DEF/123"
FETCH, COOKIE, CALL = "/v1/test/getcrumb", "/", "/v7/finance/quote"


class Hosts(Vendor):
    """Yahoo's hosts: the first gives a cookie, the second a crumb for it, the third quotes for both."""

    def __init__(self) -> None:
        super().__init__()
        self.hosts: list[str] = []
        self.crumb = CRUMB
        self.body: object = quotes(row())
        self.status = 200
        self.act = self._answer

    def _answer(self, handler: BaseHTTPRequestHandler) -> None:
        self.hosts.append(handler.headers["X-Host"])
        path = urlsplit(handler.path).path
        if path == COOKIE:
            self.say("", 404, {"Set-Cookie": "A3=guest; Path=/; Max-Age=3600"})
        elif path == FETCH:
            self.say(self.crumb if "A3=guest" in handler.headers.get("Cookie", "") else "", 200)
        elif path == CALL and not self._lets_in(handler):
            self.say({"finance": {"error": {"code": "Unauthorized", "description": "Invalid Crumb"}}}, 401)
        else:
            self.say(self.body, self.status)
        # Put back before anything is sent: once the caller has its answer, the test may say something else.
        answer, self.act = self.act, self._answer
        answer(handler)

    def asked(self) -> list[str]:
        """Return what was asked for but cookies: how often it asks for these is yfinance's business."""
        return [path for path in self.paths if path != COOKIE]

    def _lets_in(self, handler: BaseHTTPRequestHandler) -> bool:
        return self.calls[-1].get("crumb") == CRUMB and "A3=guest" in handler.headers.get("Cookie", "")


@pytest.fixture
def hosts(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Yahoo's hosts, to which yfinance's own sessions go instead."""
    server = Hosts()

    class Detour(Session):  # type: ignore[type-arg]
        def request(self, method: Any, url: str, **options: Any) -> Any:  # type: ignore[override]
            parts = urlsplit(url)
            there = f"{server.url}{parts.path or '/'}"
            return super().request(method, there, **{**options, "headers": {"X-Host": str(parts.hostname)}})

    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr("yfinance._http.new_session", lambda: Detour(impersonate="chrome"))
    yield server
    server.stop()


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """The file with cookies and crumb."""
    return tmp_path / "instance" / "yahoo.json"


@pytest.fixture
def make(config: Callable[..., Config], kept: Path) -> Callable[[], Yahoo]:
    """Make the provider as each new process does."""
    return lambda: Yahoo(config(YAHOO=True), Browser("Yahoo Finance", kept, timeouts=(1.0, 2.0), deadline=5.0))


def ask(yahoo: Yahoo) -> Quote:
    [quote] = yahoo.quotes([CASE.instrument], CASE.now, CASE.book)
    return quote


def refusal(yahoo: Yahoo) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        ask(yahoo)
    assert CRUMB not in f"{caught.value!r} {caught.value.__context__!r}"
    return caught.value


def test_the_first_quote_gets_a_cookie_and_a_crumb_and_the_next_one_keeps_them(hosts: Hosts,
                                                                                make: Callable[[], Yahoo]) -> None:
    yahoo = make()
    assert str(ask(yahoo).price) == "212.45"
    assert (hosts.paths[0], hosts.asked()) == (COOKIE, [FETCH, CALL])
    assert list(dict.fromkeys(hosts.hosts)) == ["fc.yahoo.com", "query1.finance.yahoo.com", "query2.finance.yahoo.com"]
    so_far = len(hosts.paths)
    ask(yahoo)
    assert hosts.paths[so_far:] == [CALL]


def test_another_process_goes_in_with_the_same_crumb(hosts: Hosts, make: Callable[[], Yahoo], kept: Path) -> None:
    ask(make())
    assert kept.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in kept.parent.iterdir()] == [kept.name]
    so_far = len(hosts.paths)
    ask(make())
    assert hosts.paths[so_far:] == [CALL]


def test_a_kept_file_that_is_broken_is_as_good_as_none(hosts: Hosts, make: Callable[[], Yahoo], kept: Path) -> None:
    kept.parent.mkdir()
    for text in ("", "[]", '{"crumb": 7}', '{"crumb": "x", "cookies": [7]}', '{"crumb": "x", "cookies": 7}'):
        kept.write_text(text)
        assert str(ask(make()).price) == "212.45", text
        assert CRUMB in kept.read_text()


def test_charts_need_no_crumb(hosts: Hosts, make: Callable[[], Yahoo]) -> None:
    hosts.body = DAYS
    assert len(make().daily(CASE.instrument, CASE.now, CASE.book).bars) == 3
    assert hosts.paths == ["/v8/finance/chart/AAPL"]


def test_a_refused_crumb_is_thrown_away_and_the_next_call_gets_another(hosts: Hosts, make: Callable[[], Yahoo],
                                                                       kept: Path) -> None:
    hosts.crumb = "stale"
    yahoo = make()
    assert refusal(yahoo).kind is ErrorKind.BAD_KEY
    assert hosts.asked() == [FETCH, CALL], "one use is one call"
    assert not kept.exists()
    hosts.crumb = CRUMB
    assert str(ask(yahoo).price) == "212.45"


def test_a_limit_on_crumbs_is_a_limit(hosts: Hosts, make: Callable[[], Yahoo]) -> None:
    hosts.crumb = "Too Many Requests\r\n"
    assert refusal(make()).kind is ErrorKind.THROTTLED_MINUTE
    assert CALL not in hosts.paths


@pytest.mark.parametrize("crumb", ["<html>Sorry</html>", '{"finance":{"result":null,"error":{"code":"Unauthorized"}}}'])
def test_a_page_is_no_crumb(hosts: Hosts, make: Callable[[], Yahoo], kept: Path, crumb: str) -> None:
    hosts.crumb = crumb
    assert refusal(make()).kind in {ErrorKind.BAD_KEY, ErrorKind.UNREACHABLE}
    assert not kept.exists()


def test_hosts_that_say_nothing_hold_nobody_for_long(hosts: Hosts, config: Callable[..., Config], kept: Path) -> None:
    hosts.hang()
    yahoo = Yahoo(config(YAHOO=True), Browser("Yahoo Finance", kept, timeouts=(0.3, 0.3), deadline=0.8))
    began = time.monotonic()
    assert refusal(yahoo).kind is ErrorKind.UNREACHABLE
    assert time.monotonic() - began < 3


def test_an_answer_without_an_end_is_cut_off(hosts: Hosts, make: Callable[[], Yahoo]) -> None:
    yahoo = make()
    ask(yahoo)
    hosts.drip(b"HTTP/1.1 200 OK\r\n\r\n[", b"1," * 100_000)
    assert refusal(yahoo).kind in {ErrorKind.BROKEN_ANSWER, ErrorKind.UNREACHABLE}


def test_a_redirect_is_not_followed(hosts: Hosts, make: Callable[[], Yahoo]) -> None:
    yahoo = make()
    ask(yahoo)
    hosts.say("", 302, {"Location": "https://guce.yahoo.com/consent"})
    assert refusal(yahoo).kind is ErrorKind.BROKEN_ANSWER
    assert hosts.asked() == [FETCH, CALL, CALL]


def test_a_limit_says_how_long_to_wait(hosts: Hosts, make: Callable[[], Yahoo]) -> None:
    yahoo = make()
    ask(yahoo)
    hosts.say("Too Many Requests", 429, {"Retry-After": "77"})
    error = refusal(yahoo)
    assert error.retry_after is not None
    assert (error.kind, error.retry_after.total_seconds()) == (ErrorKind.THROTTLED_MINUTE, 77)


def test_a_server_that_is_not_there_is_unreachable(hosts: Hosts, make: Callable[[], Yahoo]) -> None:
    yahoo = make()
    ask(yahoo)
    hosts.stop()
    assert refusal(yahoo).kind is ErrorKind.UNREACHABLE


def test_the_crumb_is_in_no_log(hosts: Hosts, make: Callable[[], Yahoo], caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    ask(make())
    assert CRUMB not in caplog.text
    assert "guest" not in caplog.text


def test_without_yfinance_the_start_says_what_to_do(config: Callable[..., Config],
                                                     monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "find_spec", lambda name: None)
    monkeypatch.setenv("YAHOO", "yes")
    with pytest.raises(ConfigError, match="run 'make install-yahoo'"):
        config()
    monkeypatch.setenv("YAHOO_URL", "http://127.0.0.1:9")
    assert config().vendors == ("yahoo",), "a gateway of one's own needs no browser"


def test_only_yahoo_itself_is_entered_with_a_browser(config: Callable[..., Config]) -> None:
    for url, wanted in (("https://query2.finance.yahoo.com", Browser), ("https://query1.finance.yahoo.com", Browser),
                        ("http://127.0.0.1:9", Client), ("https://yahoo.com.example.org", Client),
                        ("https://notyahoo.com", Client), ("http://[", Client)):
        assert type(Yahoo(config(YAHOO=True, YAHOO_URL=url))._client) is wanted, url


def test_the_worker_loads_yfinance_only_where_it_is_used(config: Callable[..., Config],
                                                          monkeypatch: pytest.MonkeyPatch) -> None:
    loaded: list[str] = []
    monkeypatch.setattr("worker.providers.yahoo_browser._guest", lambda: loaded.append("yfinance"))
    preload(config())
    preload(config(YAHOO=True, YAHOO_URL="http://127.0.0.1:9"))
    assert loaded == []
    preload(config(YAHOO=True))
    assert loaded == ["yfinance"]
