"""Behind a real nginx that speaks TLS and HTTP/2, as most sites are run."""

from __future__ import annotations

import shutil
import socket
import ssl
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.site import Site, free_port, wait_until

CONFIGURATION = """
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 512; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port} ssl http2;
        ssl_certificate {folder}/certificate.pem;
        ssl_certificate_key {folder}/key.pem;
        location / {{
            proxy_pass http://127.0.0.1:{backend};
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Host $http_host;
            proxy_set_header X-Forwarded-For $remote_addr;
            proxy_set_header X-Forwarded-Proto https;
        }}
    }}
}}
"""


def listens(port: int) -> bool:
    """Tell whether somebody takes connections on the port."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
def proxied(chromium: Browser, tmp_path: Path) -> Iterator[tuple[Site, str]]:
    """A site and its address behind nginx."""
    nginx, openssl = shutil.which("nginx") or "/usr/sbin/nginx", shutil.which("openssl")
    if not Path(nginx).exists() or openssl is None:
        pytest.skip("no nginx or no openssl on this machine")
    subprocess.run([openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
                    "-keyout", tmp_path / "key.pem", "-out", tmp_path / "certificate.pem"],
                   check=True, capture_output=True)
    with Site(tmp_path, TRUSTED_PROXIES="1") as site:
        site.start("web", "worker", "scheduler")
        port = free_port()
        file = tmp_path / "nginx.conf"
        file.write_text(CONFIGURATION.format(folder=tmp_path, port=port, backend=site.port))
        process = subprocess.Popen([nginx, "-c", file, "-e", tmp_path / "error.log"])
        wait_until(lambda: listens(port), 10, "nginx does not listen")
        yield site, f"https://localhost:{port}"
        process.terminate()
        process.wait(10)


def test_ten_visible_tabs_are_live_at_once_and_again_after_the_web_server_was_killed(
        chromium: Browser, proxied: tuple[Site, str]) -> None:
    site, address = proxied
    context = chromium.new_context(ignore_https_errors=True)
    pages = [context.new_page() for _ in range(10)]
    for page in pages:
        page.goto(f"{address}/stocks/XNAS/AAPL")
    for page in pages:
        expect(page.locator("#stream-status")).to_have_text("Live")
    protocol = "performance.getEntriesByType('navigation')[0].nextHopProtocol"
    assert pages[0].evaluate(protocol) == "h2"
    site.kill("web")
    time.sleep(1)  # nginx answers 502 meanwhile
    site.start("web")
    for page in pages:
        expect(page.locator("#stream-status")).to_have_text("Live")
    price = pages[-1].locator(".big .price")  # around midnight UTC only its line of extended hours moves
    before = price.inner_text()
    wait_until(lambda: price.inner_text() != before, 20, "the price does not move behind nginx")
    context.close()


def test_cookies_are_secure_and_frames_are_not_held_back(proxied: tuple[Site, str]) -> None:
    _, address = proxied
    trust = ssl._create_unverified_context()
    with urllib.request.urlopen(f"{address}/login", context=trust, timeout=10) as page:
        assert "Secure" in page.headers["Set-Cookie"]
        assert "Strict-Transport-Security" in page.headers
    # A proxy that buffers would hold so few bytes back until the connection ends, which it does not.
    with urllib.request.urlopen(f"{address}/live/stream?ids=1", context=trust, timeout=10) as stream:
        assert stream.read1(64).startswith(b"retry:")
