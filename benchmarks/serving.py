"""How many requests a served model answers, together and one at a time.

    python benchmarks/serving.py [--model n3d-mini] [--clients 1 8 64] [--requests 64] [--rounds 3]
                                 [--pictures 4] [--batch 16] [--json out/bench/serving.json]
    python benchmarks/serving.py --flood 1000      so many connections at once, and nothing else
    python benchmarks/serving.py --soak 10         memory over so many minutes, and nothing else

Two servers, `--batch 1` and `--batch N`, take the same requests in turn from so many clients, each
of which asks its next question when it has its answer: names of objects in rendered rooms. The
pictures were seen before, so what is measured is what is asked about them; `new picture` is the
first request about each, one at a time. Medians of the rounds.

A flood is met by a server with its own limits: each connection sends one request at the same time,
and is answered, refused (429 with Retry-After, or 503), or, if nothing comes within two minutes,
hung. In a soak eight clients ask about new pictures all the time; memory is flat where the server's
last quarter peaks no higher than its second.
"""

from __future__ import annotations

import argparse
import asyncio
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
from urllib.parse import urlsplit

os.environ.setdefault("OMP_NUM_THREADS", "1")

from rich.console import Console
from rich.table import Table

from n3d import synthetic
from n3d.pipelines import sending


class Served:
    """A server of its own."""

    def __init__(self, model: str, *options: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "n3d.apps.cli", "serve", "--model", model, "--port", "0",
             *options],
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

    def resident(self) -> float:
        """Megabytes of the process that are in memory."""
        lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        return int(next(x for x in lines if x.startswith("VmRSS")).split()[1]) / 1024

    def end(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(60)


def requests(pictures: int, first: int = 0) -> list[list[bytes]]:
    """For each picture the requests for its objects."""
    found = []
    with TemporaryDirectory() as folder:
        for k in range(first, first + pictures):
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


async def _one(url: str, body: bytes, begin: asyncio.Event) -> tuple[str, float]:
    """What becomes of one connection that waits with the others, and the seconds it took."""
    place = urlsplit(url)
    head = (
        f"POST /v1/ground HTTP/1.1\r\nHost: {place.netloc}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    try:
        reader, writer = await asyncio.open_connection(place.hostname, place.port)
    except OSError as e:
        return f"not connected ({type(e).__name__})", 0.0
    await begin.wait()
    began = time.perf_counter()
    try:
        writer.write(head.encode() + body)
        told = await asyncio.wait_for(reader.read(), 120)
        status = told.split(b" ", 2)[1].decode() if told else "closed"
        if status == "429" and b"retry-after" not in told.lower():
            status = "429 without Retry-After"
    except TimeoutError:
        status = "hung"
    except OSError as e:
        status = f"broken ({type(e).__name__})"
    finally:
        writer.close()
    return status, time.perf_counter() - began


async def _together(url: str, body: bytes, many: int) -> list[tuple[str, float]]:
    begin = asyncio.Event()
    tasks = [asyncio.create_task(_one(url, body, begin)) for _ in range(many)]
    await asyncio.sleep(2)
    begin.set()
    return await asyncio.gather(*tasks)


def flood(model: str, many: int, console: Console) -> dict[str, Any]:
    """What becomes of so many connections at once, and whether the server answers after them."""
    body = requests(1)[0][0]
    served = Served(model)
    try:
        served.ask(body)
        told = asyncio.run(_together(served.url, body, many))
        after = served.ask(body)
    finally:
        served.end()
    counts = {s: sum(t == s for t, _ in told) for s in sorted({t for t, _ in told})}
    longest = max(seconds for _, seconds in told)
    said = ", ".join(f"{n} x {status}" for status, n in counts.items())
    console.print(f"{many} connections: {said}; the last after {longest:.1f} s")
    console.print(f"a request after them: {after:.2f} s")
    return {"connections": many, "statuses": counts, "longest": longest, "after": after}


def soak(model: str, minutes: float, console: Console) -> dict[str, Any]:
    """The server's memory while clients ask about ever new pictures."""
    served = Served(model)
    samples: list[float] = []
    asked = 0
    try:
        end = time.monotonic() + 60 * minutes
        with ThreadPoolExecutor(8) as pool:
            first = 0
            while time.monotonic() < end:
                todo = [body for few in requests(6, first) for body in few]
                first += 6
                list(pool.map(served.ask, todo))
                asked += len(todo)
                samples.append(served.resident())
    finally:
        served.end()
    quarter = max(1, len(samples) // 4)
    second, last = max(samples[quarter : 2 * quarter]), max(samples[-quarter:])
    console.print(
        f"{asked} requests about {first} pictures in {minutes:g} minutes: at most "
        f"{second:.0f} MB in the second quarter, {last:.0f} MB in the last"
    )
    return {"requests": asked, "pictures": first, "second_quarter_mb": second, "last_mb": last}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--model", default="n3d-mini")
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 8, 64])
    parser.add_argument("--requests", type=int, default=64, help="Of each number of clients.")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--pictures", type=int, default=4)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--json", default="out/bench/serving.json")
    parser.add_argument("--flood", type=int, help="Connections at once.")
    parser.add_argument("--soak", type=float, help="Minutes of requests.")
    given = parser.parse_args()
    console = Console(width=100)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # the servers end with it
    out = Path(given.json)
    if given.flood is not None or given.soak is not None:
        if given.flood is not None:
            facts = flood(given.model, given.flood, console)
        else:
            facts = soak(given.model, given.soak, console)
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(json.dumps(facts, indent=1) + "\n")
        return
    asked = requests(given.pictures)
    every = [body for k in range(max(map(len, asked))) for few in asked for body in few[k : k + 1]]
    todo = [every[i % len(every)] for i in range(given.requests)]
    limits = ("--queue", "1024", "--keep", str(2 * given.pictures), "--timeout", "600")
    servers = {b: Served(given.model, "--batch", str(b), *limits) for b in (1, given.batch)}
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
    out.parent.mkdir(parents=True, exist_ok=True)
    facts = {"model": given.model, "new_picture_seconds": statistics.median(new),
             "known_picture_seconds": statistics.median(known), "rows": rows}  # fmt: skip
    out.write_text(json.dumps(facts, indent=1) + "\n")


if __name__ == "__main__":
    main()
