"""The command that serves a model: n3d serve."""

from __future__ import annotations

import os
from typing import Annotated, Any

import typer

from n3d.apps import models
from n3d.errors import ConfigError

MIB = 1 << 20


def serve(
    model: models.Name,
    host: Annotated[str, typer.Option(help="Address to listen at; 0.0.0.0 for all.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 takes a free one.")] = 8000,
    refine: models.Refine = "auto",
    device: models.Device = "auto",
    dtype: models.Dtype = "auto",
    batch: Annotated[int, typer.Option(help="Requests that are answered together at most.")] = 16,
    queue: Annotated[int, typer.Option(help="Requests that wait at most; more get 429.")] = 64,
    keep: Annotated[int, typer.Option(help="Pictures that stay read for further questions.")] = 16,
    timeout: Annotated[
        float, typer.Option(min=0.1, help="Seconds that a request may take.")
    ] = 120.0,
    max_body: Annotated[int, typer.Option(min=1, help="Largest body of a request, MiB.")] = 64,
    max_pixels: Annotated[int, typer.Option(min=64, help="Largest picture, pixels.")] = 24_000_000,
    allow_urls: Annotated[
        bool, typer.Option("--allow-urls", help="Fetch pictures from public http(s) URLs.")
    ] = False,
) -> None:
    """Serve a model over HTTP: a page and an API.

    The page is at /; the API is /v1/answer, /v1/ground, /v1/detect and OpenAI's
    /v1/chat/completions, which /docs describes.

    N3D_TOKEN in the environment is the token that clients must bring. Example:

    n3d serve --model n3d-mini --port 8000
    """
    from n3d.apps import runs, show
    from n3d.pipelines import fetching, loading, serving

    limits = serving.Limits(queue, batch, keep, timeout, max_body * MIB, max_pixels)
    try:
        from n3d.apps.server import web
    except ModuleNotFoundError as e:
        raise ConfigError(
            f"needs the package {e.name}",
            code="extra-missing",
            field="serve",
            hint='Install them: pip install "n3d[serve]"',
        ) from None
    means = runs.Means(refine=refine, device=device, dtype=dtype)

    def make() -> Any:
        network = loading.load(model, device=device, dtype=dtype)
        asker = means.asker(network, level=0.9, seed=0, keep=keep)
        serving.warm(asker)
        return asker

    listening = web.listen(host, port)
    service = serving.Service(make, limits)
    token = os.environ.get("N3D_TOKEN") or None
    fetch = fetching.fetch if allow_urls else None
    application = web.app(model.rstrip("/").split("/")[-1], service, fetch=fetch, token=token)
    web.run(application, service, listening, show.say)
