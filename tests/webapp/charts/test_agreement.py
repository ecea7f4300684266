"""What a chart shows is what the analysis has stored: the same stages, averages and strength, week by week."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import numpy as np
import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from tests.factories import add_stock
from tests.webapp.charts.decoding import added
from tests.webapp.charts.past import LAST, NOW, add_days, walk
from webapp import clock
from webapp.analytics.series import to_day
from webapp.analytics.weeks import friday_of
from webapp.extensions import db
from webapp.models import InstrumentRow, StageWeek
from webapp.records import Split
from worker.jobs.analysis import analyse

THURSDAY = LAST - dt.timedelta(days=1)
PATH = "/stocks/XNAS/ACME/chart.json?range=max&with=stages,week30,rs"


@pytest.mark.parametrize(("last", "of_fund", "now"), [
    (LAST, LAST, NOW), (LAST, LAST, NOW - dt.timedelta(hours=3)),
    # The bar of the week's last session is on its way, of the stock or of what it is measured against; or never comes.
    (THURSDAY, LAST, NOW), (LAST, THURSDAY, NOW), (THURSDAY, THURSDAY, NOW + dt.timedelta(days=5))])
def test_chart_and_analysis_agree_week_by_week(client: FlaskClient, stock: InstrumentRow,
                                               monkeypatch: pytest.MonkeyPatch, last: dt.date, of_fund: dt.date,
                                               now: dt.datetime) -> None:
    monkeypatch.setattr(clock, "now", lambda: now)
    add_days(stock, walk(1000), last=last, splits=[Split(last - dt.timedelta(days=7), Decimal(4))])
    add_days(add_stock("SPY", "ARCX"), walk(1100, seed=5), last=of_fund)
    agree(client, stock)


def test_what_is_real_is_not_measured_against_what_is_made_up(client: FlaskClient, stock: InstrumentRow) -> None:
    add_days(stock, walk(600))
    add_days(add_stock("SPY", "ARCX"), walk(600, seed=5), source="simulator")
    assert set(agree(client, stock)) == {None}


def agree(client: FlaskClient, stock: InstrumentRow) -> list[float | None]:
    """Reckon, hold the chart against what was stored, and return Mansfield's strength."""
    analyse()
    stored = db.session.execute(select(StageWeek.week, StageWeek.stage, StageWeek.average, StageWeek.mansfield).where(
        StageWeek.instrument_id == stock.id).order_by(StageWeek.week)).all()
    data = client.get(PATH).get_json()
    at = added(data["at"])
    stages = {index: int(name) for first, last_, name in data["bands"] for index in range(first, last_ + 1)}
    weeks = added(data["weeks"]["at"])
    assert [to_day(friday) for friday in friday_of(np.array(at, np.int32)[weeks])] == [row.week for row in stored]
    assert [stages.get(index) for index in weeks] == [row.stage or None for row in stored]
    for name, places, column in (("average", data["decimals"], "average"), ("mansfield", 4, "mansfield")):
        found = [None if value is None else value / 10**places for value in added(data["weeks"][name])]
        expected = [getattr(row, column) for row in stored]
        assert [value is None for value in found] == [value is None for value in expected]
        assert [value for value in found if value is not None] == pytest.approx(
            [value for value in expected if value is not None], abs=0.6 * 10**-places)
    return [row.mansfield for row in stored]
