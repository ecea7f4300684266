"""How numbers and times read on the pages."""

import dataclasses
import datetime as dt
import re
from decimal import Decimal

import pytest
from flask import Flask

from webapp import filters
from webapp.records import Instrument, LiveQuote, Quote, Session, State

MINUS = "\N{MINUS SIGN}"
NOON = dt.datetime(2026, 11, 20, 17, 2, 11, tzinfo=dt.UTC)


def row(price: str, decimals: int = 2, session: Session = Session.REGULAR, **facts: object) -> LiveQuote:
    instrument = Instrument(1, "AAPL", "XNAS", "Apple Inc.", "USD", "US", decimals=decimals)
    quote = Quote(1, Decimal(price), NOON, NOON.date(), "simulator", State.SIMULATED, session, **facts)  # type: ignore[arg-type]
    return LiveQuote(instrument, 1, quote, NOON + dt.timedelta(hours=3, seconds=2))


@pytest.mark.parametrize(("value", "decimals", "text"), [
    ("189.9", 2, "189.90"), ("700123.5", 2, "700,123.50"), ("2745", 0, "2,745"), ("1", 2, "1.00"),
    ("0.004", 2, "0.0040"), ("0.5", 2, "0.5000"), ("0.00001234", 2, "0.000012"), ("0", 2, "0.00"),
    ("-37.63", 2, f"{MINUS}37.63"), ("1.005", 2, "1.01"),
])
def test_a_price_has_fixed_decimals_and_more_below_one(value: str, decimals: int, text: str) -> None:
    assert filters.money(Decimal(value), decimals) == text


def test_pence_are_never_shown_as_pounds() -> None:
    assert filters.money(Decimal("71.42"), 2, "GBX") == "71.42\N{NO-BREAK SPACE}GBX"


def test_what_is_unknown_is_a_dash_and_never_zero() -> None:
    shown = [filters.money(None), filters.signed(None), filters.percent(None), filters.compact(None),
             filters.whole(None), filters.clock_time(None, "XNAS"), filters.day_date(None), filters.utc_time(None)]
    assert set(shown) == {"—"}
    assert filters.direction(None) == ""


@pytest.mark.parametrize(("value", "text", "way"), [
    ("1.2", "+1.20", "up"), ("-1.2", f"{MINUS}1.20", "down"), ("0", "0.00", "flat"), ("-0.001", f"{MINUS}0.00", "down"),
])
def test_a_change_has_its_sign(value: str, text: str, way: str) -> None:
    assert filters.signed(Decimal(value)) == text
    assert filters.percent(Decimal(value)) == f"{text}%"
    assert filters.direction(Decimal(value)) == way


def test_a_row_has_the_same_decimals_in_all_its_figures() -> None:
    assert filters.places(row("189.90")) == 2
    assert filters.places(row("0.0040")) == 4
    assert filters.places(row("2745", decimals=0)) == 0
    assert filters.places(LiveQuote(row("1").instrument)) == 2


@pytest.mark.parametrize(("price", "low", "decimals"), [
    ("217.6150", "217.1000", 3), ("217.6100", "217.1234", 4), ("121.7400", "121.0600", 2), ("5000", "4990.00", 2),
    ("1.123456789", "1", 6),
])
def test_a_figure_that_came_with_more_decimals_is_not_rounded(price: str, low: str, decimals: int) -> None:
    assert filters.places(row(price, low=Decimal(low))) == decimals


@pytest.mark.parametrize(("value", "text"), [
    (0, "0"), (950, "950"), (999, "999"), (1_000, "1.00K"), (12_345, "12.3K"), (777_800, "778K"), (999_499, "999K"),
    (999_500, "1.00M"), (56_991_943, "57.0M"), (9_999, "10.0K"), (1_234_567_890, "1.23B"), (2_500_000_000_000, "2.50T"),
])
def test_a_volume_has_three_figures(value: int, text: str) -> None:
    assert filters.compact(value) == text


def test_a_volume_can_be_read_whole() -> None:
    assert filters.whole(56_991_943) == "56,991,943"


@pytest.mark.parametrize(("seconds", "text"), [
    (-3, "just now"), (0, "just now"), (12, "12 s ago"), (60, "1 min ago"), (7_199, "1 h ago"), (86_400, "1 day ago"),
    (200_000, "2 days ago"),
])
def test_an_age_is_told_in_its_largest_unit(seconds: int, text: str) -> None:
    assert filters.ago(NOON - dt.timedelta(seconds=seconds), NOON) == text
    assert filters.ago(None, NOON) == "never"


@pytest.mark.parametrize(("mic", "text"), [
    ("XNAS", "12:02:11 EST"), ("XLON", "17:02:11 GMT"), ("XETR", "18:02:11 CET"), ("NONE", "17:02:11 UTC"),
])
def test_a_time_is_told_by_the_clock_of_its_exchange(mic: str, text: str) -> None:
    assert filters.clock_time(NOON, mic) == text


def test_a_time_follows_summer_time() -> None:
    assert filters.clock_time(dt.datetime(2026, 7, 1, 17, tzinfo=dt.UTC), "XNAS") == "13:00:00 EDT"


def test_a_day_at_the_exchange_may_be_another_than_in_utc() -> None:
    assert filters.local_time(dt.datetime(2026, 11, 20, 23, 30, tzinfo=dt.UTC), "XTKS") == "21 Nov 2026, 08:30:00 JST"


def test_a_moment_is_written_for_machines_and_for_the_curious() -> None:
    assert filters.iso_time(NOON) == "2026-11-20T17:02:11Z"
    assert filters.utc_time(NOON) == "2026-11-20 17:02:11 UTC"
    assert filters.day_date(NOON.date(), year=False) == "20 Nov"


def test_a_stock_has_an_address_whatever_is_in_its_symbol() -> None:
    assert filters.stock_path(Instrument(1, "A/B C", "XNAS", "", "USD", "US")) == "/stocks/XNAS/A%2FB%20C"


def test_a_source_and_a_state_have_words() -> None:
    assert filters.source_title("alpha-vantage") == "Alpha Vantage"
    assert [filters.tone(state) for state in (State.LIVE, State.STALE, State.SIMULATED)] == ["live", "warn", ""]
    assert filters.extended_name(row("1", session=Session.PRE)) == "Pre"
    assert filters.extended_name(row("1", session=Session.POST)) == "Post"


def draw(app: Flask, part: str, live: LiveQuote) -> str:
    macro = getattr(app.jinja_env.get_template("live/_quote.html").module, part)
    return str(macro(live) if part in {"tape_item", "tip"} else macro(live, live.state_at(NOON)))


def test_the_cells_are_one_line_and_each_finds_its_place(app: Flask) -> None:
    live = row("189.90", previous_close=Decimal(190), previous_day=NOON.date(), delay=State.SIMULATED, sent_unit="USD")
    cells, tip = draw(app, "cells", live), draw(app, "tip", live)
    assert "\n" not in cells + tip
    assert cells.count("<td id=q1-") == 12
    assert tip.startswith("<i id=q1-tip>")
    assert len(cells) < 950
    assert len(tip) < 200
    assert draw(app, "row", live) == cells + tip + draw(app, "tape_item", live)


def test_a_row_without_a_price_shows_no_number(app: Flask) -> None:
    bare = LiveQuote(row("1").instrument, problem='Unknown "symbol"')
    for part in ("cells", "tip", "tape_item", "big"):
        html = draw(app, part, bare)
        assert "0.00" not in html
        assert "—" in html or part == "tip"
    assert "Unknown &#34;symbol&#34;" in draw(app, "cells", bare)


def test_a_price_of_a_day_shows_no_time_of_day(app: Flask) -> None:
    for part in ("cells", "tip", "big"):
        html = draw(app, part, row("12.5", as_of_is_day=True))
        assert "20 Nov 2026" in html
        assert "12:02" not in html
        assert "17:02" not in html


def test_extended_hours_have_their_own_change(app: Flask) -> None:
    live = row("100", session=Session.POST, previous_close=Decimal(101), extended_price=Decimal("100.50"))
    cells = draw(app, "cells", live)
    assert "Post 100.50 <span class=up>+0.50 (+0.50%)</span>" in cells
    assert f">{MINUS}1.00</td>" in cells


def test_a_name_from_elsewhere_cannot_write_markup(app: Flask) -> None:
    evil = Instrument(1, "<b>", "XNAS", "<script>", "<i>", "US")
    quote = row("1", sent_unit="<b>", previous_close=Decimal(2)).quote
    live = LiveQuote(evil, 1, quote and dataclasses.replace(quote, source="<script>"), NOON, problem="<script>")
    html = "".join(draw(app, part, live) for part in ("cells", "tip", "tape_item", "big"))
    assert "<script" not in html
    assert "<i>" not in html
    assert "<b><b>" not in html


def lines_of_tip(live: LiveQuote) -> list[str]:
    return filters.provenance(live).split("<br>")


def test_a_tip_says_where_a_price_comes_from_and_how_old_it_is() -> None:
    live = row("232.5", previous_close=Decimal("232.1"), previous_day=dt.date(2026, 11, 19), delay=State.DELAYED,
               unit="USD", sent_unit="USD")
    assert lines_of_tip(live) == [
        "Simulator, delayed 15 min, regular session", "Traded 20 Nov 2026, 12:02:11 EST", "Fetched 15:02:13 EST",
        "In USD", "Change against the close of 19 Nov 2026, 232.10"]


def test_a_tip_names_the_day_of_the_fetch_where_it_is_not_the_prices() -> None:
    live = dataclasses.replace(row("1", as_of_is_day=True), fetched_at=NOON + dt.timedelta(days=1))
    assert lines_of_tip(live)[1:3] == ["Price of 20 Nov 2026", "Fetched 21 Nov 2026, 12:02:11 EST"]


@pytest.mark.parametrize(("shown", "sent", "words"), [
    ("GBP", "GBX", "Sent in GBX, shown in GBP"), ("GBP", "GBP", "In GBP"), ("ZAR", "ZAc", "Sent in ZAc, shown in ZAR"),
    ("USD", "", "In USD")])
def test_a_price_that_came_in_another_unit_says_so(app: Flask, shown: str, sent: str, words: str) -> None:
    live = row("4.41", sent_unit=sent)
    live = dataclasses.replace(live, instrument=dataclasses.replace(live.instrument, currency=shown))
    assert words in lines_of_tip(live)
    assert f"<dd>{words}</dd>" in draw(app, "big", live)


@pytest.mark.parametrize(("session", "words"), [
    (Session.PRE, "pre-market"), (Session.REGULAR, "regular session"), (Session.POST, "after hours"),
    (Session.CLOSED, "market closed")])
def test_a_tip_names_the_session(session: Session, words: str) -> None:
    assert lines_of_tip(row("1", session=session, delay=State.LIVE))[0] == f"Simulator, live, {words}"


def test_a_tip_claims_nothing_that_is_not_known() -> None:
    live = dataclasses.replace(row("1"), fetched_at=None)
    assert lines_of_tip(live) == ["Simulator, delay unknown, regular session", "Traded 20 Nov 2026, 12:02:11 EST",
                                  "In USD"]
    assert lines_of_tip(row("2", previous_close=Decimal(1)))[-1] == "Change against the previous close, 1.00"
    assert filters.provenance(LiveQuote(live.instrument)) == "No price has been fetched yet."
    assert filters.measured_against(live) == "—"


def test_a_tip_begins_with_what_keeps_the_price_from_being_fresher() -> None:
    live = dataclasses.replace(row("1"), problem="Unconfirmed: 0.5 & less, waits for a second reading.")
    assert lines_of_tip(live)[0] == "Unconfirmed: 0.5 &amp; less, waits for a second reading."
    assert lines_of_tip(live)[1].startswith("Simulator")
    bare = LiveQuote(live.instrument, problem="Unknown <symbol>")
    assert filters.provenance(bare) == "Unknown &lt;symbol&gt;"


def test_the_figures_of_a_tip_have_the_decimals_of_their_row() -> None:
    live = row("0.0042", previous_close=Decimal("0.004"), previous_day=NOON.date())
    assert lines_of_tip(live)[-1] == "Change against the close of 20 Nov 2026, 0.0040"


def test_a_stocks_own_part_says_in_plain_text_where_its_number_comes_from(app: Flask) -> None:
    html = draw(app, "big", row("4.415", previous_close=Decimal("4.4"), previous_day=dt.date(2026, 11, 19),
                                delay=State.LIVE, sent_unit="GBX"))
    facts = dict(re.findall(r"<dt>([^<]+)</dt><dd>([^<]+)</dd>", html.partition("Where this number comes from")[2]))
    assert facts == {
        "Provider": "Simulator, live", "Traded": "20 Nov 2026, 12:02:11 EST", "Fetched": "20 Nov 2026, 15:02:13 EST",
        "Session": "Regular session, 20 Nov 2026", "Currency and unit": "Sent in GBX, shown in USD",
        "Change measured against": "the close of 19 Nov 2026, 4.400"}
