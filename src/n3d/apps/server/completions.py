"""The interface of OpenAI's chat completions: what is asked in a conversation, and the reply."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from n3d.apps.server import forms
from n3d.apps.server.forms import Answer, Detect, Ground, Sent
from n3d.errors import ConfigError, InputError, N3DError
from n3d.scene import Prediction

LOCATE, DETECT = "locate:", "detect all objects"
MOST_TOKENS = 4096
MOST_MESSAGES = 200
DONE = "data: [DONE]\n\n"
_UNUSED = ("tools", "functions", "logprobs", "stop", "audio", "logit_bias", "response_format")


class Chat(BaseModel):
    """A conversation. The picture is that of the last message that has one; `depth`, `camera`,
    `up`, `fov` and `depth_scale` stand beside `messages` or are parts of the message that has the
    picture, as {"type": "depth", "depth": {"url": "data:..."}} and
    {"type": "camera", "camera": {...}}. Its last text is the question; "Locate: lamp; chair" asks
    for boxes of these, "Detect all objects." for all. System messages change nothing."""

    model_config = ConfigDict(extra="allow", strict=True)

    messages: list[dict[str, Any]] = Field(min_length=1, max_length=MOST_MESSAGES)
    model: str | None = None
    n: int | None = Field(None, ge=1, le=1)
    max_tokens: int | None = Field(None, ge=1, le=MOST_TOKENS)
    max_completion_tokens: int | None = Field(None, ge=1, le=MOST_TOKENS)
    temperature: float | None = Field(None, ge=0, le=2, description="0 if left out.")
    top_p: float | None = Field(None, gt=0, le=1)
    seed: int | None = Field(None, ge=0, lt=1 << 62)
    stream: bool | None = None
    depth: str | None = None
    camera: str | dict[str, Any] | None = None
    up: list[float] | None = None
    fov: float | None = None
    depth_scale: float | None = None

    def sent(self, name: str) -> Sent:
        """What is asked, as a request of its own; InputError where that is nothing."""
        if self.model not in (None, name):
            raise InputError(
                f"{str(self.model)[:80]!r} is not served", code="chat-model", field="model",
                limit=name,
            )  # fmt: skip
        for field in _UNUSED:
            if (self.model_extra or {}).get(field):
                raise ConfigError("is not supported", code="chat-unsupported", field=field)
        text, about = _spoken(self.messages)
        for field in ("depth", "camera", "up", "fov", "depth_scale"):
            if getattr(self, field) is not None:
                about[field] = getattr(self, field)
        if "image" not in about:
            raise InputError(
                "no message has a picture", code="image-missing", field="messages",
                hint='Add {"type": "image_url", "image_url": {"url": "data:image/png;base64,..."}}',
            )  # fmt: skip
        low = text.strip().lower()
        if low.rstrip(".") == DETECT:
            return Detect(**about)
        if low.startswith(LOCATE):
            names = [n.strip() for n in text.strip()[len(LOCATE) :].split(";")]
            return Ground(**about, text=[n for n in names if n])
        return Answer(**about, question=text)

    def sampling(self) -> Any:
        """How tokens are chosen, None where nothing is said of it."""
        most = self.max_completion_tokens or self.max_tokens
        if not self.temperature and most is None:
            return None
        from n3d.model.decoding import Sampling

        return Sampling(
            float(self.temperature or 0), top_p=float(self.top_p or 1), seed=self.seed or 0,
            max_tokens=most or MOST_TOKENS,
        )  # fmt: skip


def _spoken(messages: list[dict[str, Any]]) -> tuple[str, dict[str, Any]]:
    """The last user's text, and the picture with what is known of it."""
    text, about = None, {}
    for i, message in enumerate(messages):
        role, content = message.get("role"), message.get("content")
        if role != "user":
            if role not in ("system", "developer", "assistant"):
                raise InputError(
                    "is no role", code="chat-role", field=f"messages.{i}.role",
                    limit="system, user, assistant",
                )  # fmt: skip
            continue
        parts = [{"type": "text", "text": content}] if isinstance(content, str) else content
        if not isinstance(parts, list) or not all(isinstance(p, dict) for p in parts):
            raise InputError(
                "must be a text or a list of parts", code="chat-content",
                field=f"messages.{i}.content",
            )  # fmt: skip
        if any(p.get("type") == "image_url" for p in parts):
            about = {}
        text = None
        for part in parts:
            text = _take(part, text, about, f"messages.{i}.content")
    if text is None:
        raise InputError("the last one asks nothing", code="question-missing", field="messages")
    return text, about


def _take(part: dict[str, Any], text: str | None, about: dict[str, Any], where: str) -> str | None:
    kind = part.get("type")
    value: Any = part.get(str(kind))
    if kind == "text" and isinstance(value, str):
        return value if text is None else f"{text}\n{value}"
    if kind in ("image_url", "depth"):
        value = value.get("url") if isinstance(value, dict) else value
        name = "image" if kind == "image_url" else "depth"
        if isinstance(value, str):
            if name in about:
                raise InputError("holds two", code="chat-images", field=where, limit="one picture")
            about[name] = value
            return text
    if kind == "camera" and isinstance(value, (dict, str)):
        about["camera"] = value
        return text
    raise InputError(
        "has a part that is none", code="chat-content", field=where,
        limit="text, image_url, depth, camera",
    )  # fmt: skip


def content(found: Prediction, record: dict[str, Any]) -> str:
    """The reply as text: the answer and how it comes about, or boxes as JSON, one a line."""
    if found.fault is not None:
        return f"No answer: {found.fault.partition(': ')[2] or found.fault}"
    if found.answer is None:
        keys = ("label", "center", "size", "rotation", "score")
        told = [json.dumps({k: o[k] for k in keys if k in o}) for o in record["objects"]]
        return "\n".join(told) or "none"
    return f"{found.answer.text}\n\n{found.text}".strip()


def reply(name: str, found: Prediction, record: dict[str, Any]) -> dict[str, Any]:
    """A whole completion; `n3d` beside its choices is what /v1/answer or /v1/ground tell."""
    message = {"role": "assistant", "content": content(found, record)}
    choice = {"index": 0, "message": message, "finish_reason": _ended(found), "logprobs": None}
    return _head(name, "chat.completion") | {"choices": [choice], "n3d": record}


class Events:
    """A completion as server-sent events. What is written comes first, as `reasoning_content`, then
    the reply line by line; the last event but one holds `n3d`."""

    def __init__(self, name: str) -> None:
        self._head = _head(name, "chat.completion.chunk")

    def _event(self, delta: dict[str, Any], ended: str | None = None, **more: Any) -> str:
        choice = {"index": 0, "delta": delta, "finish_reason": ended}
        return f"data: {json.dumps(self._head | {'choices': [choice]} | more)}\n\n"

    def begun(self) -> str:
        return self._event({"role": "assistant", "content": ""})

    def written(self, line: str) -> str:
        """A box or a step of the reply that is being written."""
        return self._event({"reasoning_content": f"{line}\n"})

    def ended(self, found: Prediction, record: dict[str, Any]) -> Iterator[str]:
        """The reply and the end."""
        for line in content(found, record).splitlines(keepends=True):
            yield self._event({"content": line})
        yield self._event({}, _ended(found), n3d=record)
        yield DONE

    @staticmethod
    def failed(error: N3DError) -> Iterator[str]:
        """An error after the first event, and the end."""
        yield f"data: {json.dumps(forms.told(error))}\n\n"
        yield DONE


def _ended(found: Prediction) -> str:
    return "length" if (found.fault or "").startswith("truncated") else "stop"


def _head(name: str, kind: str) -> dict[str, Any]:
    made = int(time.time())
    return {"id": f"chatcmpl-{uuid.uuid4().hex}", "object": kind, "created": made, "model": name}
