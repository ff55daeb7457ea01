"""Lift an annotated data set: foreign 2D annotations and depth -> shards of scenes."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from n3d import engine, sources
from n3d import lift as lifter
from n3d.errors import ConfigError, N3DError
from n3d.scene import Drop, Picture, PictureFiles, Scene, manifests, shards

SOURCES = ("coco",)


@dataclass(frozen=True)
class Lift:
    """The stage Picture -> Scene: decode, lift, report every region that was set aside.

    Scenes name their files relative to the folders `images` and `depth`, or not at all where
    these are not given.
    """

    config: lifter.LiftConfig = field(default_factory=lifter.LiftConfig)
    images: Path | None = None
    depth: Path | None = None

    def __call__(self, pictures: Iterable[Picture]) -> Iterator[Scene | Drop]:
        for picture in pictures:
            try:
                loaded = sources.load(picture)
            except N3DError as e:
                yield Drop(picture.id, e.code, str(e))
                continue
            for made in lifter.lift_pictures([loaded], self.config):
                yield replace(made, files=self._files(made)) if isinstance(made, Scene) else made

    def _files(self, scene: Scene) -> PictureFiles | None:
        if scene.files is None or self.images is None:
            return None
        return sources.reopening.relative(scene.files, self.images, self.depth)


@dataclass(frozen=True)
class Job:
    """A lift that is ready to run: `stage` over `stream`, known by `config`."""

    stage: Lift
    stream: engine.Stream
    config: dict[str, Any]


def job(
    source: str,
    annotations: Path,
    images: Path,
    *,
    depth: str,
    camera: Path | None = None,
    fov: float | None = None,
    depth_scale: float | None = None,
    per_shard: int = 256,
    config: lifter.LiftConfig | None = None,
) -> Job:
    """What is lifted and how. `depth` is "sensor:FOLDER": files with the images' names. Raises
    ConfigError for options that cannot work."""
    folder = _checked(source, depth, fov, depth_scale)
    options = {"fov": fov, "depth_scale": depth_scale}
    options = {k: v for k, v in options.items() if v is not None}
    config = config or lifter.LiftConfig()
    read = partial(
        sources.coco.read, annotations, images, depth=depth, camera=camera, options=options
    )
    cameras = [camera] if camera else []
    stream = engine.Stream(
        read,
        per_shard=per_shard,
        files=(annotations, *(p for p in cameras if not p.is_dir())),
        folders=(images, folder, *(p for p in cameras if p.is_dir())),
    )
    told = {"stage": "lift", "source": source, "options": options, "lift": asdict(config)}
    return Job(Lift(config, images, folder), stream, told)


def lift(
    source: str,
    annotations: Path,
    images: Path,
    *,
    depth: str,
    out: Path,
    workers: int = 1,
    where: str | None = None,
    progress: bool = True,
    **options: Any,
) -> engine.Report:
    """Write a data-set folder of scenes; running it again with the same inputs resumes it.

    `options` are those of `job`, `where` and `workers` those of `engine.run`: the output is the
    same for any of them. Raises ConfigError for options that cannot work, before any work.
    """
    mine = job(source, annotations, images, depth=depth, **options)
    return engine.run(
        mine.stage, mine.stream, out, kind="scene", workers=workers, where=where,
        config=mine.config, progress=progress,
    )  # fmt: skip


def forecast(
    source: str,
    annotations: Path,
    images: Path,
    *,
    depth: str,
    workers: int = 1,
    sample: int = 50,
    price: float | None = None,
    **options: Any,
) -> engine.Forecast:
    """What `lift` with these options would take, from the first pictures."""
    mine = job(source, annotations, images, depth=depth, **options)
    return engine.forecast(
        mine.stage, mine.stream, kind="scene", workers=workers, sample=sample, price=price
    )


def _checked(source: str, depth: str, fov: float | None, depth_scale: float | None) -> Path:
    """The folder of depth files; ConfigError for options that cannot work."""
    if source not in SOURCES:
        raise ConfigError(
            f"unknown source {source!r}",
            code="source",
            field="source",
            limit=", ".join(SOURCES),
        )
    kind, _, folder = depth.partition(":")
    if kind != "sensor" or not folder:
        raise ConfigError(
            f"unknown depth {depth!r}",
            code="depth-expert",
            field="--depth",
            limit="sensor:FOLDER",
            hint="Give the folder of depth files that have the images' names",
        )
    if fov is not None and not 0 < fov < 180:
        raise ConfigError(
            f"is {fov:g} degrees", code="config-range", field="fov", limit="above 0, below 180"
        )
    if depth_scale is not None and not 0 < depth_scale < math.inf:
        raise ConfigError(
            f"is {depth_scale:g}", code="config-range", field="depth_scale", limit="above 0"
        )
    return Path(folder)


def assumed_cameras(out: Path) -> tuple[int, int]:
    """(scenes whose camera was assumed, scenes looked at) of the first shard of a data set."""
    first = next(iter(manifests.read(out).shards), None)
    if first is None:
        return 0, 0
    scenes = list(shards.read(manifests.data_file(out, first.name)))
    return sum(s.provenance.camera.startswith("assumed") for s in scenes), len(scenes)
