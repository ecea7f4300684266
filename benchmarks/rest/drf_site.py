"""The same answers from Django REST framework with its defaults: model serializers, its Response and renderers.

It reads Stagewatch's own tables, by models that Django does not manage; one row of a table for each bar is added, as
Django's way has it. Middleware, authentication and connections are those of a new project: each call opens its own
connection to the database. PEER_KEEPS_CONNECTIONS=yes keeps them open.

PEER_DATABASE is the database's address; gunicorn serves `application`.
"""
# mypy: disable-error-code="import-not-found,import-untyped,misc,no-untyped-call,no-any-return,assignment"
# ruff: noqa: D106

import os
from decimal import Decimal
from typing import Any
from urllib.parse import unquote, urlsplit

import django
from django.conf import settings

ADDRESS = os.environ["PEER_DATABASE"]
SQLITE = ADDRESS.startswith("sqlite")
KEEPS = os.environ.get("PEER_KEEPS_CONNECTIONS") == "yes"


def _database() -> dict[str, Any]:
    if SQLITE:
        return {"ENGINE": "django.db.backends.sqlite3", "NAME": ADDRESS.removeprefix("sqlite:///")}
    where = urlsplit(ADDRESS)
    query = dict(part.split("=", 1) for part in where.query.split("&") if part)
    return {"ENGINE": "django.db.backends.postgresql", "NAME": where.path.lstrip("/"), "USER": where.username or "",
            "PASSWORD": where.password or "", "HOST": unquote(query.get("host", where.hostname or "")),
            "PORT": str(where.port or "")}


settings.configure(
    SECRET_KEY="only for a benchmark", ALLOWED_HOSTS=["*"], ROOT_URLCONF=__name__, USE_TZ=True, TIME_ZONE="UTC",
    DATABASES={"default": _database() | {"CONN_MAX_AGE": None if KEEPS else 0}},
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions",
                    "django.contrib.messages", "rest_framework", "benchmarks.rest"],
    MIDDLEWARE=[f"django.{name}" for name in (
        "middleware.security.SecurityMiddleware", "contrib.sessions.middleware.SessionMiddleware",
        "middleware.common.CommonMiddleware", "middleware.csrf.CsrfViewMiddleware",
        "contrib.auth.middleware.AuthenticationMiddleware", "contrib.messages.middleware.MessageMiddleware",
        "middleware.clickjacking.XFrameOptionsMiddleware")],
    REST_FRAMEWORK={"DEFAULT_PAGINATION_CLASS": "rest_framework.pagination.PageNumberPagination", "PAGE_SIZE": 50})
django.setup()

from django.core.wsgi import get_wsgi_application  # noqa: E402 - Django reads its settings at the import
from django.db import models  # noqa: E402
from django.urls import path  # noqa: E402
from django.utils import timezone  # noqa: E402
from rest_framework import generics, serializers  # noqa: E402

EXCHANGES = {"XNAS": "NASDAQ", "XNYS": "NYSE", "XLON": "LSE", "XETR": "Xetra", "XTKS": "Tokyo"}
FIGURES = ("close", "average", "slope", "from_average", "mansfield", "strength", "high_52", "low_52", "from_high",
           "relative_volume", "week_volume", "base_high")


def amount() -> Any:
    """Return a column of prices: text in SQLite, as they are stored there."""
    return models.CharField(null=True) if SQLITE else models.DecimalField(max_digits=28, decimal_places=4, null=True)


class Instrument(models.Model):
    """A stock."""

    symbol, mic = models.CharField(max_length=24), models.CharField(max_length=4)
    name, currency = models.CharField(max_length=120), models.CharField(max_length=3)
    kind, sector = models.CharField(max_length=12), models.CharField(max_length=60)

    class Meta:
        app_label, managed, db_table = "rest", False, "instruments"


class Quote(models.Model):
    """Its newest price."""

    instrument = models.OneToOneField(Instrument, models.CASCADE, primary_key=True)
    version = models.BigIntegerField()
    price, previous_close, open, high, low, bid, ask, extended_price = (amount() for _ in range(8))
    as_of, extended_as_of, fetched_at, stale_at, closes_at = (models.DateTimeField(null=True) for _ in range(5))
    as_of_is_day = models.BooleanField()
    day, previous_day = models.DateField(null=True), models.DateField(null=True)
    volume = models.BigIntegerField(null=True)
    source, state, session = (models.CharField(max_length=32) for _ in range(3))
    sent_unit, delay, problem = (models.CharField(max_length=300) for _ in range(3))

    class Meta:
        app_label, managed, db_table = "rest", False, "quotes"


class Snapshot(models.Model):
    """Where it stands."""

    instrument = models.OneToOneField(Instrument, models.CASCADE, primary_key=True, related_name="snapshot")
    day, week, since, breakout = (models.DateField(null=True) for _ in range(4))
    close, average, slope, from_average, mansfield, strength = (models.FloatField(null=True) for _ in range(6))
    high_52, low_52, from_high, relative_volume = (models.FloatField(null=True) for _ in range(4))
    week_volume, base_high = models.FloatField(null=True), models.FloatField(null=True)
    stage, previous_stage, candidate, rs, template, evidence = (models.IntegerField(null=True) for _ in range(6))
    weeks = models.IntegerField()
    rated = models.BooleanField()
    benchmark, source = models.CharField(max_length=30), models.CharField(max_length=120)
    inputs_at, computed_at = models.DateTimeField(), models.DateTimeField()

    class Meta:
        app_label, managed, db_table = "rest", False, "snapshots"


class Bar(models.Model):
    """A day's prices: one row each."""

    instrument = models.ForeignKey(Instrument, models.CASCADE)
    day = models.DateField()
    open, high, low, close = (amount() for _ in range(4))
    volume = models.BigIntegerField(null=True)

    class Meta:
        app_label, managed, db_table = "rest", False, "peer_bars"


def text(number: Any) -> str | None:
    """Write a number."""
    return None if number is None else str(number)


class QuoteSerializer(serializers.ModelSerializer):
    """A quote with what belongs to it: the fields of Stagewatch's."""

    symbol, mic = serializers.CharField(source="instrument.symbol"), serializers.CharField(source="instrument.mic")
    name = serializers.CharField(source="instrument.name")
    currency = serializers.CharField(source="instrument.currency")
    stage = serializers.IntegerField(source="instrument.snapshot.stage")
    stage_since = serializers.DateField(source="instrument.snapshot.since")
    stage_weeks = serializers.IntegerField(source="instrument.snapshot.weeks")
    provisional_stage = serializers.IntegerField(source="instrument.snapshot.candidate")
    rs = serializers.IntegerField(source="instrument.snapshot.rs")
    stage_week = serializers.DateField(source="instrument.snapshot.week")
    key, exchange, change, change_percent = (serializers.SerializerMethodField() for _ in range(4))
    extended_change, extended_change_percent = (serializers.SerializerMethodField() for _ in range(2))
    as_of_precision, rs_kind, state = (serializers.SerializerMethodField() for _ in range(3))

    class Meta:
        model = Quote
        fields = ("key", "symbol", "mic", "exchange", "name", "currency", "price", "previous_close", "open", "high",
                  "low", "change", "change_percent", "volume", "bid", "ask", "extended_price", "extended_change",
                  "extended_change_percent", "extended_as_of", "as_of", "as_of_precision", "day", "state", "source",
                  "fetched_at", "problem", "version", "delay", "session", "previous_day", "sent_unit", "stage",
                  "stage_since", "stage_weeks", "provisional_stage", "rs", "rs_kind", "stage_week")

    def get_key(self, row: Quote) -> str:
        """Name the stock."""
        return f"{row.instrument.mic}:{row.instrument.symbol}"

    def get_exchange(self, row: Quote) -> str:
        """Name its exchange."""
        return EXCHANGES.get(row.instrument.mic, row.instrument.mic)

    def get_change(self, row: Quote) -> str | None:
        """Return the day's change."""
        if row.price is None or row.previous_close is None:
            return None
        return text(Decimal(row.price) - Decimal(row.previous_close))

    def get_change_percent(self, row: Quote) -> str | None:
        """Return it in percent."""
        if row.price is None or not row.previous_close:
            return None
        before = Decimal(row.previous_close)
        return text(((Decimal(row.price) - before) / before * 100).quantize(Decimal("0.0001")))

    def get_extended_change(self, row: Quote) -> str | None:
        """Return the change after hours."""
        return None if row.extended_price is None else text(Decimal(row.extended_price) - Decimal(row.price))

    get_extended_change_percent = get_extended_change

    def get_as_of_precision(self, row: Quote) -> str:
        """Say what as_of is."""
        return "day" if row.as_of_is_day else "instant"

    def get_rs_kind(self, row: Quote) -> str | None:
        """Say what rs is."""
        return "rating" if row.instrument.snapshot.rated else "rank in list"

    def get_state(self, row: Quote) -> str:
        """Say how fresh it is by now."""
        return "Stale" if row.stale_at is not None and row.stale_at < timezone.now() else row.state


class ScreenSerializer(QuoteSerializer):
    """A quote with all figures of the analysis."""

    kind, sector = serializers.CharField(source="instrument.kind"), serializers.CharField(source="instrument.sector")
    week = serializers.DateField(source="instrument.snapshot.week")
    close_day = serializers.DateField(source="instrument.snapshot.day")
    breakout = serializers.DateField(source="instrument.snapshot.breakout")
    previous_stage = serializers.IntegerField(source="instrument.snapshot.previous_stage")
    benchmark = serializers.CharField(source="instrument.snapshot.benchmark")
    history_source = serializers.CharField(source="instrument.snapshot.source")
    inputs_at = serializers.DateTimeField(source="instrument.snapshot.inputs_at")
    computed_at = serializers.DateTimeField(source="instrument.snapshot.computed_at")
    week_close, breakout_close, breakout_volume = (serializers.ReadOnlyField(default=None) for _ in range(3))
    breakout_above, breakout_average, breakout_doubled = (serializers.SerializerMethodField() for _ in range(3))
    template_met, template = serializers.SerializerMethodField(), serializers.SerializerMethodField()
    (close, average, slope, from_average, mansfield, strength, high_52, low_52, from_high, relative_volume,
     week_volume, base_high) = (serializers.FloatField(source=f"instrument.snapshot.{name}") for name in FIGURES)

    class Meta(QuoteSerializer.Meta):
        fields = (*QuoteSerializer.Meta.fields, "kind", "sector", "week", "week_close", "close", "close_day",
                  "previous_stage", "average", "slope", "from_average", "mansfield", "benchmark", "strength", "high_52",
                  "low_52", "from_high", "relative_volume", "week_volume", "template_met", "template", "breakout",
                  "base_high", "breakout_close", "breakout_volume", "breakout_above", "breakout_average",
                  "breakout_doubled", "history_source", "inputs_at", "computed_at")

    def get_template_met(self, row: Quote) -> int | None:
        """Count the conditions that are met."""
        bits = row.instrument.snapshot.template
        return None if bits is None else bits.bit_count()

    def get_template(self, row: Quote) -> str | None:
        """Return the eight conditions."""
        bits = row.instrument.snapshot.template
        return None if bits is None else f"{bits:08b}"[::-1]

    def _sign(self, row: Quote, bit: int) -> str | None:
        found = row.instrument.snapshot
        return None if found.breakout is None else "yes" if (found.evidence or 0) & bit else "no"

    def get_breakout_above(self, row: Quote) -> str | None:
        """Return the first sign of a breakout."""
        return self._sign(row, 1)

    def get_breakout_average(self, row: Quote) -> str | None:
        """Return the second."""
        return self._sign(row, 2)

    def get_breakout_doubled(self, row: Quote) -> str | None:
        """Return the third."""
        return self._sign(row, 4)


class BarSerializer(serializers.ModelSerializer):
    """A bar."""

    time, session = serializers.ReadOnlyField(default=None), serializers.ReadOnlyField(default=None)

    class Meta:
        model = Bar
        fields = ("day", "time", "session", "open", "high", "low", "close", "volume")


class OneQuote(generics.RetrieveAPIView):
    """A quote."""

    queryset = Quote.objects.select_related("instrument__snapshot")
    serializer_class = QuoteSerializer

    def get_object(self) -> Quote:
        """Find it by XNAS:AAPL."""
        mic, _, symbol = self.kwargs["stock"].partition(":")
        return generics.get_object_or_404(self.get_queryset(), instrument__mic=mic, instrument__symbol=symbol)


class ManyQuotes(generics.ListAPIView):
    """Several quotes."""

    queryset = Quote.objects.select_related("instrument__snapshot")
    serializer_class = QuoteSerializer
    pagination_class = None

    def get_queryset(self) -> Any:
        """Find them by their keys."""
        wanted = models.Q()
        for stock in self.request.query_params["symbols"].split(","):
            mic, _, symbol = stock.partition(":")
            wanted |= models.Q(instrument__mic=mic, instrument__symbol=symbol)
        return super().get_queryset().filter(wanted)


class Bars(generics.ListAPIView):
    """A year of bars."""

    serializer_class = BarSerializer
    pagination_class = None

    def get_queryset(self) -> Any:
        """Find them by the stock's key, from a day on."""
        mic, _, symbol = self.kwargs["stock"].partition(":")
        return Bar.objects.filter(instrument__mic=mic, instrument__symbol=symbol,
                                  day__gte=self.request.query_params["from"]).order_by("day")


class Screener(generics.ListAPIView):
    """A page of the screener, with the count of all."""

    queryset = Quote.objects.select_related("instrument__snapshot")
    serializer_class = ScreenSerializer

    def get_queryset(self) -> Any:
        """Find those in a stage, the strongest first."""
        return super().get_queryset().filter(instrument__snapshot__stage=self.request.query_params["stage"]).order_by(
            models.F("instrument__snapshot__rs").desc(nulls_last=True), "instrument_id")


urlpatterns = [
    path("api/v1/quotes/<str:stock>", OneQuote.as_view()), path("api/v1/quotes", ManyQuotes.as_view()),
    path("api/v1/instruments/<str:stock>/bars", Bars.as_view()), path("api/v1/screener", Screener.as_view())]
application = get_wsgi_application()
