"""One run of the analysis as a worker makes it, in a process of its own; the last line says what it took.

python -m benchmarks.stages.night DATABASE REDIS FOLDER NOW
"""

from __future__ import annotations

import datetime as dt
import json
import os
import sys
import time
from pathlib import Path

from tests.conftest import Settings
from webapp import clock
from webapp.app import create_app
from worker.jobs.analysis import analyse


def main(database: str, redis: str, folder: str, now: str) -> None:
    """Run it as if it were `now`."""
    moment = dt.datetime.fromisoformat(now)
    clock.now = lambda: moment
    app = create_app(Settings(Path(folder), redis, database))
    with app.app_context():
        before, began = os.times(), time.perf_counter()
        said = analyse()
        took, after = time.perf_counter() - began, os.times()
    print(json.dumps({"seconds": took, "cpu": sum(after[:4]) - sum(before[:4]), "said": said}))


if __name__ == "__main__":
    main(*sys.argv[1:])
