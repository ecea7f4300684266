"""Behind a real Caddy with the configuration that is shipped: TLS, and every frame at once."""

from __future__ import annotations

import os
import shutil
import ssl
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from http.client import HTTPResponse
from pathlib import Path

import pytest

from tests.site import ROOT, Site, free_port, wait_until

pytestmark = pytest.mark.server


@pytest.fixture
def proxied(tmp_path: Path) -> Iterator[tuple[Site, str]]:
    """A site and its address behind Caddy, which signs its certificate itself."""
    caddy = shutil.which("caddy")
    if caddy is None:
        pytest.skip("no Caddy on this machine")
    with Site(tmp_path, TRUSTED_PROXIES="1") as site:
        site.start("web", "worker", "scheduler")
        port = free_port()
        shipped = (ROOT / "deploy" / "Caddyfile").read_text()
        assert "reverse_proxy web:8000" in shipped
        here = shipped.replace("web:8000", f"127.0.0.1:{site.port}").replace(
            "{\n", f"{{\n\tadmin off\n\tskip_install_trust\n\thttp_port {free_port()}\n", 1)
        (tmp_path / "Caddyfile").write_text(here)
        environment = os.environ | {"SITE_ADDRESS": f"localhost:{port}", "HOME": str(tmp_path),
                                    "XDG_DATA_HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path)}
        with (tmp_path / "caddy.txt").open("wb") as log:
            process = subprocess.Popen([caddy, "run", "--config", str(tmp_path / "Caddyfile")], env=environment,
                                       stdout=log, stderr=log)
        try:
            address = f"https://localhost:{port}"
            wait_until(lambda: answers(address), 20, (tmp_path / "caddy.txt").read_text()[-2000:])
            yield site, address
        finally:
            process.terminate()
            process.wait(20)


def open_url(url: str) -> HTTPResponse:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    answer: HTTPResponse = urllib.request.urlopen(url, timeout=20, context=context)
    return answer


def answers(address: str) -> bool:
    try:
        return open_url(f"{address}/healthz").status == 200
    except OSError:
        return False


def test_frames_come_through_at_once_and_a_restart_of_the_web_server_is_waited_for(
        proxied: tuple[Site, str]) -> None:
    site, address = proxied
    stream = open_url(f"{address}/live/stream?ids=1,2,3")
    assert stream.headers["Content-Type"].startswith("text/event-stream")
    came: list[float] = []
    while len(came) < 3:
        line = stream.readline()
        assert line, "the stream ended"
        if line.startswith(b"event: quotes"):
            came.append(time.monotonic())
    assert came[2] - came[0] < 15, "frames are held back"
    site.kill("web")
    while stream.readline():
        pass  # the proxy ends what the web server has ended
    site.start("web")
    assert open_url(f"{address}/").status == 200
