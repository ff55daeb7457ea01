"""Files that people open, for a view and the objects found in it."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from n3d import view as seen
from n3d.errors import ConfigError, InputError
from n3d.lift import LiftConfig, lift_view
from n3d.pipelines.answering import with_gravity
from n3d.scene import RGBD, Drop, Object3D, Prediction, Region, Scene, files
from n3d.sources import plain
from n3d.sources.grounded import Grounded

FORMS = (".png", ".html", ".ply", ".glb", ".rrd", ".json")


def lift_regions(
    view: RGBD, regions: Sequence[Region], config: LiftConfig | None = None
) -> tuple[RGBD, tuple[Object3D, ...], tuple[Drop, ...]]:
    """The view with its gravity, its regions as objects, and those that could not be lifted."""
    view = with_gravity(view, config)
    lifted = lift_view(view, regions, config or LiftConfig())
    return view, lifted.objects, lifted.drops


def write(path: Any, view: RGBD, found: Prediction | Sequence[Object3D]) -> None:
    """Write a view with its boxes in the form that the file's name ends in (FORMS)."""
    path = check_form(path)
    form = path.suffix.lower()
    objects = found.objects if isinstance(found, Prediction) else tuple(found)
    if form == ".png":
        out = io.BytesIO()
        noun = found if isinstance(found, Prediction) or objects else view
        seen.draw(noun, **({} if noun is view else {"view": view})).save(out, "PNG")
        files.write_bytes(path, out.getvalue())
    elif form == ".html":
        seen.html(found if isinstance(found, Prediction) else objects, path, view=view)
    elif form == ".ply":
        seen.ply(path, view, boxes=objects)
    elif form == ".glb":
        seen.glb(path, view, boxes=objects)
    elif form == ".rrd":
        seen.rrd(path, view, boxes=objects)
    elif form == ".json":
        scene = Scene("scene", "picture", objects, view.up, provenance=view.provenance)
        plain.write(path, [Grounded(scene, view.camera)])


def write_regions(path: Any, view: RGBD, regions: Sequence[Region]) -> None:
    """Draw 2D regions on a view without depth; InputError where the form needs boxes."""
    path = check_form(path)
    if path.suffix.lower() != ".png":
        raise InputError(
            "regions become boxes only with depth",
            code="depth-missing",
            field="depth",
            limit="without depth, .png",
            hint="Give --depth",
        )
    out = io.BytesIO()
    seen.draw(list(regions), view=view).save(out, "PNG")
    files.write_bytes(path, out.getvalue())


def check_form(path: Any) -> Path:
    """The path; ConfigError where its name ends in none of FORMS."""
    path = Path(path)
    if path.suffix.lower() not in FORMS:
        raise ConfigError(
            f"cannot write {path.suffix or 'a file without ending'}",
            code="output-form",
            file=path,
            limit=", ".join(FORMS),
        )
    return path
