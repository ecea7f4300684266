"""The image's entry point: waits for the database, migrates once, and becomes the role it is given."""

import os
import secrets
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from config import ROOT, Config, ConfigError, env
from deploy import checks
from deploy.instance import StartError
from deploy.programs import PREPARE, ROLES, program_environment, raise_file_limit

PATIENCE_S = 60.0


def start(role: str) -> None:
    """Become the program of `role`, once the database and Redis answer and the database is up to date."""
    config = Config()
    if not config.REDIS_URL:
        raise StartError("REDIS_URL is missing: set it to the address of a Redis, such as redis://redis:6379/0")
    await_answer(lambda: checks.check_database(config))
    await_answer(lambda: checks.check_redis(config.REDIS_URL))
    environment = program_environment(config.REDIS_URL)
    # Containers that start at once take turns here: the command holds a lock in the database.
    if subprocess.run(PREPARE, cwd=ROOT, env=environment, check=False).returncode:
        raise StartError("the database cannot be brought up to date; the lines above say why.")
    raise_file_limit()
    os.chdir(ROOT)
    os.execve(ROLES[role][0], ROLES[role], environment)  # noqa: S606 - no shell is wanted


def await_answer(check: Callable[[], None]) -> None:
    """Repeat a check until it passes; after a minute let its complaint through."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            check()
        except StartError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.5)
        else:
            return


def write_secrets(folder: Path) -> None:
    """Write the secrets of a new installation, as files; those that are there stay as they are.

    The database's own image reads its password as another user, so the files are readable to whoever is
    given the volume; no other container is.
    """
    folder.mkdir(parents=True, exist_ok=True)
    password = keep(folder / "database_password", secrets.token_hex(24))
    keep(folder / "database_url", f"postgresql://stagewatch:{password}@database/stagewatch")
    keep(folder / "secret_key", secrets.token_hex(32))


def keep(path: Path, value: str) -> str:
    """Return what the file holds, after writing `value` into it if it is new."""
    if not path.exists():
        unfinished = path.with_suffix(".new")
        unfinished.write_text(value, encoding="utf-8")
        unfinished.chmod(0o444)
        unfinished.replace(path)
    return path.read_text(encoding="utf-8")


def main(arguments: list[str]) -> int:
    """Start a role; say in one line what prevents it."""
    roles = [*ROLES, "secrets"]
    if len(arguments) != 1 or arguments[0] not in roles:
        print(f"Say which role this container has: {', '.join(roles)}.", file=sys.stderr)
        return 2
    try:
        if arguments[0] == "secrets":
            write_secrets(Path(env("SECRETS_DIR", "/secrets")))
        else:
            start(arguments[0])
    except (StartError, ConfigError) as error:
        print(f"Stagewatch cannot start: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
