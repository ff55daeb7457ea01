"""The routes of the server, and the process that serves them."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from typing import Any

import uvicorn
from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse

import n3d
from n3d.apps.server import completions, forms, guard, page
from n3d.errors import ConfigError, InputError, N3DError, printable
from n3d.pipelines import predicting, streaming
from n3d.pipelines.scaling import Fleet
from n3d.pipelines.sending import Album, Seen
from n3d.pipelines.serving import Service
from n3d.scene import Prediction

COMMANDS = {"answer": forms.Answer, "ground": forms.Ground, "detect": forms.Detect}
ABOUT = {
    "answer": "Answer a question about a picture, with boxes, trace, check and interval.",
    "ground": "Find the objects that words name, or the one at a place, as metric 3D boxes.",
    "detect": "Find all objects of a picture as metric 3D boxes.",
}
WHY = {
    422: "what is wrong, in one sentence and its parts", 413: "too large", 429: "too many requests",
    503: "loading or ending", 504: "took too long",
}  # fmt: skip


class Desk:
    """Where requests come in and answers go out."""

    def __init__(self, name: str, service: Service | Fleet, album: Album) -> None:
        self.name, self.service, self.album = name, service, album

    async def ask(
        self, request: Request, sent: forms.Sent, sampling: Any = None
    ) -> tuple[Seen, Prediction] | None:
        """What the model says, its faults included; None where the client left meanwhile."""
        self.service.check_open()
        seen = await asyncio.to_thread(sent.seen, self.album)
        future = self.service.ask(sent.asked(seen), sampling)
        answer, gone = asyncio.wrap_future(future), asyncio.ensure_future(_left(request))
        try:
            await asyncio.wait(
                (answer, gone),
                timeout=self.service.limits.seconds,
                return_when=asyncio.FIRST_COMPLETED,
            )
            if answer.done():
                found = answer.result()
                return seen, replace(found, notes=(*found.notes, *seen.notes))
            if gone.done():
                return None
            raise self.service.late()
        finally:
            answer.cancel()
            gone.cancel()

    def endpoint(self, command: str) -> Callable[[Request], Any]:
        """The route of a command of the command line."""

        async def run(request: Request) -> Response:
            sent = await read(request, COMMANDS[command])
            told = await self.ask(request, sent)
            if told is None:
                return Response(status_code=499)
            return shown(streaming.to_json(predicting.checked(told[1]), command))

        return run

    async def chat(self, request: Request) -> Response:
        """A chat completion."""
        asked = await read(request, completions.Chat)
        sent = asked.sent(self.name)
        if asked.stream:
            events = await self.events(sent, asked.sampling())
            return StreamingResponse(events, media_type="text/event-stream")
        told = await self.ask(request, sent, asked.sampling())
        if told is None:
            return Response(status_code=499)
        return shown(completions.reply(self.name, told[1], _record(told[1], sent)))

    async def events(self, sent: forms.Sent, sampling: Any) -> AsyncIterator[str]:
        """The events of a chat completion; raises what keeps it from beginning."""
        self.service.check_open()
        seen = await asyncio.to_thread(sent.seen, self.album)
        loop, lines = asyncio.get_running_loop(), asyncio.Queue[str]()

        def told(line: str) -> None:
            with suppress(RuntimeError):  # the server has ended meanwhile
                loop.call_soon_threadsafe(lines.put_nowait, line)

        answer = asyncio.wrap_future(self.service.ask(sent.asked(seen), sampling, told))
        return self._events(sent, seen, answer, lines)

    async def _events(
        self, sent: forms.Sent, seen: Seen, answer: asyncio.Future, lines: asyncio.Queue[str]
    ) -> AsyncIterator[str]:
        events = completions.Events(self.name)
        end = time.monotonic() + self.service.limits.seconds
        line = asyncio.ensure_future(lines.get())
        try:
            yield events.begun()
            while not answer.done():
                left = end - time.monotonic()
                if left <= 0:
                    raise self.service.late()
                await asyncio.wait(
                    (answer, line), timeout=left, return_when=asyncio.FIRST_COMPLETED
                )
                if line.done():
                    yield events.written(line.result())
                    line = asyncio.ensure_future(lines.get())
            while not lines.empty():
                yield events.written(lines.get_nowait())
            found = answer.result()
            found = replace(found, notes=(*found.notes, *seen.notes))
            for event in events.ended(found, _record(found, sent)):
                yield event
        except N3DError as e:
            for event in events.failed(e):
                yield event
        finally:  # also where the client has left
            line.cancel()
            answer.cancel()


def _record(found: Prediction, sent: forms.Sent) -> dict[str, Any]:
    return streaming.to_json(found, "answer" if isinstance(sent, forms.Answer) else "")


async def read(request: Request, form: Any) -> Any:
    """The form that a request is; long bodies are read beside other requests."""
    return await asyncio.to_thread(forms.read, await request.body(), form)


async def _left(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def shown(record: Any, status: int = 200, headers: Any = None) -> Response:
    """A record as JSON."""
    body = json.dumps(record, ensure_ascii=False, allow_nan=False)
    return Response(body, status, headers, media_type="application/json")


def app(
    name: str,
    service: Service | Fleet,
    *,
    fetch: Callable[[str], bytes] | None = None,
    token: str | None = None,
) -> guard.Guard:
    """The application that serves a model by its name."""
    limits = service.limits
    desk = Desk(name, service, Album(limits.keep, pixels=limits.pixels, fetch=fetch))

    @asynccontextmanager
    async def life(_: FastAPI):
        yield
        await asyncio.to_thread(service.close, limits.seconds)

    web = FastAPI(
        title="n3d", version=n3d.__version__, lifespan=life, redoc_url=None,
        description="Metric 3D boxes of what words name in RGB-D pictures, and checked answers.",
    )  # fmt: skip
    web.add_exception_handler(N3DError, _told)
    web.add_exception_handler(HTTPException, _missing)
    web.add_exception_handler(404, _missing)
    web.add_exception_handler(405, _missing)
    for command, form in COMMANDS.items():
        web.add_api_route(
            f"/v1/{command}", desk.endpoint(command), methods=["POST"], summary=ABOUT[command],
            openapi_extra=_body(form), name=command, responses=_responses(),
        )  # fmt: skip
    web.add_api_route(
        "/v1/chat/completions", desk.chat, methods=["POST"], responses=_responses(),
        summary="OpenAI's chat completions.", openapi_extra=_body(completions.Chat),
    )  # fmt: skip
    front = guard.Guard(web, limits, token)

    @web.get("/v1/models", summary="The model that is served.")
    async def models() -> Any:
        one = {"id": name, "object": "model", "created": 0, "owned_by": "n3d"}
        return {"object": "list", "data": [one]}

    @web.get("/health", summary="200 when ready, 503 while the model is loaded.")
    async def health() -> Response:
        state = {"status": "ready" if service.ready else "loading", "model": name}
        headers = None if service.ready else {"Retry-After": "2"}
        return JSONResponse(state, 200 if service.ready else 503, headers)

    @web.get("/metrics", summary="What there is to watch, for Prometheus.")
    async def metrics() -> Response:
        text = guard.metrics(front, service, desk.album.hits, desk.album.misses)
        return PlainTextResponse(text, media_type="text/plain; version=0.0.4")

    page.add(web, desk)
    return front


def _body(form: Any) -> dict[str, Any]:
    content = {"application/json": {"schema": form.model_json_schema()}}
    return {"requestBody": {"required": True, "content": content}}


def _responses() -> dict[int | str, dict[str, Any]]:
    return {status: {"description": why} for status, why in WHY.items()}


async def _told(_: Request, error: Any) -> Response:
    headers = {k.decode(): v.decode() for k, v in guard.headers_of(error)}
    return shown(forms.told(error), forms.status(error), headers)


async def _missing(request: Request, error: Any) -> Response:
    said = "is not here" if error.status_code == 404 else "is not asked this way"
    found = InputError(
        said, code=f"http-{error.status_code}", field=request.url.path[:80], hint="/docs lists all"
    )
    return shown(forms.told(found), error.status_code, getattr(error, "headers", None))


def run(application: Any, service: Service | Fleet, listening: socket.socket, say: Any) -> None:
    """Serve until SIGTERM or Ctrl-C; what was begun is answered first. Raises what kept the
    model from being loaded."""
    config = uvicorn.Config(
        application, log_level="warning", access_log=False, lifespan="on", server_header=False,
        timeout_graceful_shutdown=int(service.limits.seconds) + 5, timeout_keep_alive=20,
    )  # fmt: skip
    # The server sends the signal that ended it once more when all is answered.
    signal.signal(signal.SIGTERM, lambda *_: None)
    _Server(config, service, say).run([listening])
    if service.fault is not None:
        raise service.fault


def listen(host: str, port: int) -> socket.socket:
    """A socket at an address; ConfigError where that is not to be had."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        found = socket.socket(family, kind, protocol)
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind(address)
    except OSError as e:
        raise ConfigError(
            f"cannot listen at {printable(host)}:{port}: {e.strerror or e}",
            code="address",
            field="host" if isinstance(e, socket.gaierror) else "port",
            hint="--port 0 takes a free one",
        ) from None
    return found


class _Server(uvicorn.Server):
    """Says where it is; ends where the model cannot be loaded."""

    def __init__(self, config: uvicorn.Config, service: Service | Fleet, say: Any) -> None:
        super().__init__(config)
        self._service, self._say, self._told = service, say, False

    async def startup(self, sockets: Any = None) -> None:
        await super().startup(sockets)
        host, port = sockets[0].getsockname()[:2]
        host = f"[{host}]" if ":" in host else host
        self._say(f"http://{host}:{port}/ loads its model")

    async def on_tick(self, counter: int) -> bool:
        if self._service.fault is not None:
            return True
        if self._service.ready and not self._told:
            self._told = True
            self._say("ready: Ctrl-C ends it")
        return await super().on_tick(counter)
