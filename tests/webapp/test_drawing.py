"""The geometry of sparklines and range bars."""

from decimal import Decimal

from webapp.drawing import range_place, spark
from webapp.records import LiveQuote

from .test_filters import row


def with_path(*prices: str, close: str | None = None) -> LiveQuote:
    live = row(prices[-1], previous_close=Decimal(close) if close else None)
    return LiveQuote(live.instrument, 1, live.quote, spark=prices)


def test_a_path_fills_the_box_from_left_to_right() -> None:
    path = spark(with_path("10", "12", "11"))
    assert path is not None
    assert (path.points, path.base) == ("0,24 50,0 100,12", None)


def test_the_previous_close_is_part_of_the_scale() -> None:
    path = spark(with_path("10", "12", close="14"))
    assert path is not None
    assert (path.points, path.base) == ("0,24 100,12", 0)


def test_a_path_without_movement_runs_through_the_middle() -> None:
    path = spark(with_path("10", "10", "10", close="10"))
    assert path is not None
    assert (path.points, path.base) == ("0,12 50,12 100,12", 12)


def test_points_inside_a_level_stretch_are_dropped() -> None:
    path = spark(with_path("10", "10", "10", "10", "12"))
    assert path is not None
    assert path.points == "0,24 75,24 100,0"


def test_one_price_is_no_path() -> None:
    assert spark(with_path("10")) is None


def test_the_price_has_its_place_in_the_days_range() -> None:
    assert range_place(row("11", low=Decimal(10), high=Decimal(12))) == 50
    assert range_place(row("15", low=Decimal(10), high=Decimal(12))) == 100
    assert range_place(row("10", low=Decimal(10), high=Decimal(10))) is None
    assert range_place(row("10")) is None
