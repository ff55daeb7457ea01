"""What clients may send, and how errors are told to them."""

from __future__ import annotations

import difflib
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from n3d.errors import InputError, N3DError
from n3d.pipelines import sending
from n3d.pipelines.predicting import Asked
from n3d.pipelines.sending import Album, Seen
from n3d.pipelines.serving import Refused
from n3d.scene import strict_json


class Sent(BaseModel):
    """A picture, and what is known of it."""

    model_config = ConfigDict(extra="forbid", strict=True)

    image: str = Field(description="The photograph: data:image/png;base64,...")
    depth: str | None = Field(
        None, description="16-bit PNG in millimetres, npy or npz in metres, as a data URI."
    )
    camera: str | dict[str, Any] | None = Field(
        None, description='{"fx", "fy", "cx", "cy"} or {"K": 3x3}, or a camera file as a data URI.'
    )
    up: list[float] | None = Field(None, description="Against gravity, in the camera frame.")
    fov: float | None = Field(None, description="Horizontal field of view in degrees.")
    depth_scale: float | None = Field(None, description="Depth units per metre.")

    def seen(self, album: Album) -> Seen:
        """The view."""
        return album.see(
            self.image, self.depth, self.camera, up=self.up, fov=self.fov,
            depth_scale=self.depth_scale,
        )  # fmt: skip

    def asked(self, seen: Seen) -> Asked:
        """What is asked about the view: all objects."""
        return Asked(seen.view)


class Answer(Sent):
    """A question about a picture."""

    question: str = Field(description="In English, up to 2000 characters.")

    def asked(self, seen: Seen) -> Asked:
        return Asked(seen.view, self.question)


class Ground(Sent):
    """Objects to find: exactly one of `text`, `box` and `point`."""

    text: str | list[str] | None = Field(None, description="A name of objects, or several.")
    box: list[float] | None = Field(None, description="x0, y0, x1, y1 in pixels.")
    point: list[float] | None = Field(None, description="x, y in pixels.")

    def asked(self, seen: Seen) -> Asked:
        given = [k for k in ("text", "box", "point") if getattr(self, k) is not None]
        if len(given) != 1 or self.text == []:
            raise InputError(
                "exactly one must be given", code="ground-request", field="text, box and point"
            )
        place = self.box if self.box is not None else self.point
        if place is None:
            names = [self.text] if isinstance(self.text, str) else self.text
            return Asked(seen.view, names=tuple(names or ()))
        if len(place) != (4 if given == ["box"] else 2):
            raise InputError("has another number of numbers", code="ground-place", field=given[0])
        return Asked(seen.view, place=tuple(place))


class Detect(Sent):
    """A picture of which all objects are wanted."""


_Form = TypeVar("_Form", bound=BaseModel)


def read(body: bytes, form: type[_Form]) -> _Form:
    """The form that a body of JSON is; InputError naming the first field that is wrong."""
    try:
        found = strict_json.loads(body)
    except InputError as e:
        raise InputError(e.message, code="request-json", limit=e.limit, hint=e.hint) from None
    if not isinstance(found, dict):
        raise InputError("must be a JSON object", code="request-json")
    try:
        return form.model_validate(found)
    except ValidationError as e:
        raise _misfit(e, form) from None


def _misfit(error: ValidationError, form: type[BaseModel]) -> InputError:
    # A field with a wrong name is told before the one that is missing for it.
    first = min(
        error.errors(include_url=False, include_input=False),
        key=lambda e: e["type"] != "extra_forbidden",
    )
    field = ".".join(str(part) for part in first["loc"])[:80] or None
    if first["type"] == "missing":
        return InputError("is missing", code="request-missing", field=field)
    if first["type"] == "extra_forbidden":
        near = difflib.get_close_matches(str(field), form.model_fields, 1)
        return InputError(
            "is no field of this request",
            code="request-field",
            field=field,
            limit=", ".join(form.model_fields),
            hint=f"Did you mean {near[0]}?" if near else None,
        )
    return InputError(first["msg"][:200], code="request-value", field=field)


def status(error: N3DError) -> int:
    """The HTTP status of an error."""
    if isinstance(error, Refused):
        return error.status
    return {
        "request-json": 400, "request-large": 413, "image-large": 413, "file-large": 413,
        "question-long": 413, "chat-model": 404,
    }.get(error.code, 422)  # fmt: skip


def told(error: N3DError) -> dict[str, Any]:
    """An error as clients get it: one sentence, and its parts. `type` and `param` are what
    clients of OpenAI's interface look for."""
    return {
        "error": {
            "message": str(error),
            "type": "server_error" if status(error) >= 500 else "invalid_request_error",
            "param": error.field,
            "code": error.code,
            "field": error.field,
            "limit": error.limit,
            "hint": error.hint,
        }
    }


def example(files: dict[str, bytes]) -> dict[str, str]:
    """Files as the fields of a request."""
    kinds = {"image": "image/png", "depth": "image/png", "camera": "application/json"}
    return {name: sending.packed(data, kinds[name]) for name, data in files.items()}
