"""The vendors' messages, one by one: what they mean, and that nothing else ever raises."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import Settings
from worker.providers.figures import FigureError
from worker.streams.alpaca import Alpaca
from worker.streams.errors import Lost, Refused
from worker.streams.finnhub import Finnhub
from worker.streams.protocol import Protocol, symbol_of
from worker.streams.trades import Effect, read_instant, read_millis

KEY = "SOCKETKEY 0123/45"


def make(kind: type[Protocol], folder: Path) -> Any:
    return kind(Settings(folder, "", "sqlite://", FINNHUB_API_KEY=KEY, ALPACA_API_KEY=KEY, ALPACA_API_SECRET="hush"))


@pytest.fixture
def finnhub(tmp_path: Path) -> Finnhub:
    made = make(Finnhub, tmp_path)
    assert isinstance(made, Finnhub)
    return made


@pytest.fixture
def alpaca(tmp_path: Path) -> Alpaca:
    made = make(Alpaca, tmp_path)
    assert isinstance(made, Alpaca)
    return made


def test_finnhub_is_asked_one_symbol_a_message_and_room_is_made_first(finnhub: Finnhub) -> None:
    assert finnhub.address() == "wss://ws.finnhub.io?token=SOCKETKEY%200123%2F45"
    assert [json.loads(text) for text in finnhub.ask({"AAPL", "MSFT"}, {"IBM"})] == [
        {"type": "unsubscribe", "symbol": "IBM"}, {"type": "subscribe", "symbol": "AAPL"},
        {"type": "subscribe", "symbol": "MSFT"}]
    assert (finnhub.most, finnhub.extended_hours, finnhub.ready_at_once) == (50, False, True)


def test_alpaca_is_asked_lists_and_the_key_is_in_no_address(alpaca: Alpaca) -> None:
    assert alpaca.address() == "wss://stream.data.alpaca.markets/v2/iex"
    assert json.loads(alpaca.log_in()[0]) == {"action": "auth", "key": KEY, "secret": "hush"}
    assert [json.loads(text) for text in alpaca.ask({"MSFT", "AAPL"}, {"IBM"})] == [
        {"action": "unsubscribe", "trades": ["IBM"]}, {"action": "subscribe", "trades": ["AAPL", "MSFT"]}]
    assert alpaca.ask(set(), {"IBM"}) == ['{"action": "unsubscribe", "trades": ["IBM"]}']
    assert (alpaca.most, alpaca.extended_hours, alpaca.ready_at_once) == (30, True, False)


def test_finnhubs_trades_are_read_with_every_digit(finnhub: Finnhub) -> None:
    reading = finnhub.read('{"type":"trade","data":[{"c":["1","12"],"p":122.1,"s":"TSLA","t":1672348887195,"v":1},'
                           '{"c":["1","8"],"p":129.5750,"s":"AAPL","t":1672348887785,"v":100},{"c":null,"p":7,"s":"X",'
                           '"t":1672348887785,"v":0}]}')
    assert (reading.heard, reading.ignored) == (3, 0)
    assert [(trade.symbol, str(trade.price), trade.at) for trade in reading.trades] == [
        ("AAPL", "129.5750", 1_672_348_887_785_000), ("X", "7", 1_672_348_887_785_000)]


def test_alpacas_trades_are_read_to_the_microsecond(alpaca: Alpaca) -> None:
    reading = alpaca.read('[{"T":"t","i":96921,"S":"AAPL","x":"D","p":126.55,"s":100,"t":"2021-02-22T15:51:44.208Z",'
                          '"c":["@"],"z":"C"},{"T":"t","S":"BRK.B","p":350,"t":"2021-02-22T15:51:44.123456789Z"},'
                          '{"T":"q","S":"AAPL"},{"T":"x","S":"AAPL"}]')
    assert (reading.heard, reading.ignored) == (2, 2)
    assert [(trade.symbol, str(trade.price), trade.at) for trade in reading.trades] == [
        ("AAPL", "126.55", 1_614_009_104_208_000), ("BRK.B", "350", 1_614_009_104_123_456)]


@pytest.mark.parametrize(("codes", "effect"), [
    ([], Effect.ALL), (["@"], Effect.ALL), (["@", "F"], Effect.ALL), (["@", "I"], None), (["W"], None),
    (["Z"], Effect.RANGE), (["@", "T"], Effect.EXTENDED), (["T", "I"], None), (["T", "U"], None),
    (["L", "@"], Effect.RANGE), (["?"], Effect.ALL)])
def test_alpacas_conditions(alpaca: Alpaca, codes: list[str], effect: Effect | None) -> None:
    row = {"T": "t", "S": "AAPL", "p": 1, "t": "2021-02-22T15:51:44Z", "c": codes, "z": "C"}
    assert [trade.effect for trade in alpaca.read(json.dumps([row])).trades] == ([] if effect is None else [effect])


@pytest.mark.parametrize(("tape", "count"), [("A", 0), ("B", 0), ("C", 1), (None, 0)])
def test_on_new_yorks_tapes_b_is_an_average_price(alpaca: Alpaca, tape: str | None, count: int) -> None:
    row = {"T": "t", "S": "IBM", "p": 1, "t": "2021-02-22T15:51:44Z", "c": ["B"], "z": tape}
    assert len(alpaca.read(json.dumps([row])).trades) == count


@pytest.mark.parametrize(("codes", "effect"), [
    (["1"], Effect.ALL), (["1", "8"], Effect.ALL), (["1", "12"], None), (["3"], None), (["30"], Effect.RANGE),
    (["1", "24"], Effect.EXTENDED), (["24", "12"], None), (["25"], None), ([24], Effect.EXTENDED),
    (["999"], Effect.ALL)])
def test_finnhubs_conditions(finnhub: Finnhub, codes: list[Any], effect: Effect | None) -> None:
    row = {"s": "AAPL", "p": 1, "t": 1672348887195, "v": 1, "c": codes}
    found = finnhub.read(json.dumps({"type": "trade", "data": [row]})).trades
    assert [trade.effect for trade in found] == ([] if effect is None else [effect])


def test_alpacas_answers_are_understood(alpaca: Alpaca) -> None:
    assert not alpaca.read('[{"T":"success","msg":"connected"}]').ready
    assert alpaca.read('[{"T":"success","msg":"authenticated"}]').ready
    assert alpaca.read('{"T":"success","msg":"authenticated"}').ready
    assert alpaca.read('[{"T":"subscription","trades":["AAPL"],"quotes":[]}]').confirmed == frozenset({"AAPL"})


@pytest.mark.parametrize(("code", "error", "words"), [
    (400, Lost, "could not read"), (401, Refused, "API key"), (402, Refused, "API key"), (404, Lost, "too long"),
    (405, Refused, "ALPACA_STREAM_SYMBOLS"), (406, Refused, "one connection"), (407, Lost, "too slow"),
    (408, Refused, "another plan"), (409, Refused, "another plan"), (410, Refused, "another plan"),
    (500, Lost, "out of order"), (None, Lost, "out of order")])
def test_alpacas_errors(alpaca: Alpaca, code: int | None, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        alpaca.read(json.dumps([{"T": "error", "code": code, "msg": "secret words"}]))
    assert not alpaca.read('[{"T":"error","code":403,"msg":"already authenticated"}]').trades


@pytest.mark.parametrize(("symbol", "written"), [
    ("AAPL", "AAPL"), ("BRK.B", "BRK.B"), ("BRK/B", "BRK.B"), ("a", None), ("", None), ("^GSPC", None), ("A B", None),
    ('A"', None), ("TOOLONGX", None)])
def test_only_symbols_that_can_be_read_are_asked_for(symbol: str, written: str | None) -> None:
    assert symbol_of(symbol) == written


@pytest.mark.parametrize("text", ["", "2021-02-22", "2021-02-22T15:51:44", "2021-02-22T15:51:44.Zx",
                                  "2021-13-22T15:51:44Z", "2021-02-22T15:51:44.x1Z", "9999-02-22T15:51:44Z", None, 5,
                                  "2021-02-22T15:51:44.\N{ARABIC-INDIC DIGIT THREE}Z"])
def test_what_is_no_time_is_refused(text: object) -> None:
    with pytest.raises(FigureError):
        read_instant(text)


def test_times_with_another_offset_are_read() -> None:
    assert read_instant("2021-02-22T10:51:44.5-05:00") == read_instant("2021-02-22T15:51:44.500000Z")
    with pytest.raises(FigureError):
        read_millis("16723488871951")


JSON = st.recursive(st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=8),
                    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(
                        st.sampled_from(["T", "S", "p", "t", "c", "s", "v", "type", "data", "trades", "msg", "i", "z"]),
                        inner, max_size=6), max_leaves=20)


@given(JSON, st.sampled_from([Alpaca, Finnhub]), st.integers(0, 200))
def test_no_message_raises_anything_but_what_it_means(tmp_path_factory: pytest.TempPathFactory, message: Any,
                                                      kind: type[Protocol], cut: int) -> None:
    if kind not in PROTOCOLS:
        PROTOCOLS[kind] = make(kind, tmp_path_factory.mktemp("fuzz"))
    protocol = PROTOCOLS[kind]
    text = json.dumps(message)
    for shape in (text, text[:cut], text.encode("utf-16"),
                  json.dumps([{"T": "t", "S": "A", "p": message, "t": message, "c": message}]),
                  json.dumps({"type": "trade", "data": [{"s": "A", "p": message, "t": message, "c": message}]})):
        try:
            reading = protocol.read(shape)
        except (Lost, Refused):
            continue
        for trade in reading.trades:
            assert trade.price.is_finite()
            assert trade.price > Decimal(0)
            assert isinstance(trade.at, int)


PROTOCOLS: dict[type[Protocol], Any] = {}
