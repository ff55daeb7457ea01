"""Disk format: speed and size of depth codecs, of scene shards, and of an engine run.

    python benchmarks/shards.py [--depth PNG ...] [--json out/bench/shards.json]

Depth is that of rendered 640x480 rooms with sensor noise, or of 16-bit PNGs in millimetres.
All codecs of one row run in turn, frame by frame, so that a busy machine slows all of them;
times are medians and end with float32 metres in memory.
"""

from __future__ import annotations

import argparse
import dataclasses
import io
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from rich.console import Console
from rich.table import Table

from n3d import engine
from n3d.scene import Picture, Scene, depths, records, shards
from n3d.synthetic import scenes

Coded = tuple[int, Callable[[], np.ndarray]]  # bytes, and the decoder of them
VIEWS = 6
SCENES = 400
NAMES = {"codec", "file", "way"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--depth", type=Path, nargs="*", help="16-bit PNGs in millimetres")
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    rendered = [scenes.make(seed) for seed in range(VIEWS)]
    if options.depth:
        frames = [np.asarray(Image.open(p)).astype(np.float32) / 1000 for p in options.depth]
    else:
        frames = [r.rgbd.depth for r in rendered]
    with tempfile.TemporaryDirectory() as folder:
        result = {
            "depth": depth_codecs(frames, options.repeats),
            "shards": shard_files([r.scene for r in rendered], Path(folder), options.repeats),
            "pictures": picture_files([r.picture for r in rendered], Path(folder), options.repeats),
            "engine": engine_runs(Path(folder)),
        }
    show(result)
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(result, indent=1) + "\n")


# -- depth --------------------------------------------------------------------------------


def png(depth: np.ndarray) -> Coded:
    data = saved(lambda f: Image.fromarray(np.rint(depth * 1000).astype(np.uint16)).save(f, "png"))
    return coded(data, lambda: np.asarray(Image.open(io.BytesIO(data))) * np.float32(1e-3))


def deflated(depth: np.ndarray, dtype: type) -> Coded:
    unit = np.float32(1000 if dtype is np.uint16 else 1)
    stored = np.rint(depth * unit).astype(dtype) if dtype is np.uint16 else depth.astype(dtype)
    data = saved(lambda f: np.savez_compressed(f, depth=stored))
    return coded(data, lambda: np.load(io.BytesIO(data))["depth"].astype(np.float32) / unit)


def raw(depth: np.ndarray) -> Coded:
    data = saved(lambda f: np.save(f, depth))
    return coded(data, lambda: np.load(io.BytesIO(data)))


def ours(depth: np.ndarray) -> Coded:
    data, scale = depths.depth_to_bytes(depth)
    return coded(data, lambda: depths.depth_from_bytes(data, scale, depth.shape))


CODECS: dict[str, Callable[[np.ndarray], Coded]] = {
    "16-bit PNG, Pillow": png,
    "deflated npz, float16 m": lambda d: deflated(d, np.float16),
    "deflated npz, uint16 mm": lambda d: deflated(d, np.uint16),
    "npy, float32 m": raw,
    "n3d shard, uint16 steps": ours,
}


def saved(save: Callable[[io.BytesIO], Any]) -> bytes:
    out = io.BytesIO()
    save(out)
    return out.getvalue()


def coded(data: bytes, decode: Callable[[], np.ndarray]) -> Coded:
    return len(data), decode


def depth_codecs(frames: list[np.ndarray], repeats: int) -> list[dict[str, Any]]:
    decoders = {name: [make(f) for f in frames] for name, make in CODECS.items()}
    seconds: dict[str, list[float]] = {name: [] for name in CODECS}
    for _ in range(repeats):
        for i in range(len(frames)):
            for name in CODECS:
                seconds[name].append(timed(decoders[name][i][1]))
    rows = []
    for name in CODECS:
        errors = [np.abs(d().astype(float) - f).max() for (_, d), f in zip(decoders[name], frames)]
        encode = statistics.median(timed(lambda f=f: CODECS[name](f)) for f in frames)  # noqa: B023
        rows.append(
            {
                "codec": name,
                "decoded_per_s": 1 / statistics.median(seconds[name]),
                "encoded_per_s": 1 / encode,
                "bytes": statistics.mean(size for size, _ in decoders[name]),
                "largest_error_mm": 1000 * max(errors),
            }
        )
    slowest = rows[0]["decoded_per_s"]
    return [{**row, "times_png": row["decoded_per_s"] / slowest} for row in rows]


# -- shards -------------------------------------------------------------------------------


def shard_files(rendered: list[Scene], folder: Path, repeats: int) -> list[dict[str, Any]]:
    rows = []
    for name, change in (("with masks", lambda o: o), ("without masks", without_region)):
        made = [
            Scene(f"{i}", s.picture_id, tuple(map(change, s.objects)), s.up, s.source, s.licence)
            for i, s in enumerate(rendered * (SCENES // len(rendered)))
        ]
        objects = sum(len(s.objects) for s in made) / len(made)
        for way, write, read in (
            ("n3d shard", shards.write, shards.read),
            ("JSON lines", write_lines, read_lines),
        ):
            speeds = file_speeds(folder / way, made, write, read, max(repeats // 5, 3))
            rows.append({"file": f"{way}, {name}", **speeds, "objects_each": objects})
    return rows


def file_speeds(
    path: Path,
    made: list[Any],
    write: Callable[[Path, list[Any]], Any],
    read: Callable[[Path], Iterable[Any]],
    repeats: int,
) -> dict[str, float]:
    written = median(lambda: write(path, made), repeats)
    found = median(lambda: drain(read(path)), repeats)
    n = len(made)
    return {
        "written_per_s": n / written,
        "read_per_s": n / found,
        "bytes_each": path.stat().st_size / n,
    }


def without_region(thing: Any) -> Any:
    return dataclasses.replace(thing, region=None)


def write_lines(path: Path, made: Iterable[Scene]) -> None:
    path.write_text("".join(json.dumps(records.to_json(s)) + "\n" for s in made))


def read_lines(path: Path) -> Iterable[Scene]:
    with open(path) as f:
        for line in f:
            yield records.from_json(Scene, json.loads(line))


def picture_files(made: list[Picture], folder: Path, repeats: int) -> list[dict[str, Any]]:
    path = folder / "pictures.parquet"
    speeds = file_speeds(path, made, shards.write, shards.read, max(repeats // 5, 3))
    return [{"file": "n3d shard, 640x480 PNG and depth", **speeds}]


def engine_runs(folder: Path) -> list[dict[str, Any]]:
    """Scenes through a stage that passes them on: what a run costs besides its stage."""
    made = [scenes.make(seed).scene for seed in range(2)] * 150
    source = engine.Items(made, per_shard=50)

    def run(workers: int) -> None:
        with tempfile.TemporaryDirectory(dir=folder) as out:
            engine.run(passed_on, source, out, kind="scene", workers=workers, progress=False)

    ways = {
        "shards.write alone": lambda: shards.write(folder / "alone", made),
        "engine, in this process": lambda: run(1),
        "engine, 2 processes and their start": lambda: run(2),
    }
    return [{"way": name, "scenes_per_s": len(made) / median(way, 3)} for name, way in ways.items()]


def passed_on(found: Iterable[Scene]) -> Iterable[Scene]:
    return found


# -- measuring and showing ----------------------------------------------------------------


def timed(function: Callable[[], Any]) -> float:
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def median(function: Callable[[], Any], repeats: int) -> float:
    return statistics.median(timed(function) for _ in range(repeats))


def drain(things: Iterable[Any]) -> None:
    for _ in things:
        pass


def show(result: dict[str, list[dict[str, Any]]]) -> None:
    console = Console()
    for title, rows in result.items():
        table = Table(title=title, box=None, title_justify="left", header_style="dim")
        for name in rows[0]:
            table.add_column(name.replace("_", " "), justify="left" if name in NAMES else "right")
        for row in rows:
            table.add_row(*(f"{v:,.4g}" if isinstance(v, float) else str(v) for v in row.values()))
        console.print(table)


if __name__ == "__main__":
    main()
