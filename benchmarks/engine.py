"""The data engine at scale: images a second, memory, scaling, and what an expert waits.

    python benchmarks/engine.py [--images 2000] [--workers 1 2] [--folder DIR] [--json FILE]

A COCO set of N images is written that refers to a few rendered rooms again and again, then
`n3d lift` and `n3d ask` run over it as commands of their own, for each number of workers. Rates
are those between the first finished shard and the last, so that starting does not count; memory is
sampled from /proc, that of the command itself and of its workers (the largest), and is flat where
the last quarter of that time peaks no higher than the first.
An expert that only sleeps is then put before the lift: what share of its own rate is left.

With --folder everything stays there, and the same command after a stop goes on from where it was;
figures are of what was done since. Without it, a run leaves nothing behind.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

from rich.console import Console
from rich.table import Table

from n3d import engine, synthetic
from n3d.pipelines import lifting, rooms
from n3d.scene import strict_json

EVERY = 0.1  # seconds between two samples
MOST_PER_SHARD = 256
RAN = "from n3d.apps.cli import main; main()"


# -- what is lifted -----------------------------------------------------------------------


def write_set(folder: Path, images: int, count: int) -> dict[str, Path]:
    """A COCO file of so many images, which are `count` rooms in turn; the paths by their names."""
    seeds = [synthetic.split_seed("test", i) for i in range(count)]
    paths = rooms.write(seeds, folder)
    made = strict_json.load(paths["annotations"])
    own: dict[int, list[dict]] = {}
    for a in made["annotations"]:
        own.setdefault(a["image_id"], []).append(a)
    paths["annotations"] = folder / f"annotations_{images}.json"
    number = 0
    with open(paths["annotations"], "w", encoding="utf-8") as f:
        f.write(f'{{"categories": {json.dumps(made["categories"])}, "images": [')
        for i in range(images):
            f.write(f"{',' if i else ''}\n{json.dumps(made['images'][i % count] | {'id': i + 1})}")
        f.write('], "annotations": [')
        for i in range(images):
            for a in own[made["images"][i % count]["id"]]:
                number += 1
                entry = a | {"id": number, "image_id": i + 1}
                f.write(f"{',' if number > 1 else ''}\n{json.dumps(entry)}")
        f.write("]}\n")
    return paths


# -- a command, watched ---------------------------------------------------------------------


@dataclass
class Watch:
    """What was seen of a command while it ran: (seconds, own MB, largest worker MB, shards)."""

    samples: list[tuple[float, float, float, int]] = field(default_factory=list)

    def rate(self, per_shard: int) -> float | None:
        """Records a second between the first shard and the last."""
        steps = [s for s in self.samples if s[3] > 0]
        if not steps or steps[-1][3] == steps[0][3]:
            return None
        end = next(s for s in steps if s[3] == steps[-1][3])
        return (end[3] - steps[0][3]) * per_shard / (end[0] - steps[0][0])

    def memory(self) -> dict[str, Any]:
        """Peaks, and those of the first and last quarter between the first shard and the last."""
        last = self.samples[-1][3]
        steps = [s for s in self.samples if 0 < s[3] < last] or self.samples
        quarter = max(1, len(steps) // 4)
        found: dict[str, Any] = {}
        for name, i in (("own", 1), ("worker", 2)):
            first, last = (max(s[i] for s in part) for part in (steps[:quarter], steps[-quarter:]))
            peak = max(s[i] for s in self.samples)
            found[name] = {"peak_mb": peak, "first_quarter_mb": first, "last_quarter_mb": last}
        return found


def watched(arguments: list[str], out: Path) -> Watch:
    """Run `n3d` with these arguments; its folder `out` tells how many shards are finished."""
    watch = Watch()
    before = _shards(out)
    began = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-c", RAN, *arguments], stdout=subprocess.DEVNULL)
    try:
        while process.poll() is None:
            own, worker = _resident(process.pid), 0.0
            for child in _children(process.pid):
                worker = max(worker, _resident(child))
            seconds = time.perf_counter() - began
            watch.samples.append((seconds, own, worker, _shards(out) - before))
            time.sleep(EVERY)
    except BaseException:
        process.send_signal(2)  # as Ctrl-C: it says how to go on
        process.wait()
        raise
    watch.samples.append((time.perf_counter() - began, 0.0, 0.0, _shards(out) - before))
    if process.returncode:
        raise SystemExit(f"n3d {' '.join(arguments[:2])} ended with {process.returncode}")
    return watch


def _shards(out: Path) -> int:
    with contextlib.suppress(OSError):
        return sum(name.endswith(".json") for name in os.listdir(out / "done"))
    return 0


def _resident(pid: int) -> float:
    """Megabytes of a process that are in memory; 0 where it is gone or nobody can tell."""
    with contextlib.suppress(OSError, StopIteration):
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        return int(next(x for x in lines if x.startswith("VmRSS")).split()[1]) / 1024
    return 0.0


def _children(pid: int) -> list[int]:
    with contextlib.suppress(OSError):
        return [int(p) for p in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []


def digest(folder: Path) -> str:
    """The sha256 of all files of a data set but its log."""
    found = hashlib.sha256()
    for path in sorted(p for p in folder.rglob("*") if p.is_file() and p.suffix != ".log"):
        found.update(path.relative_to(folder).as_posix().encode())
        found.update(path.read_bytes())
    return found.hexdigest()


# -- an expert that only sleeps -------------------------------------------------------------


@dataclass(frozen=True)
class Sleeper:
    """A stage that is as slow as an expert on a GPU and as dear to this processor: not at all."""

    seconds: float

    def __call__(self, pictures: Iterable[Any]) -> Iterator[Any]:
        for picture in pictures:
            time.sleep(self.seconds)
            yield picture


def beside_an_expert(paths: dict[str, Path], out: Path, seconds: float) -> dict[str, float]:
    """Images a second of lift and expert, each alone, and of both in one process."""
    job = lifting.job(
        "coco", paths["annotations"], paths["images"], depth=f"sensor:{paths['depth']}",
        per_shard=1000,
    )  # fmt: skip
    expert = engine.Link(Sleeper(seconds), kept=True)
    shard = next(iter(job.stream.shards())).open()
    list(job.stage(shard[:6]))  # compiled before the clock runs

    def rate(work: Callable[[], Any]) -> float:
        began = time.perf_counter()
        work()
        return len(shard) / (time.perf_counter() - began)

    lift = rate(lambda: list(job.stage(shard)))
    alone = rate(lambda: list(expert(shard)))
    chain = engine.chain(expert, job.stage)
    both = rate(lambda: engine.run(chain, job.stream, out, kind="scene", progress=False))
    return {"lift": lift, "alone": alone, "together": both, "share": both / alone}


# -- all of it ------------------------------------------------------------------------------


def run(options: argparse.Namespace, folder: Path, say) -> dict[str, Any]:
    paths = write_set(folder / "set", options.images, options.rooms)
    per_shard = min(MOST_PER_SHARD, max(8, options.images // 40))
    report: dict[str, Any] = {"images": options.images, "per_shard": per_shard, "runs": {}}
    digests: dict[str, set[str]] = {"lift": set(), "ask": set()}
    for workers in options.workers:
        scenes, questions = folder / f"scenes_{workers}", folder / f"questions_{workers}"
        shared = ["--workers", str(workers)]
        commands = {
            "lift": (scenes, [
                "lift", "coco", "--annotations", str(paths["annotations"]), "--images",
                str(paths["images"]), "--depth", f"sensor:{paths['depth']}", "--per-shard",
                str(per_shard), "--out", str(scenes), *shared,
            ]),
            "ask": (questions, ["ask", str(scenes), "--out", str(questions), *shared]),
        }  # fmt: skip
        for name, (out, arguments) in commands.items():
            say(f"n3d {name}, {workers} workers")
            watch = watched(arguments, out)
            told = {"images_per_s": watch.rate(per_shard), "seconds": watch.samples[-1][0]}
            report["runs"][f"{name} {workers}"] = told | watch.memory()
            digests[name].add(digest(out))
    report["same_bytes"] = {name: len(found) == 1 for name, found in digests.items()}
    if options.expert:
        say("lift behind an expert that sleeps")
        few = write_set(folder / "few", min(options.images, options.expert), options.rooms)
        target = folder / "behind"
        report["expert"] = beside_an_expert(few, target, options.seconds)
    return report


def show(report: dict[str, Any]) -> None:
    console = Console(width=110)
    table = Table(title=f"{report['images']} images, {report['per_shard']} to a shard")
    for name in ("", "images/s", "whole s", "own MB", "1st, last quarter", "worker MB",
                 "1st, last quarter"):  # fmt: skip
        table.add_column(name, justify="right" if name else "left")
    for name, told in report["runs"].items():
        rate = told["images_per_s"]
        cells = ["-" if rate is None else f"{rate:.1f}", f"{told['seconds']:.1f}"]
        for who in ("own", "worker"):
            m = told[who]
            cells.append(f"{m['peak_mb']:.0f}")
            cells.append(f"{m['first_quarter_mb']:.0f}, {m['last_quarter_mb']:.0f}")
        table.add_row(name, *cells)
    console.print(table)
    rates = {k: v["images_per_s"] for k, v in report["runs"].items() if v["images_per_s"]}
    for name, same in report["same_bytes"].items():
        found = {k.split()[1]: v for k, v in rates.items() if k.startswith(name)}
        one = found.pop("1", None)
        scaled = [f"{n} workers {v / one:.2f} times one" for n, v in found.items() if one]
        told = "the same bytes" if same else "DIFFERENT BYTES"
        console.print(f"{name}: {', '.join([*scaled, told])} for any number of workers")
    if "expert" in report:
        e = report["expert"]
        console.print(
            f"images/s of the lift {e['lift']:.1f}, of an expert that sleeps {e['alone']:.1f}, of "
            f"both in one process {e['together']:.1f}: {e['share']:.1%} of the expert's own"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--images", type=int, default=2000)
    parser.add_argument("--rooms", type=int, default=6, help="rendered rooms, used in turn")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--expert", type=int, default=200, help="images behind it; 0 for none")
    parser.add_argument("--seconds", type=float, default=0.1, help="that it sleeps an image")
    parser.add_argument("--folder", type=Path, help="where everything stays; a rerun resumes")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    say = Console(stderr=True).print
    with contextlib.ExitStack() as stack:
        folder = options.folder or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        report = run(options, folder, say)
    show(report)
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(report, indent=1) + "\n")
    if not all(report["same_bytes"].values()):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
