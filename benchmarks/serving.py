"""How many requests a served model answers, together and one at a time.

    python benchmarks/serving.py [--model n3d-mini] [--clients 1 8 64] [--requests 64] [--rounds 3]
                                 [--pictures 4] [--batch 16] [--json out/bench/serving.json]

Two servers, `--batch 1` and `--batch N`, take the same requests in turn from so many clients, each
of which asks its next question when it has its answer: names of objects in rendered rooms. The
pictures were seen before, so what is measured is what is asked about them; `new picture` is the
first request about each, one at a time. Medians of the rounds.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

from rich.console import Console
from rich.table import Table

from n3d import synthetic
from n3d.pipelines import sending


class Served:
    """A server of its own."""

    def __init__(self, model: str, batch: int, keep: int) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "n3d.apps.cli", "serve", "--model", model, "--port", "0",
             "--batch", str(batch), "--queue", "1024", "--keep", str(keep), "--timeout", "600"],
            stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert self.process.stdout is not None
        self.url = self.process.stdout.readline().split("/ ")[0]
        self.process.stdout.readline()

    def ask(self, body: bytes) -> float:
        """Seconds to the answer."""
        headers = {"Content-Type": "application/json"}
        begun = time.perf_counter()
        request = urllib.request.Request(f"{self.url}/v1/ground", body, headers)
        with urllib.request.urlopen(request, timeout=600) as f:
            f.read()
        return time.perf_counter() - begun

    def end(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(60)


def requests(pictures: int) -> list[list[bytes]]:
    """For each picture the requests for its objects."""
    found = []
    with TemporaryDirectory() as folder:
        for k in range(pictures):
            seed = synthetic.split_seed("test", k)
            made = synthetic.make(seed, synthetic.SceneConfig(width=320, height=240))
            paths = synthetic.write(made, Path(folder) / str(k))
            sent: dict[str, Any] = {
                name: sending.packed(paths[name].read_bytes(), "image/png")
                for name in ("image", "depth")
            }
            sent["camera"] = json.loads(paths["camera"].read_text())
            labels = dict.fromkeys(o.label for o in made.targets)
            found.append([json.dumps({**sent, "text": label}).encode() for label in labels])
    return found


def measured(served: Served, clients: int, todo: list[bytes]) -> tuple[float, list[float]]:
    """Requests a second, and the seconds of each."""
    begun = time.perf_counter()
    with ThreadPoolExecutor(clients) as pool:
        took = list(pool.map(served.ask, todo))
    return len(todo) / (time.perf_counter() - begun), took


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--model", default="n3d-mini")
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 8, 64])
    parser.add_argument("--requests", type=int, default=64, help="Of each number of clients.")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--pictures", type=int, default=4)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--json", default="out/bench/serving.json")
    given = parser.parse_args()
    console = Console(width=100)
    asked = requests(given.pictures)
    every = [body for k in range(max(map(len, asked))) for few in asked for body in few[k : k + 1]]
    todo = [every[i % len(every)] for i in range(given.requests)]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # the servers end with it
    servers = {b: Served(given.model, b, 2 * given.pictures) for b in (1, given.batch)}
    rows: list[dict[str, Any]] = []
    try:
        for served in servers.values():
            new = [served.ask(few[0]) for few in asked]
            known = [served.ask(few[0]) for few in asked]
        console.print(
            f"one at a time: a new picture {statistics.median(new):.3f} s, "
            f"a further request {statistics.median(known):.3f} s"
        )
        for clients in given.clients:
            # In turn, so that whatever else the machine does meets both.
            took = [{b: measured(s, clients, todo) for b, s in servers.items()}
                    for _ in range(given.rounds)]  # fmt: skip
            for batch in servers:
                rates = [one[batch][0] for one in took]
                gains = [one[batch][0] / one[1][0] for one in took]
                rows.append(
                    {"clients": clients, "batch": batch,
                     "requests_per_second": statistics.median(rates),
                     "against_one_at_a_time": statistics.median(gains),
                     "median_seconds": statistics.median(t for o in took for t in o[batch][1])}
                )  # fmt: skip
    finally:
        for served in servers.values():
            served.end()
    table = Table(title=f"{given.model}, {given.requests} requests, {given.pictures} pictures")
    for name in ("clients", "batch", "requests/s", "against batch 1", "median s"):
        table.add_column(name, justify="right")
    for row in rows:
        table.add_row(*(f"{v:.2f}" if isinstance(v, float) else str(v) for v in row.values()))
    console.print(table)
    out = Path(given.json)
    out.parent.mkdir(parents=True, exist_ok=True)
    facts = {"model": given.model, "new_picture_seconds": statistics.median(new),
             "known_picture_seconds": statistics.median(known), "rows": rows}  # fmt: skip
    out.write_text(json.dumps(facts, indent=1) + "\n")


if __name__ == "__main__":
    main()
