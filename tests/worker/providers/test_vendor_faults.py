"""Faults below the level of what a vendor says: whatever comes over the wire, it ends in time as the one error."""

from __future__ import annotations

import datetime as dt
import gzip
import importlib
import json
import logging
import pkgutil
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from config import Config
from tests.worker.providers import cases
from tests.worker.providers.case import Case
from tests.worker.providers.conftest import KEY, Vendor
from tests.worker.providers.wire import Act, chunk, head, packed, resets, sends
from worker.providers.base import ErrorKind, Provider, ProviderError
from worker.providers.http import MAX_BYTES, Client

CASES: dict[str, Case] = {module.name: importlib.import_module(f"{cases.__name__}.{module.name}").CASE
                          for module in pkgutil.iter_modules(cases.__path__)}
HUNDRED_MB = 100 * 1024 * 1024
DEADLINE = 0.5

# What a fault may be called, the answer to a 429 aside.
BAD = {ErrorKind.UNREACHABLE, ErrorKind.BROKEN_ANSWER}


def good(case: Case) -> bytes:
    """Return the vendor's good answer as it goes over the wire."""
    return case.answer.encode() if isinstance(case.answer, str) else json.dumps(case.answer).encode()


def make(case: Case, config: Callable[..., Config], url: str, deadline: float = 10.0) -> Provider:
    """Make the provider, with a key, against a server at `url`."""
    settings = config(**dict.fromkeys(case.keys, KEY), **{case.url: url})
    return case.make(settings, Client("The vendor", timeouts=(min(3.0, deadline), deadline * 0.8), deadline=deadline))


def price(provider: Provider, case: Case) -> str:
    """Return the one price that comes."""
    [quote] = provider.quotes([case.instrument], case.now, case.book)
    return str(quote.price)


def refusal(provider: Provider, case: Case) -> ProviderError:
    """Return the error, which tells nobody the key or the address."""
    with pytest.raises(ProviderError) as caught:
        provider.quotes([case.instrument], case.now, case.book)
    error = caught.value
    shown = f"{error.message} {error!r} {error.__cause__!r} {error.__context__!r}"
    assert KEY not in shown
    assert "http:" not in shown.lower()
    return error


@pytest.fixture(params=sorted(CASES))
def case(request: pytest.FixtureRequest) -> Case:
    """Each vendor."""
    return CASES[request.param]


@pytest.fixture(autouse=True)
def no_key_in_the_log(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Hold all that is logged, at every level, against the key."""
    caplog.set_level(logging.DEBUG)
    yield
    assert KEY not in caplog.text


# Answers that are right, however they are packed

WHOLE: dict[str, Callable[[bytes], bytes]] = {
    "gzip": lambda body: head(f"Content-Length: {len(packed(body))}", "Content-Encoding: gzip") + packed(body),
    "gzip in two parts": lambda body: head("Content-Encoding: gzip") + packed(body[:9]) + packed(body[9:]),
    "chunks": lambda body: head("Transfer-Encoding: chunked") + chunk(body[:7]) + chunk(body[7:]) + chunk(b""),
    "gzip in chunks": lambda body: head("Transfer-Encoding: chunked", "Content-Encoding: GZIP")
                                   + chunk(packed(body)) + chunk(b""),
    "HTTP/1.0 without a length": lambda body: head(version="1.0") + body,
    "a hundred first": lambda body: head(status="100 Continue") + head(f"Content-Length: {len(body)}") + body,
    "with a BOM": lambda body: head(f"Content-Length: {len(body) + 3}") + b"\xef\xbb\xbf" + body,
}


@pytest.mark.parametrize("way", WHOLE)
def test_a_whole_answer_is_read_however_it_is_packed(case: Case, vendor: Vendor, config: Callable[..., Config],
                                                     way: str) -> None:
    vendor.act = sends(WHOLE[way](good(case)))
    assert price(make(case, config, vendor.url), case) == case.price


# Answers that are not, and end at once

BROKEN: dict[str, Callable[[bytes], Act]] = {
    "nothing at all": lambda body: sends(b""),
    "a reset before a word": lambda body: resets(b""),
    "a reset within the head": lambda body: resets(head(f"Content-Length: {len(body)}")[:-9]),
    "a reset within the body": lambda body: resets(head(f"Content-Length: {len(body)}") + body[:len(body) // 2]),
    "a length that is too long": lambda body: sends(head(f"Content-Length: {len(body) + 1}") + body),
    "a length that is too short": lambda body: sends(head(f"Content-Length: {len(body) // 2}") + body),
    "two lengths": lambda body: sends(head("Content-Length: 5", f"Content-Length: {len(body)}") + body),
    "chunks that are cut off": lambda body: sends(head("Transfer-Encoding: chunked") + chunk(body)),
    "a chunk that is cut off": lambda body: sends(head("Transfer-Encoding: chunked") + chunk(body)[:-9]),
    "a chunk of no known length": lambda body: sends(head("Transfer-Encoding: chunked") + b"zz\r\n" + body),
    "HTTP/1.0 that is cut off": lambda body: sends(head(version="1.0") + body[:-2]),
    "gzip that is none": lambda body: sends(head("Content-Encoding: gzip") + body),
    "gzip that is cut off": lambda body: sends(head("Content-Encoding: gzip") + packed(body)[:-12]),
    "gzip without its checksum": lambda body: sends(head("Content-Encoding: gzip") + packed(body)[:-8]),
    "gzip with a wrong byte": lambda body: sends(head("Content-Encoding: gzip") + packed(body)[:-8] + bytes(8)),
    "gzip with something behind it": lambda body: sends(head("Content-Encoding: gzip") + packed(body) + b"more"),
    "a packing nobody knows": lambda body: sends(head("Content-Encoding: rot13") + body[::-1]),
    "an empty body": lambda body: sends(head("Content-Length: 0")),
    "no content": lambda body: sends(head(status="204 No Content")),
    "a head without end": lambda body: sends(head(*["X-More: 1"] * 200, f"Content-Length: {len(body)}") + body),
    "a line without end": lambda body: sends(head(f"X-More: {'1' * 100_000}", f"Content-Length: {len(body)}") + body),
    "another protocol": lambda body: sends(b"SSH-2.0-OpenSSH_9.6\r\n"),
    "a status that is none": lambda body: sends(head(status="OK") + body),
}


@pytest.mark.parametrize("fault", BROKEN)
def test_a_broken_answer_is_the_one_error_at_once(case: Case, vendor: Vendor, config: Callable[..., Config],
                                                  fault: str) -> None:
    vendor.act = BROKEN[fault](good(case))
    began = time.monotonic()
    error = refusal(make(case, config, vendor.url), case)
    if fault not in {"an empty body", "no content"}:
        assert error.kind in BAD
    assert not error.permanent or error.kind is ErrorKind.UNKNOWN_SYMBOL
    assert time.monotonic() - began < 5, "it took as long as the deadline"
    assert len(vendor.calls) == 1


def test_what_follows_a_length_that_is_too_short_is_not_the_next_answer(
        case: Case, vendor: Vendor, config: Callable[..., Config]) -> None:
    body = good(case)
    smuggled = head("Content-Length: 2") + b"{}"

    def act(handler: BaseHTTPRequestHandler) -> None:
        handler.close_connection = False
        handler.wfile.write(head(f"Content-Length: {len(body)}") + body + smuggled)

    vendor.act = act
    provider = make(case, config, vendor.url)
    assert [price(provider, case) for _ in range(3)] == [case.price] * 3
    assert len(vendor.calls) == 3


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_takes_the_key_to_no_other_host(case: Case, vendor: Vendor, config: Callable[..., Config],
                                                   status: int) -> None:
    other = Vendor()
    other.say(case.answer)
    try:
        for where in (other.url, other.url.replace("127.0.0.1", "localhost"), "/elsewhere", "//127.0.0.1"):
            vendor.say(case.answer, status, {"Location": where})
            assert refusal(make(case, config, vendor.url), case).kind is ErrorKind.BROKEN_ANSWER
    finally:
        other.stop()
    assert not other.calls
    assert len(vendor.calls) == 4


# Answers that are far too much

def floods(first: bytes, more: bytes, sent: list[int]) -> Act:
    """Send `first`, then `more` again and again until it is 100 MB; note how many bytes were taken."""
    def act(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(first)
        while sum(sent) < HUNDRED_MB:
            handler.wfile.write(more)
            sent.append(len(more))

    return act


@pytest.mark.parametrize(("first", "more"), [
    (head(f"Content-Length: {HUNDRED_MB}"), b" " * 65536), (head(version="1.0"), b" " * 65536),
    (head("Transfer-Encoding: chunked"), chunk(b" " * 65536))], ids=["with a length", "without", "in chunks"])
def test_a_hundred_megabytes_are_not_taken(case: Case, vendor: Vendor, config: Callable[..., Config], first: bytes,
                                           more: bytes) -> None:
    sent: list[int] = []
    vendor.act = floods(first, more, sent)
    assert refusal(make(case, config, vendor.url), case).kind is ErrorKind.BROKEN_ANSWER
    assert sum(sent) < MAX_BYTES + 20 * 1024 * 1024  # what the buffers between the two hold


@pytest.fixture(scope="module")
def bomb() -> bytes:
    """Return 100 MB of blanks, packed, and packed once more."""
    return gzip.compress(b" " * HUNDRED_MB, compresslevel=1)


def test_a_bomb_is_not_unpacked(case: Case, vendor: Vendor, config: Callable[..., Config], bomb: bytes) -> None:
    for raw, encoding in ((bomb, "gzip"), (gzip.compress(bomb), "gzip, gzip")):
        vendor.say(raw, headers={"Content-Encoding": encoding})
        began = time.monotonic()
        assert refusal(make(case, config, vendor.url), case).kind in BAD
        assert time.monotonic() - began < 5


# Answers that never end

def drips(start: bytes, drop: bytes) -> Callable[[Vendor], object]:
    """Begin with `start`, then send `drop` after `drop`, for ever."""
    return lambda vendor: vendor.drip(start, drop)


ENDLESS: dict[str, Callable[[Vendor], object]] = {
    "silence": lambda vendor: vendor.hang(),
    "a head that drips": drips(b"", b"H"),
    "header lines that drip": drips(b"HTTP/1.1 200 OK\r\nX: ", b"x"),
    "a body that drips": drips(head("Content-Length: 100000") + b"{", b" "),
    "a body without a length that drips": drips(head(version="1.0") + b"{", b" "),
    "chunks that drip": drips(head("Transfer-Encoding: chunked"), chunk(b" ")),
    "gzip that drips": drips(head("Content-Encoding: gzip") + gzip.compress(b"{")[:10], b"\x00\x00\x00\xff\xff"),
    "a hundred, and a hundred more": drips(b"", head(status="100 Continue")),
}


@pytest.mark.parametrize("fault", ENDLESS)
def test_an_answer_without_end_is_given_up_at_the_deadline(vendor: Vendor, config: Callable[..., Config],
                                                           fault: str) -> None:
    ENDLESS[fault](vendor)
    providers = [(make(case, config, vendor.url, DEADLINE), case) for case in CASES.values()]

    def ask(pair: tuple[Provider, Case]) -> tuple[ErrorKind, float]:
        began = time.monotonic()
        return refusal(*pair).kind, time.monotonic() - began

    with ThreadPoolExecutor(len(providers)) as pool:
        found = list(pool.map(ask, providers))
    assert {kind for kind, _ in found} == {ErrorKind.UNREACHABLE}
    assert max(seconds for _, seconds in found) < DEADLINE + 2
    assert 0 < len(vendor.calls) <= len(providers), "one was tried again"


def test_after_an_answer_without_end_the_next_call_is_right(case: Case, vendor: Vendor,
                                                            config: Callable[..., Config]) -> None:
    provider = make(case, config, vendor.url, DEADLINE)
    vendor.drip(head("Content-Length: 100000") + b"{", b" ")
    refusal(provider, case)
    vendor.say(case.answer)
    provider._client._deadline = 10.0  # type: ignore[attr-defined]
    assert price(provider, case) == case.price


# How long to wait

def in_an_hour() -> str:
    """Return the time of an hour from now as HTTP writes it."""
    return (dt.datetime.now(dt.UTC) + dt.timedelta(hours=1)).strftime("%a, %d %b %Y %H:%M:%S GMT")


@pytest.mark.parametrize(("text", "least", "most"), [
    ("90", 90, 3600), (in_an_hour, 3500, 3600), ("Wed, 21 Oct 2015 07:28:00 GMT", 1, 3600),
    ("", 1, 3600), ("soon", 1, 3600), ("-5", 1, 3600), ("1e9", 1, 3600), ("999999999", 1, 3600), ("١٢٠", 1, 3600),
    ("Fri, 31 Dec 9999 23:59:59 GMT", 1, 3600), ("Fri, 99 Dec 2026 99:99:99 GMT", 1, 3600)],
    ids=["seconds", "a date", "a date that is past", "nothing", "nonsense", "a negative", "a float", "years",
         "other digits", "a far date", "a date that is none"])
def test_a_refusal_says_how_long_to_wait_if_it_can_be_believed(
        case: Case, vendor: Vendor, config: Callable[..., Config], text: str | Callable[[], str], least: int,
        most: int) -> None:
    said = text() if callable(text) else text  # a date of when this file was read would be of minutes ago by now
    vendor.act = sends(head(f"Retry-After: {said}", "Content-Length: 0", status="429 Too Many Requests")
                       .decode().encode("utf-8"))
    error = refusal(make(case, config, vendor.url), case)
    assert error.kind in {ErrorKind.THROTTLED_MINUTE, ErrorKind.THROTTLED_HOUR, ErrorKind.THROTTLED_DAY}
    if error.kind is ErrorKind.THROTTLED_MINUTE:
        assert error.retry_after is not None
        assert least <= error.retry_after.total_seconds() <= most


# TLS

needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl to make a certificate")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a certificate that nobody but itself vouches for; its key is in the same file."""
    path = tmp_path_factory.mktemp("tls") / "own.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-days", "2", "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1",
                    "-keyout", str(path), "-out", str(path.with_suffix(".crt"))], check=True, capture_output=True)
    path.write_bytes(path.read_bytes() + path.with_suffix(".crt").read_bytes())
    return path


@pytest.fixture
def secure(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Vendor]:
    """A vendor behind TLS with that certificate."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    server = Vendor()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server.server.socket = context.wrap_socket(server.server.socket, server_side=True)
    server.url = server.url.replace("http:", "https:")
    yield server
    server.stop()


@needs_openssl
def test_a_certificate_that_nobody_vouches_for_ends_the_call_before_the_key_is_sent(
        case: Case, secure: Vendor, config: Callable[..., Config], certificate: Path,
        monkeypatch: pytest.MonkeyPatch) -> None:
    secure.say(case.answer)
    error = refusal(make(case, config, secure.url), case)
    assert (error.kind, error.message) == (ErrorKind.UNREACHABLE, "The vendor could not be reached.")
    assert not secure.calls
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    assert price(make(case, config, secure.url), case) == case.price
    wrong_name = make(case, config, secure.url.replace("127.0.0.1", "localhost"))
    assert refusal(wrong_name, case).kind is ErrorKind.UNREACHABLE
    assert len(secure.calls) == 1


def test_a_server_without_tls_is_no_server_with_it(case: Case, vendor: Vendor, config: Callable[..., Config]) -> None:
    vendor.say(case.answer)
    assert refusal(make(case, config, vendor.url.replace("http:", "https:")), case).kind is ErrorKind.UNREACHABLE
    assert not vendor.calls


def test_a_handshake_that_never_ends_is_given_up(config: Callable[..., Config],
                                                 monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    case: Any = CASES["finnhub"]
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        began = time.monotonic()
        error = refusal(make(case, config, f"https://127.0.0.1:{silent.getsockname()[1]}", DEADLINE), case)
    assert error.kind is ErrorKind.UNREACHABLE
    assert time.monotonic() - began < DEADLINE + 2
