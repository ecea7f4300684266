"""The instance folder: where one installation keeps its secret, its database, its logs and its socket."""

import os
import secrets
import sys
from pathlib import Path

from dotenv import load_dotenv

from config import ROOT, Config, ConfigError, env


class StartError(Exception):
    """Stagewatch cannot start; the message is one line that says what to do."""


def read_settings() -> Config:
    """Return the settings from the environment and the file `.env`, with the instance folder made ready."""
    load_dotenv(ROOT / ".env")
    try:
        make_folder(Path(env("INSTANCE_DIR", str(ROOT / "instance"))).resolve())
        return Config()
    except ConfigError as error:
        raise StartError(str(error)) from None


def make_folder(folder: Path) -> None:
    """Make the folder and its secret key, for the owner's eyes only."""
    try:
        for part in (folder, folder / "run", folder / "log", folder / "redis"):
            part.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)
        write_secret(folder / "secret_key")
        (folder / "run" / "writable").touch()
    except OSError as error:
        raise StartError(f"{error.filename or folder} cannot be written ({error.strerror}): make the folder {folder} "
                         "writable for you, or name another with INSTANCE_DIR.") from None


def write_secret(path: Path) -> None:
    """Write a new random key, unless one is there already."""
    if path.exists() and path.stat().st_size:
        return
    unfinished = path.with_suffix(".new")
    unfinished.unlink(missing_ok=True)
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(secrets.token_hex(32) + "\n")
    unfinished.replace(path)


if __name__ == "__main__":
    try:
        read_settings()
    except StartError as error:
        sys.exit(f"Stagewatch cannot be set up: {error}")
