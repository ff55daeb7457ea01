"""Regions, masks and depth for pictures that have none: experts as a stage of the data engine."""

from __future__ import annotations

import importlib.util
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from n3d import sources
from n3d.errors import ConfigError, InputError, N3DError
from n3d.experts import checking, store
from n3d.experts.vocabulary import VOCABULARY
from n3d.pipelines import grounding, photographs
from n3d.scene import RGBD, Drop, Picture, PictureFiles, files
from n3d.sources.files import open_regular

FARTHEST = 65.0
"""Metres up to which depth is kept as millimetres in 16 bits."""


@dataclass(frozen=True)
class Estimating:
    """Who estimates what: the weights of `depth` (None where depth is there), those of the `masks`
    of regions that are rectangles, and the folder that estimated depth is kept in. The `detector`
    finds what `names` name in pictures that nobody has annotated.

    `batch` pictures run together; on a cluster each copy holds `gpus`.
    """

    depth: str | None = None
    masks: str | None = None
    keep: Path | None = None
    detector: str | None = None
    names: tuple[str, ...] = VOCABULARY
    device: str = "auto"
    batch: int = 8
    gpus: float = 0.0

    @property
    def wanted(self) -> bool:
        """Whether experts do anything."""
        return any(name is not None for name in (self.depth, self.masks, self.detector))

    def check(self) -> None:
        """InputError for weights that are not here, ConfigError for packages that are not."""
        if self.keep is not None and self.depth is None:
            raise ConfigError(
                "is for estimated depth", code="config-conflict", field="--keep-depth",
                hint="Name a depth expert with --depth",
            )  # fmt: skip
        for name in (self.depth, self.masks, self.detector):
            if (
                name is not None
                and not (folder := store.folder(name)).joinpath(checking.PACKED).is_file()
            ):
                checking.require(folder)
        if self.wanted and importlib.util.find_spec("torch") is None:
            raise ConfigError(
                "need the package torch", code="extra-missing", field="experts",
                hint='Install them: pip install "n3d[model]"',
            )  # fmt: skip

    def to_json(self) -> dict[str, Any]:
        """What decides the results."""
        told: dict[str, Any] = {"depth": self.depth, "masks": self.masks}
        if self.detector is not None:
            told |= {"detector": self.detector, "names": list(self.names)}
        return told


def holds_weights(folder: Path) -> bool:
    """Whether a directory looks like weights rather than depth files."""
    return any((folder / name).is_file() for name in ("config.json", checking.PACKED))


def experts(*, nouns: Path | None = None, **options: Any) -> Estimating:
    """What the options of the command line say; `nouns` is a file with a name a line.

    Raises InputError for a file that cannot be read, or names nothing, ConfigError for nouns
    without a detector.
    """
    if nouns is None:
        return Estimating(**options)
    if options.get("detector") is None:
        raise ConfigError("are for a detector", code="config-conflict", field="--nouns")
    with open_regular(nouns) as f:
        try:
            lines = f.read().decode("utf-8-sig").splitlines()
        except UnicodeDecodeError:
            raise InputError("is not UTF-8 text", code="text-encoding", file=nouns) from None
    names = tuple(dict.fromkeys(line.strip() for line in lines if line.strip()))
    if not names:
        raise InputError("names nothing", code="nouns-empty", file=nouns)
    return Estimating(**options, names=names)


@dataclass(frozen=True)
class Estimate:
    """The stage Picture -> Picture: decoded, with depth, regions and masks where it had none.

    Weights are loaded with the first picture and stay. Kept depth is named after the picture's
    image below `images`: `<name>.png`, 16-bit millimetres, or `<name>.npz` in its own unit where
    the expert knows no metres.
    """

    by: Estimating
    images: Path | None = None

    def __call__(self, pictures: Iterable[Picture]) -> Iterator[Picture | Drop]:
        loaded: list[Picture | Drop] = []
        for picture in pictures:
            try:
                loaded.append(sources.load(picture))
            except N3DError as e:
                loaded.append(Drop(picture.id, e.code, str(e)))
        # Depth that an annotation set brings is not estimated again.
        bare = [
            i for i, p in enumerate(loaded)
            if isinstance(p, Picture) and p.rgbd is not None and p.rgbd.depth is None
        ]  # fmt: skip
        if self.by.depth is not None and bare:
            for i, view in zip(bare, self._seen([loaded[i].rgbd for i in bare])):  # pyright: ignore
                loaded[i] = self._with(loaded[i], view)  # pyright: ignore[reportArgumentType]
        if self.by.detector is not None:
            loaded = [p if isinstance(p, Drop) else self._searched(p) for p in loaded]
        for p in loaded:
            yield p if isinstance(p, Drop) or self.by.masks is None else self._masked(p)

    def _seen(self, views: list[RGBD]) -> list[RGBD | N3DError]:
        """The views with depth, all estimated together, or the error of each that cannot be."""
        expert = _depth(self.by.depth or "", self.by.device)
        known = [None if v.camera.source.startswith("assumed") else v.camera for v in views]
        try:
            told = expert.estimate_all([v.image for v in views], known)
        except N3DError as e:
            if len(views) == 1:
                return [e]
            return [found for v in views for found in self._seen([v])]
        found: list[RGBD | N3DError] = []
        for view, estimate in zip(views, told, strict=True):
            try:
                found.append(photographs.estimated(view, estimate))
            except N3DError as e:
                found.append(e)
        return found

    def _with(self, picture: Picture, view: RGBD | N3DError) -> Picture | Drop:
        if isinstance(view, N3DError):
            return Drop(picture.id, view.code, str(view))
        if self.by.keep is None or picture.files is None:
            return replace(picture, rgbd=view)
        path = self._keep(picture.files, view)
        options = picture.files.options | ({} if view.metric else {"depth_unit": "unknown"})
        kept = replace(picture.files, depth=str(path), options=options)
        return replace(picture, rgbd=view, files=kept)

    def _keep(self, told: PictureFiles, view: RGBD) -> Path:
        """Write the depth of a view; a full disk ends the run, which goes on later."""
        assert self.by.keep is not None
        assert view.depth is not None
        name = sources.reopening.below(told.image, self.images) or Path(told.image).name
        out = io.BytesIO()
        if view.metric:
            path = self.by.keep / Path(name).with_suffix(".png")
            near = np.where(view.depth <= FARTHEST, view.depth, 0)
            Image.fromarray(np.rint(near * 1000).astype(np.uint16)).save(out, "PNG")
        else:
            path = self.by.keep / Path(name).with_suffix(".npz")
            np.savez_compressed(out, depth=view.depth)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as e:
            raise files.unwritable(e, path.parent) from None
        files.write_bytes(path, out.getvalue())
        return path

    def _searched(self, picture: Picture) -> Picture | Drop:
        """The picture with the regions that the detector finds."""
        view = picture.rgbd
        assert view is not None
        expert = _detector(self.by.detector or "", self.by.device)
        try:
            found = expert.find(view.image, self.by.names)
        except N3DError as e:
            return Drop(picture.id, e.code, str(e))
        return replace(picture, regions=tuple(grounding.without_doubles(found, view.camera)))

    def _masked(self, picture: Picture) -> Picture | Drop:
        """The picture with masks for the regions that have none."""
        view = picture.rgbd
        assert view is not None
        bare = [i for i, r in enumerate(picture.regions) if r.mask is None]
        if not bare:
            return picture
        expert = _segmenter(self.by.masks or "", self.by.device)
        regions = list(picture.regions)
        try:
            found = expert.masks(view.image, [regions[i] for i in bare])
        except N3DError as e:
            return Drop(picture.id, e.code, str(e))
        for i, region in zip(bare, found, strict=True):
            regions[i] = region
        return replace(picture, regions=tuple(regions))


@lru_cache(maxsize=1)
def _depth(name: str, device: str) -> Any:
    from n3d.experts.depth import load_depth

    return load_depth(name, device=device)


@lru_cache(maxsize=1)
def _segmenter(name: str, device: str) -> Any:
    from n3d.experts.segmenting import load_segmenter

    return load_segmenter(name, device=device)


@lru_cache(maxsize=1)
def _detector(name: str, device: str) -> Any:
    from n3d.experts.detecting import load_detector

    return load_detector(name, device=device)
