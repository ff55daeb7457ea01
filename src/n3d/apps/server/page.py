"""The page at /: a picture, a question, and the answer to look at."""

from __future__ import annotations

import asyncio
import html
import io
import json
import threading
from dataclasses import replace
from functools import cache
from importlib import resources
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, Response
from PIL import Image

from n3d import reason, synthetic
from n3d.apps.server import forms
from n3d.errors import InputError, N3DError
from n3d.pipelines import predicting, sending, streaming
from n3d.pipelines.predicting import Asked
from n3d.scene import RGBD, Prediction
from n3d.view import pages

ROOMS, FEWEST = 3, 4
KINDS = ("distance", "height", "closer_to", "tall_short_choice", "left_right")
SIZE = (640, 480)
SIDE = 1200
POINTS = 60_000
POLICY = (
    "default-src 'none'; img-src data: blob:; style-src 'unsafe-inline'; "
    "script-src 'unsafe-inline'; connect-src 'self'; frame-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)
_DRAWING = threading.Lock()


class Shown(forms.Ground):
    """What the page asks: a question, names, or, with neither, all objects."""

    question: str | None = None

    def asked(self, seen: sending.Seen) -> Any:
        if self.question is not None:
            return Asked(seen.view, self.question)
        return super().asked(seen) if self.text is not None else forms.Sent.asked(self, seen)


def add(web: FastAPI, desk: Any) -> None:
    """Add the routes of the page; they are no part of the interface."""

    @web.get("/", include_in_schema=False)
    async def index() -> Response:
        text = resources.files("n3d.apps.server").joinpath("page.html").read_text("utf-8")
        headers = {"Content-Security-Policy": POLICY, "X-Content-Type-Options": "nosniff"}
        return HTMLResponse(text.replace("{{model}}", html.escape(desk.name)), headers=headers)

    @web.get("/page/rooms", include_in_schema=False)
    async def rooms() -> Any:
        return [room["about"] for room in await asyncio.to_thread(examples)]

    @web.get("/page/rooms/{number}", include_in_schema=False)
    async def one(number: int) -> Any:
        found = await asyncio.to_thread(examples)
        if not 0 <= number < len(found):
            raise InputError(
                f"is {number}", code="room", field="number", limit=f"0 to {len(found) - 1}"
            )
        return found[number]["files"]

    @web.post("/page/ask", include_in_schema=False)
    async def ask(request: Request) -> Response:
        sent = forms.read(await request.body(), Shown)
        told = await desk.ask(request, sent)
        if told is None:
            return Response(status_code=499)
        command = "answer" if sent.question is not None else "ground"
        return Response(
            await asyncio.to_thread(_answer, told[0].view, told[1], command),
            media_type="application/json",
        )


def _answer(view: RGBD, found: Prediction, command: str) -> str:
    """What the page draws: the record, the view, texts, and the view in 3D as a page."""
    with _DRAWING:
        data = pages.parts(found, view=view, most_points=POINTS, picture=False)
    try:
        predicting.checked(found)
    except N3DError as e:  # with what to do
        data["fault"] = str(e)
    frame = pages.fill("The scene in 3D", data | {"bare": True})
    kept = (
        "question",
        "answer",
        "detail",
        "fault",
        "check",
        "steps",
        "notes",
        "objects",
        "lengths",
    )
    c = view.camera
    return json.dumps(
        {
            "record": streaming.to_json(found, command),
            **{k: data[k] for k in kept},
            "camera": {k: getattr(c, k) for k in ("fx", "fy", "cx", "cy", "width", "height")},
            "image": jpeg(view.image, SIDE),
            "space": frame if view.depth is not None or found.objects else None,
        },
        ensure_ascii=False,
        allow_nan=False,
    )


def jpeg(pixels: np.ndarray, side: int) -> str:
    """A picture as a data URI, no larger than `side`."""
    image, out = Image.fromarray(pixels), io.BytesIO()
    image.thumbnail((side, side))
    image.save(out, "JPEG", quality=88)
    return sending.packed(out.getvalue(), "image/jpeg")


@cache
def examples() -> list[dict[str, Any]]:
    """Rendered rooms that no training has seen, as requests, with questions about them."""
    found, k = [], 0
    while len(found) < ROOMS:
        made = _made(synthetic.split_seed("test", k))
        k += 1
        if len({o.label for o in made.targets}) >= FEWEST:
            found.append(_room(made, k))
    return found


def _made(seed: int) -> Any:
    return synthetic.make(seed, synthetic.SceneConfig(width=SIZE[0], height=SIZE[1]))


def _room(made: Any, seed: int) -> dict[str, Any]:
    with TemporaryDirectory(prefix="n3d-") as folder:
        paths = synthetic.write(made, Path(folder))
        files = {k: paths[k].read_bytes() for k in ("image", "depth", "camera")}
    visible = replace(made.scene, objects=made.targets)
    labels = ", ".join(dict.fromkeys(o.label for o in made.targets))
    about = {
        "title": labels,
        "picture": jpeg(made.rgbd.image, 240),
        "questions": [
            qa.question for qa in reason.ask(visible, kinds=KINDS, per_scene=4, seed=seed)
        ],
    }
    return {"about": about, "files": forms.example(files)}
