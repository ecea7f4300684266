"""What Stagewatch is measured against and needs no Python packages: the floor, and Nchan inside nginx."""

from __future__ import annotations

import resource
import shutil
from pathlib import Path

from benchmarks.streams.machine import SERVER_CORE, BenchmarkError, Process, free_port, listens, wait_until

NGINX = """
load_module {module};
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/nginx.txt error;
user root;
events {{ worker_connections {files}; }}
http {{
    access_log off;
    tcp_nodelay on;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    nchan_shared_memory_size 512M;
    nchan_message_buffer_length 2;
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        location = /publish {{ nchan_publisher; nchan_channel_id $arg_id; keepalive_requests 1000000; }}
        location ~ ^/lists/(.*)$ {{
            nchan_subscriber eventsource;
            nchan_channel_id $1;
            nchan_channel_id_split_delimiter ",";
            nchan_subscriber_first_message newest;
        }}
    }}
}}
"""
MODULES = ("/usr/lib/nginx/modules", "/usr/lib64/nginx/modules", "/usr/local/lib/nginx/modules", "/etc/nginx/modules")


class Floor:
    """The C program that only writes."""

    name = "floor"
    stamp_mark, row_mark, conflates = "id: ", "<li id=t", False

    def __init__(self, folder: Path, viewers: int, rate: float, frame: Path, stamps: Path) -> None:
        self.port = free_port()
        self._process = Process([folder / "write_floor", str(self.port), str(viewers), str(rate), "600", frame, stamps],
                                SERVER_CORE, folder / "floor.txt")
        self.web = self._process.pid
        # It takes exactly its viewers, so its port is found in the system's list and not by a connection.
        wait_until(lambda: f":{self.port:04X} " in Path("/proc/net/tcp").read_text(), 10, "the floor did not start")

    def stop(self) -> None:
        """End it."""
        self._process.stop()


class Nchan:
    """nginx with Debian's libnginx-mod-nchan; one worker, whose cost is measured."""

    name = "Nchan"
    stamp_mark, row_mark, conflates = "v=", "<li id=t", False

    def __init__(self, folder: Path) -> None:
        nginx = shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")
        module = next((path for place in MODULES if (path := Path(place) / "ngx_nchan_module.so").exists()), None)
        if nginx is None or module is None:
            raise BenchmarkError("not installed: apt install nginx libnginx-mod-nchan")
        self.port = free_port()
        settings = folder / "nginx.conf"
        files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        settings.write_text(NGINX.format(module=module, folder=folder, port=self.port, files=files))
        self._process = Process([nginx, "-c", settings, "-p", folder], SERVER_CORE, folder / "nginx-start.txt")
        wait_until(lambda: listens(self.port), 10, f"nginx did not start: {folder}/nginx.txt")
        self.web = self._process.child()

    def request(self, channels: list[str]) -> list[str]:
        """Return what a viewer of these channels sends."""
        return [f"GET /lists/{','.join(channels)} HTTP/1.1", "Host: 127.0.0.1", "Accept: text/event-stream"]

    def stop(self) -> None:
        """End it."""
        self._process.stop()
