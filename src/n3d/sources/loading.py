"""Decoding a picture: its files become an RGBD, its segmentations masks."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from n3d.errors import InputError, N3DError
from n3d.scene import Picture, Region
from n3d.sources import exif, masks
from n3d.sources import image as images
from n3d.sources.rgbd import check_options, read_rgbd


def load(picture: Picture) -> Picture:
    """The same picture with `rgbd` and masks decoded; one that has both is returned as it is.

    Annotations count pixels of the image as their file states its size: where that is the
    size before the EXIF turn, the picture is left unturned, so that they fit. Raises
    N3DError where a file or a mask cannot be used.
    """
    rgbd = picture.rgbd
    if rgbd is None:
        assert picture.files is not None
        options = check_options(dict(picture.files.options))
        size = options.pop("size", None)
        if size is not None:
            options["turn"] = options.get("turn", True) and _turns(picture.files.image, size)
        camera = options.pop("camera", None)
        rgbd = read_rgbd(
            picture.files.image, picture.files.depth, picture.files.camera or camera, **options
        )
    regions = tuple(_decoded(r, rgbd.width, rgbd.height) for r in picture.regions)
    return replace(picture, rgbd=rgbd, regions=regions)


def _turns(file: Any, size: Any) -> bool:
    """Whether the EXIF turn leads to the stated size; InputError where nothing does."""
    stored, orientation = images.header(file)
    stated = tuple(size)
    if exif.turned_size(stored, orientation) == stated:
        return True
    if stored == stated:
        return False
    raise InputError(
        f"is {stored[0]}x{stored[1]}, its annotations are for {stated[0]}x{stated[1]}",
        code="image-size",
        file=file,
    )


def _decoded(region: Region, width: int, height: int) -> Region:
    if region.mask is not None or "segmentation" not in region.attributes:
        return region
    attributes = dict(region.attributes)
    try:
        mask = masks.decode(attributes.pop("segmentation"), width, height)
    except N3DError as e:
        raise e.at(field=f"region {region.id}") from None
    return replace(region, mask=mask, attributes=attributes)
