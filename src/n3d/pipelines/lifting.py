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
from n3d.engine.making import Stage
from n3d.errors import ConfigError, N3DError
from n3d.pipelines.estimating import Estimate, Estimating, holds_weights
from n3d.scene import Drop, Picture, Scene, manifests, reviews, shards

SOURCES: dict[str, Callable[..., Iterator[Picture | Drop]]] = {
    "coco": sources.coco.read,
    "lvis": sources.lvis.read_lvis,
    "objects365": sources.lvis.read_objects365,
    "openimages": sources.openimages.read,
    "refcoco": sources.refcoco.read,
    "pictures": sources.unannotated.read,
}
"""The forms of annotations that can be lifted, and their readers; "pictures" are none."""


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

    stage: Stage
    stream: engine.Stream
    config: dict[str, Any]


def job(
    source: str,
    annotations: Path | None,
    images: Path,
    *,
    depth: str,
    camera: Path | None = None,
    fov: float | None = None,
    depth_scale: float | None = None,
    per_shard: int = 256,
    config: lifter.LiftConfig | None = None,
    beside: Beside | None = None,
    by: Estimating | None = None,
) -> Job:
    """What is lifted and how: `source` is a name of SOURCES, `beside` what it keeps beside the
    annotations, `depth` "sensor:FOLDER", files with the images' names, or the name or directory of
    a depth expert; `by` says what else experts do, and how they run. Raises ConfigError for options
    that cannot work, InputError for weights that are not here."""
    folder = _checked(source, depth, fov, depth_scale)
    by = replace(by or Estimating(), depth=None if folder else depth)
    _check_annotated(source, annotations, by)
    by.check()
    options = {"fov": fov, "depth_scale": depth_scale}
    options = {k: v for k, v in options.items() if v is not None}
    config = config or lifter.LiftConfig()
    beside = beside or Beside()
    own = beside.options(source)
    told_by = [] if annotations is None else [annotations]
    read = partial(
        SOURCES[source], *told_by, images, depth=folder, camera=camera, options=options, **own
    )
    told = {k: own[k] for k in ("split", "licence") if k in own}
    cameras = [camera] if camera else []
    stream = engine.Stream(
        read,
        per_shard=per_shard,
        files=(*told_by, *beside.files, *(p for p in cameras if not p.is_dir())),
        folders=(images, *([folder] if folder else []), *(p for p in cameras if p.is_dir())),
    )
    mine = {"stage": "lift", "source": source, "options": options | told, "lift": asdict(config)}
    stage = Lift(config, images, folder or by.keep)
    if not by.wanted:
        return Job(stage, stream, mine)
    expert = engine.Link(Estimate(by, images), by.batch, by.gpus, kept=True)
    return Job(engine.chain(expert, stage), stream, mine | {"experts": by.to_json()})


def lift(
    source: str,
    annotations: Path | None,
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
    annotations: Path | None,
    images: Path,
    *,
    depth: str,
    workers: int = 1,
    sample: int = 50,
    price: float | None = None,
    **options: Any,
) -> engine.Forecast:
    """What `lift` with these options would take, from the first pictures."""
    if options.get("by") is not None:  # a sample leaves nothing behind
        options["by"] = replace(options["by"], keep=None)
    mine = job(source, annotations, images, depth=depth, **options)
    return engine.forecast(
        mine.stage, mine.stream, kind="scene", workers=workers, sample=sample, price=price
    )


def _checked(source: str, depth: str, fov: float | None, depth_scale: float | None) -> Path | None:
    """The folder of depth files, None for an expert; ConfigError for options that cannot work."""
    if source not in SOURCES:
        raise ConfigError(
            f"unknown source {source!r}",
            code="source",
            field="source",
            limit=", ".join(SOURCES),
        )
    kind, _, folder = depth.partition(":")
    files = kind == "sensor" and bool(folder)
    if not files and (not depth or (":" in depth and not Path(depth).is_dir())):
        raise ConfigError(
            f"unknown depth {depth!r}",
            code="depth-expert",
            field="--depth",
            limit="sensor:FOLDER, or the name or directory of a depth expert",
            hint="Give the folder of depth files that have the images' names; "
            "`n3d models` lists experts",
        )
    if not files and Path(depth).is_dir() and not holds_weights(Path(depth)):
        raise ConfigError(
            "holds no weights",
            code="depth-expert",
            file=depth,
            field="--depth",
            hint=f"Give sensor:{depth} if it holds depth files",
        )
    if not files and depth_scale is not None:
        raise ConfigError("is for depth files", code="config-conflict", field="--depth-scale")
    if fov is not None and not 0 < fov < 180:
        raise ConfigError(
            f"is {fov:g} degrees", code="config-range", field="fov", limit="above 0, below 180"
        )
    if depth_scale is not None and not 0 < depth_scale < math.inf:
        raise ConfigError(
            f"is {depth_scale:g}", code="config-range", field="depth_scale", limit="above 0"
        )
    return Path(folder) if files else None


def _check_annotated(source: str, annotations: Path | None, by: Estimating) -> None:
    """ConfigError unless regions come from one place: annotations, or a detector."""
    bare = source == "pictures"
    if bare != (annotations is None):
        raise ConfigError(
            "are not for pictures" if bare else f"are needed for {source}",
            code="config-conflict" if bare else "config-missing", field="--annotations",
        )  # fmt: skip
    if bare != (by.detector is not None):
        raise ConfigError(
            "is needed for pictures" if bare else f"is not for {source}",
            code="config-missing" if bare else "config-conflict", field="--detector",
            hint="`n3d models` lists detectors" if bare else None,
        )  # fmt: skip


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
