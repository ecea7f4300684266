"""flask-sse as its documentation shows it: one Redis connection and one greenlet for each viewer.

A viewer subscribes to one channel for each stock of its list, in the query: /stream?ids=1,2,3.
"""

import os
from collections.abc import Iterator

from flask import Flask, Response, request, stream_with_context
from flask_sse import sse  # type: ignore[import-not-found,unused-ignore]

app = Flask(__name__)
app.config["REDIS_URL"] = os.environ["REDIS_URL"]
app.register_blueprint(sse, url_prefix="/own")


@app.get("/stream")
def stream() -> Response:
    """Send what is published on the channels of the list."""

    def events() -> Iterator[str]:
        for message in sse.messages(channel=request.args["ids"].split(",")):
            yield str(message)

    return Response(stream_with_context(events()), mimetype="text/event-stream")
