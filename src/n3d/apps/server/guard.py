"""What stands before every request: its size, its time, its kind, its token."""

from __future__ import annotations

import asyncio
import hmac
import json
import time
from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import Any

from n3d.apps.server import forms
from n3d.errors import InputError, N3DError
from n3d.pipelines.scaling import Fleet
from n3d.pipelines.serving import Limits, Refused, Service, failed

OPEN = ("/", "/health", "/docs", "/openapi.json")
BODY_SECONDS = 30.0


class Unknown(Refused):
    """A client without the token."""

    status = 401


class Slow(Refused):
    """A body that does not come."""

    status = 408


class Kind(Refused):
    """A body that is declared as something else than JSON."""

    status = 415


class Guard:
    """An ASGI application before another: bodies are read here, whole, within the limits.

    What goes wrong is told as JSON, never as a traceback. `seen` counts paths and statuses.
    """

    def __init__(self, app: Any, limits: Limits, token: str | None = None) -> None:
        self.app, self.limits, self._token = app, limits, token
        self.seen: Counter[tuple[str, int]] = Counter()
        self.seconds: dict[str, float] = defaultdict(float)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        begun, sent = time.monotonic(), [0]

        async def noted(message: Any) -> None:
            if message["type"] == "http.response.start":
                sent[0] = message["status"]
            await send(message)

        headers = {k.decode("latin-1").lower(): v.decode("latin-1") for k, v in scope["headers"]}
        try:
            self._check(scope["path"], headers)
            body = await self._body(scope["method"], headers, receive)
            await self.app(scope, _replayed(body, receive), noted)
        except N3DError as e:
            await _tell(e, noted)
        except _Gone:
            sent[0] = 499
        except Exception as e:
            error = failed(e)
            if not sent[0]:
                await _tell(error, noted)
        finally:
            route = scope.get("route")
            path = getattr(route, "path", None) or "other"
            self.seen[path, sent[0]] += 1
            self.seconds[path] += time.monotonic() - begun

    def _check(self, path: str, headers: Mapping[str, str]) -> None:
        if self._token is None or path in OPEN:
            return
        given = headers.get("authorization", "").removeprefix("Bearer ")
        if not hmac.compare_digest(given.encode(), self._token.encode()):
            raise Unknown(
                "needs the token of this server", code="token", hint="Authorization: Bearer TOKEN"
            )

    async def _body(self, method: str, headers: Mapping[str, str], receive: Any) -> bytes:
        length = headers.get("content-length", "0")
        if not length.isdecimal() or int(length) > self.limits.body:
            raise self._large()
        kind = headers.get("content-type", "").partition(";")[0].strip().lower()
        if method == "POST" and kind != "application/json":
            # Forms of other sites can send anything else without asking.
            raise Kind(
                f"is declared as {kind or 'nothing'}"[:80], code="request-kind",
                field="Content-Type", limit="application/json",
            )  # fmt: skip
        body = bytearray()
        try:
            async with asyncio.timeout(BODY_SECONDS):
                while True:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise _Gone
                    body += message.get("body", b"")
                    if len(body) > self.limits.body:
                        raise self._large()
                    if not message.get("more_body", False):
                        return bytes(body)
        except TimeoutError:
            limit = f"{BODY_SECONDS:g} s"
            raise Slow("the body does not come", code="request-slow", limit=limit) from None

    def _large(self) -> InputError:
        limit = f"{self.limits.body / (1 << 20):.3g} MiB"
        return InputError("the body is too large", code="request-large", limit=limit)


class _Gone(Exception):
    """The client has left."""


def _replayed(body: bytes, receive: Any) -> Any:
    given = False

    async def replay() -> Any:
        nonlocal given
        if not given:
            given = True
            return {"type": "http.request", "body": body, "more_body": False}
        return await receive()

    return replay


async def _tell(error: N3DError, send: Any) -> None:
    body = json.dumps(forms.told(error)).encode()
    headers = [(b"content-type", b"application/json"), *headers_of(error)]
    headers.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": forms.status(error), "headers": headers})
    await send({"type": "http.response.body", "body": body})


def headers_of(error: N3DError) -> list[tuple[bytes, bytes]]:
    """The headers that an error asks for: when to try again, how to say who one is."""
    status = forms.status(error)
    if status in (429, 503) and isinstance(error, Refused):
        return [(b"retry-after", str(error.wait).encode())]
    if status in (408, 413):  # what is left of the body is not read
        return [(b"connection", b"close")]
    return [(b"www-authenticate", b"Bearer")] if status == 401 else []


def metrics(guard: Guard, service: Service | Fleet, hits: int, misses: int) -> str:
    """What there is to watch, in the text form of Prometheus."""
    c = service.counts
    rows = [
        ("n3d_ready", "gauge", "Whether the model takes requests", int(service.ready)),
        ("n3d_waiting", "gauge", "Requests in the queue", service.waiting),
        ("n3d_answered_total", "counter", "Requests that the model answered", c.answered),
        ("n3d_failed_total", "counter", "Requests that could not be asked", c.failed),
        ("n3d_refused_total", "counter", "Requests refused for a full queue", c.refused),
        ("n3d_left_total", "counter", "Requests whose client left", c.left),
        ("n3d_late_total", "counter", "Requests that took too long", c.late),
        ("n3d_batches_total", "counter", "Batches that the model ran", c.batches),
        ("n3d_batched_total", "counter", "Requests in these batches", c.batched),
        ("n3d_looks_total", "counter", "Pictures that the network looked at", c.looked),
        ("n3d_model_seconds_total", "counter", "Seconds the model ran", round(c.seconds, 6)),
        ("n3d_picture_hits_total", "counter", "Pictures that were known", hits),
        ("n3d_picture_misses_total", "counter", "Pictures that were read", misses),
    ]
    lines = []
    for name, kind, about, value in rows:
        lines += [f"# HELP {name} {about}", f"# TYPE {name} {kind}", f"{name} {value}"]
    lines += ["# HELP n3d_requests_total HTTP requests", "# TYPE n3d_requests_total counter"]
    for (path, status), count in sorted(guard.seen.items()):
        lines.append(f'n3d_requests_total{{path="{path}",status="{status}"}} {count}')
    lines += [
        "# HELP n3d_request_seconds HTTP requests by time",
        "# TYPE n3d_request_seconds summary",
    ]
    for path, seconds in sorted(guard.seconds.items()):
        count = sum(n for (p, _), n in guard.seen.items() if p == path)
        lines.append(f'n3d_request_seconds_sum{{path="{path}"}} {seconds:.6f}')
        lines.append(f'n3d_request_seconds_count{{path="{path}"}} {count}')
    return "\n".join(lines) + "\n"
