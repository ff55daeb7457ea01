"""The browser of a data set: its page, what the page asks for, and where reviews come in."""

from __future__ import annotations

import asyncio
import html
import ipaddress
import signal
import socket
import threading
from collections.abc import Callable
from importlib import resources
from typing import Any
from urllib.parse import urlsplit

import uvicorn
from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import HTMLResponse, Response

from n3d.apps.server import forms, guard, web
from n3d.errors import InputError, N3DError
from n3d.pipelines import browsing
from n3d.pipelines.browsing import Wanted
from n3d.pipelines.reviewing import Table
from n3d.pipelines.serving import Limits, Refused
from n3d.scene import strict_json

BODY = 64 << 10
POLICY = (
    "default-src 'none'; img-src 'self' data: blob:; style-src 'unsafe-inline'; "
    "script-src 'unsafe-inline'; connect-src 'self'; frame-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)
_DRAWING = threading.Lock()


class Stranger(Refused):
    """A request that another site or name has sent."""

    status = 403


def app(table: Table, host: str = "127.0.0.1") -> guard.Guard:
    """The application that shows a data set; where it listens at `host` of this machine alone,
    requests under another name are refused."""
    site = FastAPI(title="n3d", openapi_url=None, docs_url=None, redoc_url=None)
    site.add_exception_handler(N3DError, _told)
    site.add_exception_handler(HTTPException, _missing)
    site.add_exception_handler(404, _missing)
    site.add_exception_handler(405, _missing)

    @site.get("/")
    async def index() -> Response:
        text = resources.files("n3d.apps.server").joinpath("browser.html").read_text("utf-8")
        name = table.library.folder.resolve().name.encode("utf-8", "replace").decode()
        headers = {"Content-Security-Policy": POLICY, "X-Content-Type-Options": "nosniff"}
        return HTMLResponse(text.replace("{{name}}", html.escape(name)), headers=headers)

    @site.get("/data/about")
    async def about() -> Response:
        return await _shown(table.about)

    @site.get("/data/sheet")
    async def sheet(request: Request) -> Response:
        asked = request.query_params
        wanted = Wanted(
            asked.get("label", ""), _number(asked, "low", 0.0), _number(asked, "high", 1.0),
            asked.get("state", ""), asked.get("source", ""), asked.get("licence", ""),
        )  # fmt: skip
        return await _shown(table.sheet, wanted, _start(asked))

    @site.get("/data/lost")
    async def lost(request: Request) -> Response:
        asked = request.query_params
        return await _shown(table.lost, asked.get("reason", ""), _start(asked))

    @site.get("/data/picture/{at}")
    async def picture(at: str) -> Response:
        return await _shown(table.picture, browsing.place(at))

    @site.get("/data/space/{at}")
    async def space(at: str) -> Response:
        page = await asyncio.to_thread(_drawn, table, browsing.place(at))
        return web.shown({"page": page})

    @site.get("/data/image/{at}")
    async def image(at: str, request: Request) -> Response:
        large = "large" in request.query_params
        found = await asyncio.to_thread(table.image, browsing.place(at), large)
        headers = {"Cache-Control": "private, max-age=600", "X-Content-Type-Options": "nosniff"}
        return Response(found, media_type="image/jpeg", headers=headers)

    @site.post("/data/review/{at}")
    async def review(at: str, request: Request) -> Response:
        record = strict_json.loads(await request.body())
        if not isinstance(record, dict):
            raise InputError("must be a JSON object", code="request-json")
        return await _shown(table.review, browsing.place(at), record)

    return guard.Guard(_Door(site, host), Limits(body=BODY))


class _Door:
    """An ASGI application before another: who knocks under a name that is not this machine's, or
    from another site's page, is not let in."""

    def __init__(self, app: Any, host: str) -> None:
        self.app, self._names = app, {host.lower(), "localhost", "127.0.0.1", "::1"}
        self._local = is_local(host)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            headers = {k.decode("latin-1"): v.decode("latin-1") for k, v in scope["headers"]}
            self._check(headers.get("host", ""), headers.get("origin"))
        await self.app(scope, receive, send)

    def _check(self, host: str, origin: str | None) -> None:
        try:
            name = urlsplit(f"//{host}").hostname or ""
            home = origin is None or urlsplit(origin).netloc == host
        except ValueError:
            name, home = "", False
        if not home or (self._local and name not in self._names):
            raise Stranger(
                "comes from another site", code="request-origin", field="Host and Origin",
                hint="Open the address that the command printed",
            )  # fmt: skip


def is_local(host: str) -> bool:
    """Whether an address is reached from this machine alone."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _drawn(table: Table, at: tuple[int, int]) -> str:
    with _DRAWING:
        return table.space(at)


async def _shown(find: Callable[..., Any], *given: Any) -> Response:
    return web.shown(await asyncio.to_thread(find, *given))


def _start(asked: Any) -> tuple[int, int]:
    return browsing.place(asked["at"]) if asked.get("at") else (0, 0)


def _number(asked: Any, name: str, default: float) -> float:
    try:
        return float(asked.get(name, "") or default)
    except ValueError:
        raise InputError("is no number", code="request-value", field=name) from None


async def _told(_: Request, error: Any) -> Response:
    return web.shown(forms.told(error), forms.status(error))


async def _missing(request: Request, error: Any) -> Response:
    said = "is not here" if error.status_code == 404 else "is not asked this way"
    found = InputError(said, code=f"http-{error.status_code}", field=request.url.path[:80])
    return web.shown(forms.told(found), error.status_code, getattr(error, "headers", None))


def run(application: Any, listening: socket.socket, ready: Callable[[str], None]) -> None:
    """Serve until SIGTERM or Ctrl-C; `ready` is told the address."""
    config = uvicorn.Config(
        application, log_level="warning", access_log=False, lifespan="off", server_header=False,
        timeout_graceful_shutdown=5, timeout_keep_alive=20,
    )  # fmt: skip
    signal.signal(signal.SIGTERM, lambda *_: None)
    _Server(config, ready).run([listening])


class _Server(uvicorn.Server):
    """Says where it is."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[str], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: Any = None) -> None:
        await super().startup(sockets)
        host, port = sockets[0].getsockname()[:2]
        self._ready(f"http://{f'[{host}]' if ':' in host else host}:{port}/")
