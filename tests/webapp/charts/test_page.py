from __future__ import annotations

import csv
import datetime as dt
import io
import re
from decimal import Decimal
from xml.etree import ElementTree

import numpy as np
import pytest
from flask.testing import FlaskClient

from tests.factories import add_quote, add_stock
from tests.webapp.charts.decoding import added, decoded
from tests.webapp.charts.past import LAST, add_days, add_minutes, walk
from tests.webapp.people import Browser
from webapp.models import InstrumentRow
from webapp.records import Adjustment, Dividend, Split

PAGE = "/stocks/XNAS/ACME"
SVG = "{http://www.w3.org/2000/svg}"
HTMX = {"HX-Request": "true"}


def chart_of(text: str) -> str:
    """Return the chart's part of a page."""
    found = re.search(r'<section id="chart".*?</section>', text, re.S)
    assert found is not None
    return found[0]


def rows_of(text: str) -> list[list[str]]:
    """Return the table's rows of texts."""
    return [re.findall(r"<t[hd][^>]*>([^<]*)</t[hd]>", row)
            for row in re.findall(r"<tr>(.*?)</tr>", chart_of(text), re.S)]


@pytest.mark.both_databases
def test_a_stocks_page_has_its_chart(client: FlaskClient, stock: InstrumentRow) -> None:
    add_days(stock, walk(2000))
    chart = chart_of(client.get(PAGE).text)
    assert "Split-adjusted, from Tiingo." in chart
    assert "Simulated" not in chart
    assert 'data-json="/stocks/XNAS/ACME/chart.json"' in chart
    assert 'class="candle-up"' in chart
    assert "Stage 2, advancing" in chart
    sentence = r"ACME, 20 Nov 2025 to 20 Nov 2026: from [\d,.]+ to [\d,.]+ USD \([+\N{MINUS SIGN}][\d.]+%\)"
    assert re.search(sentence, chart)


def test_without_a_past_the_page_says_what_to_expect(client: FlaskClient, stock: InstrumentRow) -> None:
    chart = chart_of(client.get(PAGE).text)
    assert "No history yet: it is fetched while somebody watches this stock." in chart
    assert "<svg" not in chart
    add_days(stock, walk(100))
    chart = chart_of(client.get(f"{PAGE}?range=1d").text)
    assert "No prices by the minute are kept of this stock yet." in chart
    assert 'href="/stocks/XNAS/ACME?range=1m#chart"' in chart


def test_a_made_up_past_says_so(client: FlaskClient, stock: InstrumentRow) -> None:
    add_days(stock, walk(100), source="simulator")
    assert "Simulated history: made up, no real past." in chart_of(client.get(PAGE).text)


@pytest.mark.parametrize(("query", "words"), [
    ("", "Split-adjusted, from"), ("adjusted=dividends", "Adjusted for splits and dividends, from"),
    ("adjusted=none", "As traded, not adjusted, from")])
def test_the_page_says_what_prices_are_adjusted_for(client: FlaskClient, stock: InstrumentRow, query: str,
                                                    words: str) -> None:
    add_days(stock, walk(100), dividends=[Dividend(LAST, Decimal("0.1"))])
    assert words in client.get(f"{PAGE}?{query}").text


def test_the_page_says_when_the_source_leaves_no_choice(client: FlaskClient, stock: InstrumentRow) -> None:
    add_days(stock, walk(100), adjusted=Adjustment.ALL)
    text = client.get(f"{PAGE}?adjusted=none").text
    assert "Adjusted for splits and dividends, from Tiingo." in text
    assert "so they cannot be shown otherwise" in text


def test_ranges_are_links_that_keep_the_other_choices(client: FlaskClient, stock: InstrumentRow) -> None:
    add_days(stock, walk(400))
    chart = chart_of(client.get(f"{PAGE}?range=6m&scale=log&with=rsi").text)
    links = dict(re.findall(r'id="chart-range-(\w+)"[^>]*href="([^"]+)"', chart))
    assert list(links) == ["1d", "5d", "1m", "6m", "ytd", "1y", "5y", "max"]
    assert links["max"] == "/stocks/XNAS/ACME?range=max&amp;scale=log&amp;with=rsi#chart"
    assert re.findall(r'id="chart-range-(\w+)"[^>]*aria-current="true"', chart) == ["6m"]
    assert client.get(links["max"].replace("&amp;", "&")).status_code == 200


def test_the_chart_alone_is_a_part_and_else_leads_to_the_page(client: FlaskClient, stock: InstrumentRow) -> None:
    add_days(stock, walk(100))
    part = client.get(f"{PAGE}/chart?range=max", headers=HTMX).text
    assert part.startswith('<section id="chart"')
    assert "<html" not in part
    answer = client.get(f"{PAGE}/chart?range=max&compare=ACME")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/stocks/XNAS/ACME?range=max")
    assert client.get("/stocks/XNAS/NOPE/chart").status_code == 404


def test_when_the_stream_asks_for_its_block_no_chart_is_drawn(client: FlaskClient, stock: InstrumentRow) -> None:
    add_days(stock, walk(100))
    assert 'id="chart"' not in client.get(PAGE, headers=HTMX).text


def test_the_table_has_the_newest_first_in_pages(client: FlaskClient, stock: InstrumentRow) -> None:
    series = add_days(stock, walk(300))
    rows = rows_of(client.get(f"{PAGE}?range=max").text)
    assert rows[0][:6] == ["Day", "Open", "High", "Low", "Close", "30-week average"]
    assert rows[1][:5] == ["20 Nov 2026", *(f"{getattr(series, name)[-1]:.2f}" for name in ("open", "high", "low",
                                                                                              "close"))]
    assert len(rows) == 61
    last = rows_of(client.get(f"{PAGE}?range=max&page=5").text)
    assert last[-1][4] == f"{series.close[0]:.2f}"
    assert rows_of(client.get(f"{PAGE}?range=max&page=99").text) == last


def test_the_table_names_stages_splits_and_dividends(client: FlaskClient, stock: InstrumentRow) -> None:
    add_days(stock, walk(1500), splits=[Split(LAST, Decimal("1.5"))],
             dividends=[Dividend(LAST - dt.timedelta(days=1), Decimal("0.8200"))])
    rows = rows_of(client.get(f"{PAGE}?with=stages").text)
    assert rows[0][-2:] == ["Stage", "Split or dividend"]
    assert rows[1][-2] in {"1", "2", "3", "4"}
    assert rows[1][-1] == "3:2 split"
    assert rows[2][-1] == "dividend 0.82"
    assert rows[3][-1] == "—"


def test_todays_quote_is_the_last_bar_of_the_page(client: FlaskClient, stock: InstrumentRow) -> None:
    add_days(stock, walk(300), last=dt.date(2026, 11, 19))
    add_quote(stock, "77.25", source="tiingo", open="76.00", high="78.5", low="75.5", volume=1234)
    page = client.get(PAGE).text
    assert rows_of(page)[1][:5] == ["20 Nov 2026, so far", "76.00", "78.50", "75.50", "77.25"]
    assert "1,234" in rows_of(page)[1]
    live = re.search(r'id="s\d+" class="big"([^>]*)>', page)
    assert live is not None
    assert 'data-day="2026-11-20"' in live[1]
    assert 'data-price="77.25"' in live[1]


@pytest.mark.parametrize(("day", "source"), [(dt.date(2026, 11, 19), "tiingo"), (dt.date(2026, 11, 20), "simulator")])
def test_a_quote_of_a_day_that_is_known_or_of_another_kind_is_left_out(
        client: FlaskClient, stock: InstrumentRow, day: dt.date, source: str) -> None:
    series = add_days(stock, walk(300), last=dt.date(2026, 11, 19))
    add_quote(stock, "77.25", source=source, day=day)
    assert rows_of(client.get(PAGE).text)[1][4] == f"{series.close[-1]:.2f}"


def test_what_cannot_be_compared_is_said(client: FlaskClient, stock: InstrumentRow) -> None:
    add_days(stock, walk(100))
    add_stock("TWIN", "XNAS")
    add_stock("TWIN", "XLON", currency="GBP")
    add_stock("BARE")
    chart = chart_of(client.get(f"{PAGE}?compare=TWIN,%3Cb%3E,BARE,ACME").text)
    assert "TWIN may be several stocks: write " in chart
    assert "No stock &lt;B&gt; is known here." in chart
    assert "<b>" not in chart.lower().replace("<button", "")


def test_a_compared_stock_stands_in_legend_and_table(client: FlaskClient, stock: InstrumentRow) -> None:
    add_days(stock, walk(100))
    other = add_days(add_stock("TSCO", "XLON", currency="GBP"), walk(40, seed=2))
    text = client.get(f"{PAGE}?compare=XLON:TSCO").text
    assert "TSCO (in GBP)" in chart_of(text)
    assert "Compared in percent since the first day shown." in chart_of(text)
    rows = rows_of(text)
    column = rows[0].index("TSCO close")
    assert rows[1][column] == f"{other.close[-1]:.2f}"
    assert rows[45][column] == "—"


def test_the_csv_has_every_bar_with_its_figures(client: FlaskClient, stock: InstrumentRow) -> None:
    series = add_days(stock, walk(300), splits=[Split(LAST, Decimal(1) / 10)])
    answer = client.get(f"{PAGE}/chart.csv?range=max&with=rsi,stages")
    assert answer.headers["Content-Disposition"] == 'attachment; filename=ACME-XNAS-max-splits.csv'
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert len(rows) == 300
    assert list(rows[0]) == ["day", "open", "high", "low", "close", "rsi", "volume", "stage", "split", "dividend",
                             "symbol", "mic", "currency", "adjusted", "sources"]
    assert [Decimal(row["close"]) for row in rows[:-1]] == [Decimal(str(value)) * 10 for value in series.close[:-1]]
    assert rows[0]["rsi"] == ""
    assert 0 < float(rows[-1]["rsi"]) < 100
    assert (rows[-1]["split"], rows[-1]["day"], rows[-1]["adjusted"]) == ("1:10", "2026-11-20", "splits")


def test_a_symbol_that_is_a_formula_is_harmless_in_the_csv(client: FlaskClient) -> None:
    add_days(add_stock("=CMD"), walk(40))
    rows = csv.DictReader(io.StringIO(client.get("/stocks/XNAS/=CMD/chart.csv").text))
    assert next(rows)["symbol"] == "'=CMD"


def test_minutes_in_the_csv_say_their_time_zone(client: FlaskClient, stock: InstrumentRow) -> None:
    add_minutes(stock, dt.datetime(2026, 10, 30, 15, 0, tzinfo=dt.UTC), walk(3))
    add_minutes(stock, dt.datetime(2026, 11, 2, 15, 0, tzinfo=dt.UTC), walk(3, seed=2))
    rows = list(csv.DictReader(io.StringIO(client.get(f"{PAGE}/chart.csv?range=5d").text)))
    assert [row["time"] for row in rows] == [f"2026-10-30T11:0{minute}-04:00" for minute in range(3)] + [
        f"2026-11-02T10:0{minute}-05:00" for minute in range(3)]


@pytest.mark.parametrize("query", ["", "range=max&with=stages,week30,sma50,sma150,sma200,rs,rsi&scale=log",
                                   "compare=OTHER", "range=1d", "range=5d&compare=OTHER", "range=max&adjusted=none"])
def test_the_svg_is_whole_and_has_no_number_that_is_none(client: FlaskClient, stock: InstrumentRow,
                                                         query: str) -> None:
    other = add_stock("OTHER")
    for each, seed in ((stock, 1), (other, 2)):
        add_days(each, walk(1500, seed=seed), splits=[Split(dt.date(2024, 5, 6), Decimal(3))])
        add_minutes(each, dt.datetime(2026, 11, 20, 13, 0, tzinfo=dt.UTC), walk(500, seed=seed))
    answer = client.get(f"{PAGE}/chart.svg?{query}")
    assert answer.mimetype == "image/svg+xml"
    assert answer.headers["Content-Disposition"].startswith("attachment")
    tree = ElementTree.fromstring(answer.text)
    paths = {path.get("class"): path.get("d", "") for path in tree.iter(f"{SVG}path")}
    assert {"candle-up", "candle-down", "grid"} <= set(paths)
    assert not [path for path in paths.values() if "nan" in path or "inf" in path]
    assert next(each.text for each in tree.iter(f"{SVG}text")) == tree.get("aria-label")


def test_a_past_of_one_bar_or_of_one_price_is_drawn_too(client: FlaskClient, stock: InstrumentRow) -> None:
    add_days(stock, np.array([5.0]))
    assert client.get(f"{PAGE}?scale=log&with=rsi,rs,sma50").status_code == 200
    flat = add_stock("FLAT")
    add_days(flat, np.full(300, 0.0007))
    page = client.get("/stocks/XNAS/FLAT?range=max").text
    assert "0.00070" in page


def test_strangers_and_visitors_see_the_same_chart(visitor: Browser, stranger: Browser, stock: InstrumentRow) -> None:
    add_days(stock, walk(100))
    one, other = (chart_of(browser.get(PAGE).text) for browser in (visitor, stranger))
    assert one == other


def test_a_day_that_is_not_over_is_in_the_page_and_the_picture_but_not_in_the_csv(client: FlaskClient,
                                                                                 stock: InstrumentRow) -> None:
    add_days(stock, walk(300), last=dt.date(2026, 11, 19))
    add_quote(stock, "77.25", source="tiingo")
    assert "ACME, 19 Nov 2025 to 20 Nov 2026, so far: from " in client.get(PAGE).text
    assert "to 20 Nov 2026, so far: from " in client.get(f"{PAGE}/chart.svg").text
    rows = list(csv.DictReader(io.StringIO(client.get(f"{PAGE}/chart.csv").text)))
    assert rows[-1]["day"] == "2026-11-19"


def test_the_csv_of_everything_has_the_figures_of_the_json(client: FlaskClient, stock: InstrumentRow) -> None:
    add_days(stock, walk(600), dividends=[Dividend(LAST - dt.timedelta(days=200), Decimal("0.3"))])
    add_days(add_stock("SPY", "ARCX"), walk(700, seed=5))
    query = "range=max&adjusted=dividends&with=stages,week30,rs,sma50,rsi"
    rows = list(csv.DictReader(io.StringIO(client.get(f"{PAGE}/chart.csv?{query}").text)))
    data = client.get(f"{PAGE}/chart.json?{query}").get_json()
    columns = decoded(data)
    assert [row["close"] for row in rows] == [str(value) for value in columns["close"]]
    for name, line in data["lines"].items():
        expected = [None if value is None else Decimal(value).scaleb(-line["decimals"])
                    for value in added(line["steps"])]
        assert [Decimal(row[name]) if row[name] else None for row in rows] == expected, name
    weeks = data["weeks"]
    for name, column, places in (("average", "week30", data["decimals"]), ("mansfield", "rs", 4)):
        found = [Decimal(rows[index][column]) if rows[index][column] else None for index in added(weeks["at"])]
        assert found == [None if value is None else Decimal(value).scaleb(-places) for value in added(weeks[name])]
    assert any(row["rs"] for row in rows)


def test_adjusted_for_dividends_says_when_none_is_known(client: FlaskClient, stock: InstrumentRow) -> None:
    add_days(stock, walk(100))
    words = "No dividends of it are known here."
    assert words in client.get(f"{PAGE}?adjusted=dividends").text
    assert words not in client.get(PAGE).text
    add_days(stock, walk(101), dividends=[Dividend(LAST, Decimal("0.1"))])
    assert words not in client.get(f"{PAGE}?adjusted=dividends").text


def test_strength_says_against_what_or_why_there_is_none(client: FlaskClient, stock: InstrumentRow) -> None:
    add_days(stock, walk(500))
    words = "Nothing is known here that relative strength could be measured against"
    page = client.get(f"{PAGE}?with=rs").text
    assert words in page
    assert "not enough history" not in page
    fund = add_stock("SPY", "ARCX")
    add_days(fund, walk(60, seed=5))
    assert "No relative strength against SPY: too little history of the two" in client.get(f"{PAGE}?with=rs").text
    add_days(fund, walk(500, seed=5))
    assert "Relative strength against SPY" in client.get(f"{PAGE}?with=rs").text
    assert words in client.get("/stocks/ARCX/SPY?with=rs").text


def test_every_stock_that_is_not_drawn_is_told_of(client: FlaskClient, stock: InstrumentRow) -> None:
    add_days(stock, walk(300))
    add_stock("BARE")
    add_days(add_stock("FAKE"), walk(300), source="simulator")
    add_days(add_stock("YOUNG"), walk(40))
    chart = chart_of(client.get(f"{PAGE}?range=6m&compare=BARE,FAKE,YOUNG,ACME,FIFTH,SIXTH").text)
    for symbol in ("BARE", "FAKE"):
        assert f"{symbol} cannot be drawn beside it: there is no history of it here" in chart
    assert "YOUNG, from 28 Sep 2026 on" in chart
    assert "ACME is not compared with itself." in chart
    assert "Only 4 stocks are compared at a time; left out: FIFTH, SIXTH." in chart
