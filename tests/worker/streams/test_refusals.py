"""What a vendor may do to a socket: refuse it, complain, talk nonsense; it is said in our words, without the key."""

from __future__ import annotations

import json
import ssl
import time
from collections.abc import Callable
from decimal import Decimal

import pytest
from redis import Redis
from websocket import (
    WebSocketAddressException,
    WebSocketConnectionClosedException,
    WebSocketPayloadException,
    WebSocketProxyException,
    WebSocketTimeoutException,
)

from tests.worker.streams.conftest import (
    CALM,
    KEY,
    Running,
    await_subscription,
    price_of,
    stored,
)
from tests.worker.streams.server import AlpacaServer, FinnhubServer, Vendor, frame, wait_until
from webapp.extensions import db
from webapp.models import StreamState
from webapp.records import Instrument
from worker.streams.wire import in_words

Start = Callable[..., Running]


def state_of(vendor: Vendor) -> StreamState | None:
    db.session.rollback()
    return db.session.get(StreamState, vendor.title.lower(), populate_existing=True)


def test_halves_nonsense_and_giants_are_passed_over(start: Start, vendor: Vendor, apple: Instrument) -> None:
    running = start(vendor, pace=CALM)
    await_subscription(vendor, "AAPL")
    now = time.time()
    good = vendor.trades(vendor.trade("AAPL", 102, now))
    for message in ("not json", "[", "{}", "[[[[", "null", '"text"', "[" * 5000, json.dumps({"type": "news"}),
                    json.dumps([{"T": "q", "S": "AAPL"}]), good[:-7]):
        vendor.peer.tell(message)
    for price in ("NaN", "-5", "0", "1e400", '"x"', "null", "1" * 40, "Infinity", "[]", "true", "99999999"):
        vendor.peer.tell(good.replace('"p": 102', f'"p": {price}'))
    vendor.peer.tell(vendor.trades(vendor.trade("AAPL", 109, now + 600)))
    vendor.peer.tell(vendor.trades(vendor.trade("AAPL", 109, now - 86_400 * 3)))
    vendor.peer.tell(vendor.trades(vendor.trade("MSFT", 109, now)))
    vendor.peer.raw(frame(b"\xff\xfe" + b"x" * 100) + frame(b"x" * (5 * 1024 * 1024)) + frame(b"", 9))
    wait_until(lambda: running.streams.links[0].ignored >= 12, 10, lambda: running.streams.links[0].ignored)
    half = frame(good)
    vendor.peer.raw(half[:1], half[1:20], half[20:], pause=0.12)  # longer than a read waits
    wait_until(price_of(apple)("102"))
    parts = vendor.trades(vendor.trade("AAPL", 102.5, now + 1))
    vendor.peer.raw(frame(parts[:10], fin=False) + frame(b"ping", 9) + frame(parts[10:30], 0, fin=False)
                    + frame(parts[30:], 0))
    wait_until(price_of(apple)("102.5"))
    assert len(vendor.peers) == 1
    assert stored(apple).high == Decimal("102.5")


def test_a_frame_without_end_ends_the_connection(start: Start, finnhub: FinnhubServer, apple: Instrument) -> None:
    running = start(finnhub)
    await_subscription(finnhub, "AAPL")
    finnhub.peer.raw(b"\x81\x7f\x7f\xff\xff\xff\xff\xff\xff\xff")
    wait_until(lambda: len(finnhub.peers) == 2)
    assert "too large" in running.streams.links[0].error


@pytest.mark.parametrize(("code", "words"), [
    ("402", "does not accept the API key"), ("405", "Set ALPACA_STREAM_SYMBOLS lower"), ("409", "another plan")])
def test_a_refusal_of_alpaca_is_said_in_our_words_and_not_tried_again_soon(
        start: Start, alpaca: AlpacaServer, apple: Instrument, code: str, words: str) -> None:
    alpaca.error = code
    running = start(alpaca)
    wait_until(lambda: (state := state_of(alpaca)) and state.status == "refused")
    state = state_of(alpaca)
    assert state is not None
    assert words in state.last_error
    since = time.monotonic()
    wait_until(lambda: time.monotonic() - since > 1.0)
    assert len(alpaca.peers) == 1
    assert not running.marked()


@pytest.mark.parametrize(("status", "words"), [(401, "does not accept the API key"), (403, "does not accept")])
def test_a_refused_handshake_is_not_repeated_soon(start: Start, finnhub: FinnhubServer, apple: Instrument, status: int,
                                                  words: str) -> None:
    finnhub.status = status
    start(finnhub)
    wait_until(lambda: (state := state_of(finnhub)) and state.status == "refused" and words in state.last_error)
    since = time.monotonic()
    wait_until(lambda: time.monotonic() - since > 1.0)
    assert len(finnhub.peers) == 1


def test_a_second_connection_is_tried_three_times_and_then_left_alone(start: Start, alpaca: AlpacaServer,
                                                                     apple: Instrument) -> None:
    alpaca.error = "406"
    start(alpaca)
    wait_until(lambda: len(alpaca.peers) == 3)
    wait_until(lambda: (state := state_of(alpaca)) and (state.status, "one connection" in state.last_error)
               == ("refused", True))
    since = time.monotonic()
    wait_until(lambda: time.monotonic() - since > 1.0)
    assert len(alpaca.peers) == 3


@pytest.mark.parametrize(("message", "status", "words"), [
    ("Invalid API key", "refused", "does not accept"), ("Subscribing to too many symbols", "refused", "STREAM_SYMBOLS"),
    ("API limit reached", "waiting", "slower"), ("Too many connections", "refused", "one connection")])
def test_a_notice_of_finnhub_is_understood(start: Start, finnhub: FinnhubServer, apple: Instrument, message: str,
                                           status: str, words: str) -> None:
    start(finnhub, pace={**CALM, "first_wait": 30, "longest_wait": 30})
    await_subscription(finnhub, "AAPL")
    finnhub.peer.tell({"type": "error", "msg": message})
    wait_until(lambda: (state := state_of(finnhub)) and state.status == status and words in state.last_error)


def test_a_notice_on_one_symbol_does_not_end_the_connection(start: Start, finnhub: FinnhubServer,
                                                            apple: Instrument) -> None:
    start(finnhub)
    await_subscription(finnhub, "AAPL")
    finnhub.peer.tell({"type": "error", "msg": "Invalid symbol"})
    finnhub.peer.tell(finnhub.trades(finnhub.trade("AAPL", 102, time.time())))
    wait_until(price_of(apple)("102"))
    assert len(finnhub.peers) == 1
    wait_until(lambda: (state := state_of(finnhub)) and "one of the stocks" in state.last_error)


def test_a_server_that_fails_is_tried_at_growing_pauses(start: Start, vendor: Vendor, apple: Instrument) -> None:
    vendor.status = 503
    start(vendor, pace={"first_wait": 0.1, "longest_wait": 0.3})
    wait_until(lambda: (state := state_of(vendor)) and "HTTP 503" in state.last_error)
    since, before = time.monotonic(), len(vendor.peers)
    wait_until(lambda: time.monotonic() - since > 3)
    assert 4 <= len(vendor.peers) - before <= 60


@pytest.mark.parametrize(("fault", "words"), [
    (WebSocketAddressException("no such name"), "its address was not found"),
    (WebSocketTimeoutException(KEY), "there was no answer in time"), (TimeoutError(), "there was no answer in time"),
    (WebSocketConnectionClosedException(KEY), "the connection was cut"),
    (ConnectionResetError(104, KEY), "the connection was cut"), (ConnectionRefusedError(), "it took no connection"),
    (ssl.SSLCertVerificationError(1, KEY), "its certificate is not valid here"),
    (ssl.SSLError(1, KEY), "no secure connection came about"), (OSError(113, KEY), "the network failed"),
    (WebSocketProxyException(KEY), "the proxy did not let it through"),
    (WebSocketPayloadException(KEY), "it does not answer as a web socket does"),
    (ValueError(KEY), "it does not answer as a web socket does")])
def test_a_fault_of_a_connection_has_plain_words(fault: Exception, words: str) -> None:
    assert in_words(fault) == words


def test_a_redirect_does_not_carry_the_key_away(start: Start, finnhub: FinnhubServer, alpaca: AlpacaServer,
                                                apple: Instrument) -> None:
    finnhub.status, finnhub.location = 302, alpaca.url
    start(finnhub)
    wait_until(lambda: len(finnhub.peers) >= 2)
    assert not alpaca.peers


def test_a_log_in_that_nobody_answers_is_given_up(start: Start, alpaca: AlpacaServer, apple: Instrument,
                                                  monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alpaca, "hear", lambda peer, message: None)
    running = start(alpaca)
    wait_until(lambda: len(alpaca.peers) >= 2)
    assert "did not answer the log-in" in running.streams.links[0].error


def test_the_key_is_in_no_message_log_or_row(start: Start, vendor: Vendor, apple: Instrument, redis: Redis,
                                             caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    running = start(vendor)
    await_subscription(vendor, "AAPL")
    vendor.peer.tell({"type": "error", "msg": f"odd {KEY}"} if vendor.title == "Finnhub"
                     else [{"T": "error", "code": 500, "msg": KEY}])
    vendor.peer.reset()
    vendor.status = 500
    wait_until(lambda: (state := state_of(vendor)) and "HTTP 500" in state.last_error)
    vendor.stop()
    wait_until(lambda: (state := state_of(vendor)) and "cannot be reached" in state.last_error)
    state = state_of(vendor)
    assert state
    assert state.last_error == f"{vendor.title} cannot be reached: it took no connection."
    running.stop()
    assert KEY in vendor.peers[0].request or KEY in json.dumps(vendor.peers[0].said)
    assert KEY not in caplog.text
    texts = [redis.get(key) or b"" for key in redis.scan_iter() if redis.type(key) == b"string"]
    assert not [text for text in texts if KEY.encode() in text]
