"""A model behind an OpenAI-compatible server: vLLM, llama.cpp, Ollama, a hosted one.

Standard library only. What a server sends is bounded in size and time and never run; a key goes
to the address that was given and to no other, and is in no error.
"""

from __future__ import annotations

import base64
import io
import json
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from n3d.errors import ConfigError, InputError, short
from n3d.experts import chatting, posting
from n3d.experts.posting import Failure

KEY_VARIABLE = "N3D_API_KEY"
BACKOFF = 0.5
"""Seconds before the first repetition; each further one waits twice as long."""
MAX_WAIT = 30.0
"""The longest wait, whatever a server asks for in Retry-After."""
LONGEST_REPLY = 1_000_000
_HINTS = {
    "endpoint-key": f"Give key=, or set the environment variable {KEY_VARIABLE}",
    "endpoint-missing": "Look at the address (.../v1) and at the name of the model",
    "endpoint-refused": "Is the server running, and is this its port?",
    "endpoint-timeout": "Give a longer timeout=, smaller pictures or fewer max_tokens",
    "endpoint-empty": "Give more max_tokens if the model thinks before it answers",
}


@dataclass(frozen=True)
class Endpoint:
    """A Chat at `url`: a server (http://127.0.0.1:8000), its API (.../v1) or the whole address.

    `key` is by default that of the environment variable N3D_API_KEY; none is sent without. A
    request may take `timeout` seconds and is repeated up to `retries` times after a timeout, a
    broken connection, and HTTP 429, 500, 502, 503 and 504. Pictures are sent as `image_format`.
    `extra` are members added to each request; one of value None leaves a member out, for servers
    that refuse "seed" or want "max_completion_tokens".
    """

    url: str
    model: str
    key: str | None = field(default=None, repr=False)
    timeout: float = 60.0
    retries: int = 2
    image_format: Literal["jpeg", "png"] = "jpeg"
    extra: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "url", posting.address(self.url))
        chatting.check_text(self.model, "model")
        chatting.check_number("timeout", self.timeout, 1e-3, 86_400.0)
        chatting.check_number("retries", self.retries, 0, 20)
        if self.image_format not in ("jpeg", "png"):
            raise ConfigError(
                f"is {str(self.image_format)[:40]!r}",
                code="config-value",
                field="image_format",
                limit="jpeg, png",
            )
        try:
            json.dumps(dict(self.extra), allow_nan=False)
        except (TypeError, ValueError) as e:
            raise ConfigError(
                f"has no JSON: {short(e)}", code="config-value", field="extra"
            ) from None
        key = (os.environ.get(KEY_VARIABLE, "") if self.key is None else self.key).strip()
        if not all("!" <= c <= "~" for c in key):
            raise InputError(
                "must be printable ASCII without blanks", code="endpoint-key", field="key"
            )
        object.__setattr__(self, "key", key or None)

    def reply(
        self,
        system: str | None,
        text: str,
        images: Sequence[np.ndarray] = (),
        *,
        max_tokens: int = chatting.MAX_TOKENS,
        temperature: float = 0.0,
        seed: int = 0,
    ) -> str:
        """As `Chat.reply`; InputError "endpoint-..." says what is wrong with the server."""
        chatting.check(system, text, images, max_tokens, temperature, seed)
        body = {
            "model": self.model,
            "messages": self._turns(system, text, images),
            "max_tokens": max_tokens,
            "temperature": temperature,
            "seed": seed,
            "stream": False,
            **self.extra,
        }
        body = {name: value for name, value in body.items() if value is not None}
        try:
            return _said(self._send(json.dumps(body).encode()))
        except Failure as failure:
            raise self._error(failure) from None

    def _turns(
        self, system: str | None, text: str, images: Sequence[np.ndarray]
    ) -> list[dict[str, Any]]:
        content: list[dict[str, Any]] = [
            {"type": "image_url", "image_url": {"url": data_uri(i, self.image_format)}}
            for i in images
        ]
        content.append({"type": "text", "text": text})
        turns: list[dict[str, Any]] = [{"role": "user", "content": content if images else text}]
        if system is not None:
            turns.insert(0, {"role": "system", "content": system})
        return turns

    def _send(self, body: bytes) -> bytes:
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if self.key is not None:
            headers["Authorization"] = f"Bearer {self.key}"
        for attempt in range(self.retries + 1):
            try:
                return posting.post(self.url, body, headers, self.timeout)
            except Failure as failure:
                if not failure.again or attempt == self.retries:
                    failure.tries = attempt + 1
                    raise
                asked = failure.wait if failure.wait is not None else BACKOFF * 2**attempt
                time.sleep(min(asked, MAX_WAIT))
        raise AssertionError("unreachable")

    def _error(self, failure: Failure) -> InputError:
        message = failure.message
        if self.key is not None:  # servers like to repeat the key that they refuse
            message = message.replace(self.key, "[key]")
        if failure.excerpt:
            excerpt = failure.excerpt.replace(self.key, "[key]") if self.key else failure.excerpt
            message += f": {posting.printed(excerpt)}"
        if failure.tries > 1:
            message += f" (tried {failure.tries} times)"
        return InputError(
            message,
            code=failure.code,
            file=self.url.partition("?")[0],
            limit=failure.limit,
            hint=_HINTS.get(failure.code),
        )


def data_uri(image: np.ndarray, image_format: Literal["jpeg", "png"] = "jpeg") -> str:
    """A picture (h, w, 3) uint8 as a data URI; JPEG of quality 95 changes it a little."""
    from PIL import Image

    out = io.BytesIO()
    try:
        Image.fromarray(image).save(out, image_format, quality=95)
    except (OSError, ValueError) as e:  # JPEG ends at 65535 pixels a side
        raise InputError(
            f"cannot be written as {image_format}: {short(e)}",
            code="chat-images",
            field="images",
        ) from None
    return f"data:image/{image_format};base64,{base64.b64encode(out.getvalue()).decode()}"


def _said(body: bytes) -> str:
    """The text in the answer of a server."""
    excerpt = body[:2000].decode("utf-8", "replace")
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        raise Failure("endpoint-json", "answered with what is not JSON", excerpt) from None
    choices = answer.get("choices") if isinstance(answer, dict) else None
    first = choices[0] if isinstance(choices, list) and choices else None
    message = first.get("message") if isinstance(first, dict) else None
    if not isinstance(message, dict):
        raise Failure("endpoint-choices", "answered without a choice", excerpt)
    content = message.get("content")
    if isinstance(content, list):  # in parts, as some servers have it
        parts = [p.get("text") for p in content if isinstance(p, dict)]
        content = "".join(p for p in parts if isinstance(p, str))
    if content is not None and not isinstance(content, str):
        raise Failure("endpoint-choices", "answered with what is no text", excerpt)
    if not content or not content.strip():
        raise Failure("endpoint-empty", "answered with an empty text", excerpt)
    if len(content) > LONGEST_REPLY:
        raise Failure(
            "endpoint-large",
            f"answered with {len(content)} characters",
            limit=f"{LONGEST_REPLY} characters",
        )
    return content
