"""gunicorn's settings, and what a web process does at its start and end: gunicorn -c python:webapp.serving wsgi:app."""

import gc
import logging
import signal
from types import FrameType
from typing import Any

import gevent

from config import Config

_settings = Config()

bind = f"{_settings.HOST}:{_settings.PORT}"
workers = _settings.WEB_WORKERS
worker_class = "gevent"
worker_connections = 1000  # requests at once; a stream is none, once the hub has it
keepalive = 5
timeout = 60
graceful_timeout = 5
backlog = 4096
limit_request_line = 8190  # a stream names its stocks in its address
accesslog = None
loglevel = _settings.LOG_LEVEL
control_socket_disable = True
proc_name = "stagewatch-web"
forwarded_allow_ips = "127.0.0.1"


def post_worker_init(worker: Any) -> None:
    """Start the hub of this process, and see to its end."""
    from webapp.live.feed import Feed  # noqa: PLC0415 - only after gevent has patched the process
    from webapp.live.fragments import Renderer  # noqa: PLC0415
    from webapp.live.hub import Hub  # noqa: PLC0415
    from webapp.live.truth import DatabaseTruth  # noqa: PLC0415

    app = worker.app.callable
    settings: Config = app.config["SETTINGS"]
    hub = Hub(Renderer(app.jinja_env), window=settings.STREAM_WINDOW_MS / 1000,
              per_process=settings.STREAMS_PER_PROCESS, per_account=settings.STREAMS_PER_ACCOUNT,
              per_address=settings.STREAMS_PER_ADDRESS)
    feed = Feed(hub, app.extensions["redis"], DatabaseTruth(app))
    app.extensions["hub"], app.extensions["feed"] = hub, feed
    feed.start()
    # What is there now stays. To look through all of it for garbage would hold every page and stream for 60 ms.
    # Of what comes later, little is garbage either, and viewers would make each look longer.
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 50, 50)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT):
        _close_first(number, hub)


def _close_first(number: int, hub: Any) -> None:
    """Close the streams at once when the process is told to stop, then do what gunicorn does."""
    usual = signal.getsignal(number)

    def close(signum: int, frame: FrameType | None) -> None:
        logging.getLogger("webapp").info("closing %d streams", len(hub.viewers))
        gevent.spawn(hub.close)
        if callable(usual):
            usual(signum, frame)

    signal.signal(number, close)
