import gzip
import logging
import socket
import time

import pytest

from tests.worker.providers.conftest import KEY, Vendor
from worker.providers.base import ErrorKind, ProviderError
from worker.providers.http import MAX_BYTES, Client, unpack

PARAMS = {"apikey": KEY}
HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"


def quick() -> Client:
    return Client("The vendor", timeouts=(0.5, 0.3), deadline=0.5)


def refused(url: str) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        quick().get(f"{url}/query", PARAMS)
    return caught.value


def test_an_answer_comes_with_its_status_and_body(vendor: Vendor) -> None:
    vendor.say(b"no such thing", 404)
    answer = Client("The vendor").get(f"{vendor.url}/query", PARAMS)
    assert (answer.status, answer.body) == (404, b"no such thing")
    assert vendor.calls == [{"apikey": KEY}]


def test_a_packed_answer_is_unpacked(vendor: Vendor) -> None:
    vendor.say(gzip.compress(b"packed"), headers={"Content-Encoding": "gzip"})
    assert quick().get(f"{vendor.url}/query", PARAMS).body == b"packed"


def test_a_server_that_hangs_is_given_up(vendor: Vendor) -> None:
    vendor.hang()
    error = refused(vendor.url)
    assert (error.kind, error.permanent) == (ErrorKind.UNREACHABLE, False)
    assert error.message == "The vendor did not answer in time."


@pytest.mark.parametrize("start", [HEAD, b"", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"],
                         ids=["body", "headers", "chunks"])
def test_a_server_that_drips_for_ever_is_given_up(vendor: Vendor, start: bytes) -> None:
    vendor.drip(start, b"1\r\nx\r\n" if b"chunked" in start else b"x")
    began = time.monotonic()
    assert refused(vendor.url).kind is ErrorKind.UNREACHABLE
    assert time.monotonic() - began < 2


def test_after_a_server_that_dripped_the_next_call_works(vendor: Vendor) -> None:
    client = quick()
    vendor.drip(b"", b"x")
    with pytest.raises(ProviderError):
        client.get(vendor.url, PARAMS)
    vendor.say(b"well again")
    assert client.get(vendor.url, PARAMS).body == b"well again"


def test_a_huge_answer_is_not_read_to_its_end(vendor: Vendor) -> None:
    vendor.say(b"x" * (MAX_BYTES + 1))
    assert refused(vendor.url).kind is ErrorKind.BROKEN_ANSWER


def test_a_caller_says_how_large_an_answer_may_be(vendor: Vendor) -> None:
    vendor.say(b"x" * (MAX_BYTES + 1))
    assert len(quick().get(vendor.url, PARAMS, most=MAX_BYTES + 1).body) == MAX_BYTES + 1
    with pytest.raises(ProviderError) as caught:
        quick().get(vendor.url, PARAMS, most=MAX_BYTES)
    assert caught.value.kind is ErrorKind.BROKEN_ANSWER


def test_a_huge_packed_answer_is_not_unpacked_to_its_end(vendor: Vendor) -> None:
    vendor.say(gzip.compress(b"x" * 50_000_000), headers={"Content-Encoding": "gzip"})
    assert refused(vendor.url).kind is ErrorKind.BROKEN_ANSWER


def test_a_packed_list_that_is_cut_off_is_no_shorter_list(vendor: Vendor) -> None:
    rows = "".join(f"SYM{number},Company {number}\n" for number in range(5000))
    whole = gzip.compress(rows.encode())
    vendor.say(whole[:len(whole) // 2], headers={"Content-Encoding": "gzip"})
    assert refused(vendor.url).kind is ErrorKind.UNREACHABLE


def test_an_answer_of_countless_packed_parts_takes_no_time() -> None:
    with pytest.raises(ValueError, match="end as it should"):
        unpack(gzip.compress(b"") * 100_000, "gzip", MAX_BYTES)


def test_an_answer_that_breaks_off_is_no_answer(vendor: Vendor) -> None:
    vendor.act = lambda handler: handler.wfile.write(HEAD + b"half of it")
    assert refused(vendor.url).kind is ErrorKind.UNREACHABLE


@pytest.mark.parametrize("raw", [b"", b"nonsense\r\n\r\n",
                                 b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\nnot gzip"])
def test_what_is_not_http_is_unreachable(vendor: Vendor, raw: bytes) -> None:
    vendor.act = lambda handler: handler.wfile.write(raw)
    assert refused(vendor.url).kind is ErrorKind.UNREACHABLE


def test_nobody_listening_is_unreachable() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    error = refused(url)
    assert error.message == "The vendor could not be reached."


@pytest.mark.parametrize("url", ["http://", "http://[::bad", "gopher://x", "http://.."])
def test_an_address_that_is_none_is_unreachable(url: str) -> None:
    assert refused(url).kind is ErrorKind.UNREACHABLE


def test_a_redirect_is_not_followed(vendor: Vendor) -> None:
    vendor.say("", 302, {"Location": f"{vendor.url}/elsewhere"})
    assert quick().get(f"{vendor.url}/query", PARAMS).status == 302
    assert len(vendor.calls) == 1


def test_the_key_is_in_no_log_and_no_error(vendor: Vendor, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    for name in ("urllib3", "urllib3.connectionpool", "requests"):
        caplog.set_level(logging.DEBUG, logger=name)
    vendor.say(b"fine")
    client = quick()
    client.get(f"{vendor.url}/query", PARAMS)
    vendor.hang()
    error = refused(vendor.url)
    assert KEY not in caplog.text
    assert KEY not in repr(error) + str(error.__dict__) + repr(client)
    assert error.__context__ is None
    assert error.__cause__ is None
