"""Lift an annotated data set: foreign 2D annotations and depth -> shards of scenes."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from n3d import engine, sources
from n3d import lift as lifter
from n3d.errors import ConfigError, N3DError
from n3d.scene import Drop, Picture, Scene, manifests, reviews, shards

SOURCES: dict[str, Callable[..., Iterator[Picture | Drop]]] = {
    "coco": sources.coco.read,
    "lvis": sources.lvis.read_lvis,
    "objects365": sources.lvis.read_objects365,
    "openimages": sources.openimages.read,
    "refcoco": sources.refcoco.read,
}
"""The forms of annotations that can be lifted, and their readers."""


@dataclass(frozen=True)
class Beside:
    """What a form keeps beside its annotations: `classes` and `image_info` of OpenImages, the
    `instances` and the `split` of refs; and the `licence` of images that state none."""

    classes: Path | None = None
    image_info: Path | None = None
    instances: Path | None = None
    split: str | None = None
    licence: str = ""

    def options(self, source: str) -> dict[str, Any]:
        """What a reader takes; ConfigError for what it needs and has not, or has no use for."""
        of = {"openimages": ("classes", "image_info"), "refcoco": ("instances", "split")}
        needed = {"openimages": "classes", "refcoco": "instances"}.get(source)
        given = {k: v for k, v in vars(self).items() if v not in (None, "")}
        if needed is not None and needed not in given:
            raise ConfigError(
                f"is needed for {source}", code="config-missing", field=_option(needed)
            )
        for name in given:
            if name not in (*of.get(source, ()), "licence"):
                raise ConfigError(
                    f"is not for {source}", code="config-conflict", field=_option(name)
                )
        return given

    @property
    def files(self) -> tuple[Path, ...]:
        """The files whose contents decide the records."""
        named = (self.classes, self.image_info, self.instances)
        return tuple(p for p in named if p is not None)


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"


@dataclass(frozen=True)
class Lift:
    """The stage Picture -> Scene: decode, lift, report every region that was set aside.

    Scenes name their files relative to the folders `images` and `depth`.
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
                yield self._led_back(made, picture) if isinstance(made, Scene) else made

    def _led_back(self, scene: Scene, picture: Picture) -> Scene:
        """The scene with the names of its files."""
        files = picture.files
        if files is None:
            return scene
        names = sources.reopening
        return replace(
            scene,
            image=names.below(files.image, self.images) or scene.image,
            depth=names.below(files.depth, self.depth),
            reading=names.reading(files),
        )


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
    beside: Beside | None = None,
) -> Job:
    """What is lifted and how: `source` is a name of SOURCES, `beside` what it keeps beside the
    annotations, `depth` "sensor:FOLDER", files with the images' names. Raises ConfigError for
    options that cannot work."""
    folder = _checked(source, depth, fov, depth_scale)
    options = {"fov": fov, "depth_scale": depth_scale}
    options = {k: v for k, v in options.items() if v is not None}
    config = config or lifter.LiftConfig()
    beside = beside or Beside()
    own = beside.options(source)
    read = partial(
        SOURCES[source], annotations, images, depth=depth, camera=camera, options=options, **own
    )
    told = {k: own[k] for k in ("split", "licence") if k in own}
    cameras = [camera] if camera else []
    stream = engine.Stream(
        read,
        per_shard=per_shard,
        files=(annotations, *beside.files, *(p for p in cameras if not p.is_dir())),
        folders=(images, folder, *(p for p in cameras if p.is_dir())),
    )
    mine = {"stage": "lift", "source": source, "options": options | told, "lift": asdict(config)}
    return Job(Lift(config, images, folder), stream, mine)


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


def settings(*, size_priors: bool = False) -> lifter.LiftConfig:
    """How regions are lifted, as far as the command line says."""
    return lifter.LiftConfig(size_priors=size_priors)


def reviewed(out: Path) -> dict[str, int] | None:
    """What was said by hand of a data set that is lifted again, None where nothing was: the
    shards stay as lifted, and those who read them honour it."""
    told = reviews.known(out)
    return told.counts() if told.by_scene else None


def assumed_cameras(out: Path) -> tuple[int, int]:
    """(scenes whose camera was assumed, scenes looked at) of the first shard of a data set."""
    first = next(iter(manifests.read(out).shards), None)
    if first is None:
        return 0, 0
    scenes = list(shards.read(manifests.data_file(out, first.name)))
    return sum(s.provenance.camera.startswith("assumed") for s in scenes), len(scenes)
