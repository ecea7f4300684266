"""Stagewatch's seed, as far as its fan-out goes: Django Channels, a consumer for each viewer.

Each tick goes to the group as one message with every stock. Each consumer asks the database which stocks its viewer has
picked, copies the message, removes the others, and dumps the rest as JSON.

python -m benchmarks.streams.peers.seed_site prepare VIEWERS PICKS STOCKS | publish STOCKS RATE SECONDS STAMPS
daphne serves `application`.
"""
# mypy: disable-error-code="import-not-found,import-untyped,misc,untyped-decorator,no-untyped-call"

import asyncio
import copy
import json
import os
import random
import sys
import time
from pathlib import Path
from typing import Any

import django
from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer
from channels.layers import get_channel_layer
from channels.routing import ProtocolTypeRouter, URLRouter
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.db import connection, models
from django.urls import re_path

from benchmarks.streams.stamps import Stamps

settings.configure(
    SECRET_KEY="only for a benchmark", ALLOWED_HOSTS=["*"], INSTALLED_APPS=["channels"], USE_TZ=True,
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": os.environ["SEED_DATABASE"]}},
    CHANNEL_LAYERS={"default": {"BACKEND": "channels_redis.core.RedisChannelLayer",
                                "CONFIG": {"hosts": [os.environ["SEED_REDIS"]], "capacity": 10_000}}})
django.setup()


class Pick(models.Model):
    """One stock on one viewer's list."""

    viewer = models.IntegerField(db_index=True)
    stock = models.CharField(max_length=12)

    class Meta:
        """Where Django finds it."""

        app_label = "seed"


class StockConsumer(AsyncWebsocketConsumer):
    """One viewer."""

    async def connect(self) -> None:
        """Join the group that hears every tick."""
        self.viewer = int(self.scope["url_route"]["kwargs"]["viewer"])
        await self.channel_layer.group_add("stocks", self.channel_name)
        await self.accept()

    async def disconnect(self, code: int) -> None:
        """Leave it."""
        await self.channel_layer.group_discard("stocks", self.channel_name)

    @database_sync_to_async
    def picked(self) -> set[str]:
        """Return the viewer's stocks."""
        return set(Pick.objects.filter(viewer=self.viewer).values_list("stock", flat=True))

    async def stock_update(self, event: dict[str, Any]) -> None:
        """Send the viewer its part of a tick."""
        picked = await self.picked()
        message = copy.copy(event["message"])
        for stock in list(message):
            if stock not in picked:
                del message[stock]
        await self.send(text_data=json.dumps({"version": event["version"], "stocks": message}))


application = ProtocolTypeRouter({
    "http": get_asgi_application(),
    "websocket": URLRouter([re_path(r"^lists/(?P<viewer>\d+)$", StockConsumer.as_asgi())])})


def prepare(viewers: int, picks: int, stocks: int) -> None:
    """Make the table, and a list for each viewer."""
    with connection.schema_editor() as editor:
        editor.create_model(Pick)
    chosen = random.Random(1)
    Pick.objects.bulk_create(Pick(viewer=viewer, stock=f"Q{number:05}") for viewer in range(viewers)
                             for number in chosen.sample(range(stocks), picks))


def make_tick(stocks: int) -> dict[str, dict[str, Any]]:
    """Return a price of every stock, with the fields that the seed's provider gave."""
    tick = {}
    for number in range(stocks):
        price = round(random.uniform(50, 500), 2)
        tick[f"Q{number:05}"] = {
            "Quote Price": price, "Previous Close": price - 1, "Open": price - 0.5, "Market Cap": "1.234T",
            "Volume": 1_234_567.0, "Day's Range": f"{price - 2} - {price + 2}"}
    return tick


async def publish(stocks: int, rate: float, seconds: float, stamps: Path) -> None:
    """Send a tick of all stocks `rate` times a second; its version is marked in `stamps`."""
    marks, layer = Stamps(stamps), get_channel_layer()
    began = following = time.monotonic()
    version = 0
    while time.monotonic() - began < seconds:
        following += 1 / rate
        await asyncio.sleep(max(0.0, following - time.monotonic()))
        version += 1
        tick = make_tick(stocks)
        marks.mark(version)
        await layer.group_send("stocks", {"type": "stock.update", "version": version, "message": tick})


if __name__ == "__main__":
    if sys.argv[1] == "prepare":
        prepare(*map(int, sys.argv[2:5]))
    else:
        asyncio.run(publish(int(sys.argv[2]), float(sys.argv[3]), float(sys.argv[4]), Path(sys.argv[5])))
