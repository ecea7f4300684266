"""The stream, over real HTTP, from the real processes."""

from __future__ import annotations

import os
import re
import signal
import socket
import time
from pathlib import Path

import pytest
import requests

from tests.server.conftest import Stream
from tests.site import Site, wait_until

pytestmark = pytest.mark.server


def front_ids(site: Site) -> str:
    found = re.search(r"ids=([\d,]+)", requests.get(site.url, timeout=5).text)
    assert found
    return found[1]


def exported(site: Site, *symbols: str) -> dict[str, dict[str, str]]:
    answer = requests.get(f"{site.url}/quotes.json", params={"symbols": ",".join(symbols)}, timeout=5).json()
    return {quote["symbol"]: quote for quote in answer["quotes"]}


def test_prices_move_by_themselves_and_are_those_of_the_database(site: Site) -> None:
    site.start("web", "worker", "scheduler")
    stream = Stream(f"{site.url}/live/stream?ids={front_ids(site)}")
    wait_until(lambda: len(stream.named("quotes")) >= 3, 20, "no three frames came")
    assert stream.response.headers["Content-Type"].startswith("text/event-stream")
    assert stream.response.headers["X-Accel-Buffering"] == "no"
    site.stop("scheduler")
    time.sleep(3)
    page = requests.get(site.url, timeout=5).text
    for number, price in stream.shown().items():
        assert re.search(rf"<td id=q{number}-price[^>]*>{re.escape(price)} ", page), f"{number}: {price}"
    versions = [int(event["id"]) for event in stream.named("quotes")]
    assert versions == sorted(versions)
    stream.close()


def test_a_reconnect_gets_only_what_changed_since(site: Site) -> None:
    site.start("web", "worker", "scheduler")
    url = f"{site.url}/live/stream?ids={front_ids(site)}"
    stream = Stream(url)
    wait_until(lambda: len(stream.named("quotes")) >= 2, 20, "no frames came")
    site.stop("scheduler")
    time.sleep(3)
    last = stream.named("quotes")[-1]["id"]
    stream.close()
    again, fresh = Stream(url, last_id=last), Stream(url)
    wait_until(lambda: fresh.named("quotes"), 5, "a stream without an id gets all rows")
    assert not again.named("quotes")
    again.close()
    fresh.close()


def test_pages_converge_within_five_seconds_after_redis_was_restarted(site: Site) -> None:
    site.start("web", "worker", "scheduler")
    stream = Stream(f"{site.url}/live/stream?ids={front_ids(site)}")
    wait_until(lambda: stream.named("quotes"), 20, "no frames came")
    site.redis.stop(kill=True)
    wait_until(lambda: stream.named("status") and stream.named("status")[-1]["data"] == "Reconnecting", 10,
               "the page is not told that the stream is away")
    for name in ("worker", "scheduler"):
        site.kill(name)
    site.redis.start()
    seen = len(stream.named("quotes"))
    site.start("worker", "scheduler")
    wait_until(lambda: stream.named("status")[-1]["data"] == "Live", 5, "the page is not told that it is live again")
    wait_until(lambda: len(stream.named("quotes")) > seen, 20, "the prices do not move again")
    stream.close()


def test_a_commit_whose_message_was_lost_still_reaches_the_page(site: Site) -> None:
    import sqlite3

    site.start("web", "worker", "scheduler")
    stream = Stream(f"{site.url}/live/stream?ids={front_ids(site)}")
    wait_until(lambda: stream.named("quotes"), 20, "no frames came")
    for name in ("scheduler", "worker"):
        site.stop(name)
    with sqlite3.connect(site.folder / "instance" / "stagewatch.db") as database:
        database.execute("UPDATE feed_version SET value = value + 1")
        database.execute("UPDATE quotes SET price = '4321.00', high = '5000', version = "
                         "(SELECT value FROM feed_version) WHERE instrument_id = 1")
    wait_until(lambda: stream.shown().get(1, "").startswith("4,321"), 5, "the page missed a commit")
    stream.close()


def test_a_stop_ends_every_stream_in_two_seconds_with_different_times_to_return(site: Site) -> None:
    site.start("web")
    streams = [Stream(f"{site.url}/live/stream?ids=1") for _ in range(20)]
    wait_until(lambda: all(stream.events for stream in streams), 5, "the streams did not begin")
    began = time.monotonic()
    site.kill("web", signal.SIGTERM)
    assert all(stream.ended.wait(2 - (time.monotonic() - began) + 0.5) for stream in streams)
    delays = {event["retry"] for stream in streams for event in stream.events if "retry" in event}
    assert len(delays) > 5


def test_streams_over_the_limit_get_503_and_a_time_to_retry(site: Site) -> None:
    site.environment["STREAMS_PER_ADDRESS"] = "2"
    site.start("web")
    streams = [Stream(f"{site.url}/live/stream?ids=1") for _ in range(3)]
    assert [stream.response.status for stream in streams] == [200, 200, 503]
    assert int(streams[2].response.headers["Retry-After"]) > 0
    streams[0].close()
    wait_until(lambda: requests.get(f"{site.url}/live/stream?ids=1", stream=True, timeout=5).status_code == 200, 5,
               "a place that was left is not given again")
    for stream in streams:
        stream.close()


def test_several_web_processes_share_the_port_and_each_serves_its_own_viewers(site: Site) -> None:
    site.environment["WEB_WORKERS"] = "2"
    site.start("web", "worker", "scheduler")
    ids = front_ids(site)
    streams = [Stream(f"{site.url}/live/stream?ids={ids}") for _ in range(40)]
    wait_until(lambda: all(len(stream.named("quotes")) >= 3 for stream in streams), 20, "a viewer got no frames")
    master = site.processes["web"].pid

    def both_have_viewers() -> bool:
        """Let some more come: one worker may still have been loading when the first did."""
        streams.extend(Stream(f"{site.url}/live/stream?ids={ids}") for _ in range(4))
        workers = Path(f"/proc/{master}/task/{master}/children").read_text().split()
        return len(workers) == 2 and all(sockets_of(int(worker)) > 12 for worker in workers)

    wait_until(both_have_viewers, 10, "one of them has no viewers")
    site.stop("scheduler")
    wait_until(lambda: len({tuple(sorted(stream.shown().items())) for stream in streams}) == 1, 10,
               "viewers of different processes are shown different prices")
    for stream in streams:
        stream.close()


def sockets_of(pid: int) -> int:
    return sum(os.readlink(entry).startswith("socket:") for entry in Path(f"/proc/{pid}/fd").iterdir()
               if entry.is_symlink())


@pytest.mark.parametrize("query", ["ids=1,x", "ids=-1", "ids=1&view=other", "ids=" + ",".join(["1"] * 1001)])
def test_a_stream_of_nonsense_is_refused(site: Site, query: str) -> None:
    site.start("web")
    assert requests.get(f"{site.url}/live/stream?{query}", timeout=5).status_code == 400


def test_a_list_as_long_as_any_is_watched(site: Site) -> None:
    site.start("web")
    ids = ",".join(str(number) for number in range(1_000_001, 1_001_001))
    stream = Stream(f"{site.url}/live/stream?ids={ids}")
    assert stream.response.status == 200
    stream.close()


def test_the_connection_is_the_hubs_alone_after_the_handover(site: Site) -> None:
    """Bytes that a client sends on its stream are no second request."""
    site.start("web")
    with socket.create_connection(("127.0.0.1", site.port), timeout=5) as connection:
        request = b"GET /live/stream?ids=1 HTTP/1.1\r\nHost: x\r\n\r\n"
        connection.sendall(request)
        time.sleep(0.5)
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        time.sleep(1)
        assert connection.recv(65536).count(b"HTTP/1.1") == 1


def test_a_page_that_was_signed_in_learns_that_it_no_longer_is(site: Site) -> None:
    site.start("web")
    stream = Stream(f"{site.url}/live/stream?ids=1&signed_in=1")
    wait_until(lambda: stream.named("signed-out"), 5, "the page is not told")
    assert stream.ended.wait(5)
