"""The stream process: builds the application, keeps the sockets, and ends within two seconds of being told to."""

import logging
import os
import signal
import socket
import threading
from types import FrameType

from redis import Redis

from config import Config
from worker.app import application
from worker.streams.loop import Streams, protocols_of

log = logging.getLogger(__name__)

# A statement may wait for a locked database for longer; what it would write is lost, which the next price mends.
LONGEST_GOODBYE = 1.0


def run(settings: Config, redis: Redis) -> None:
    """Keep the sockets until a signal asks to stop."""
    logging.getLogger("websocket").setLevel(logging.CRITICAL)  # it would write addresses, one of which has a key in it
    protocols = protocols_of(settings)
    log.info("Streams: %s", ", ".join(f"{one.title} ({one.most} stocks)" for one in protocols)
             or "none, for no vendor with a web socket has a key")
    with application().app_context():
        streams = Streams(protocols, redis, socket.gethostname())

        def end(_number: int, _frame: FrameType | None) -> None:
            streams.stop()
            alarm = threading.Timer(LONGEST_GOODBYE, os._exit, (0,))
            alarm.daemon = True
            alarm.start()

        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, end)
        streams.run()
