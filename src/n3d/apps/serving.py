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
    replicas: Annotated[
        str | None,
        typer.Option(
            help="Models on a Ray cluster: a number, or 1-4 for as many as there is work for.",
            show_default=False,
        ),
    ] = None,
    cpus: Annotated[float, typer.Option(help="Cores of each replica.")] = 1.0,
    gpus: Annotated[float, typer.Option(help="GPUs of each replica, or a part of one.")] = 0.0,
) -> None:
    """Serve a model over HTTP: a page and an API.

    The page is at /; the API is /v1/answer, /v1/ground, /v1/detect and OpenAI's
    /v1/chat/completions, which /docs describes.

    With --replicas it is loaded several times, on this machine or the Ray cluster that RAY_ADDRESS
    names, and requests go to the one that has the least to do.

    N3D_TOKEN in the environment is the token that clients must bring. Example:

    n3d serve --model n3d-mini --port 8000
    """
    from n3d.apps import runs, show
    from n3d.pipelines import fetching, loading, scaling, serving
    from n3d.pipelines import replicas as placing

    limits = serving.Limits(queue, batch, keep, timeout, max_body * MIB, max_pixels)
    size = None
    if replicas is not None:
        size = placing.read(replicas, cpus, gpus)
    elif (cpus, gpus) != (1.0, 0.0):
        raise ConfigError(
            "are those of a replica", code="config-conflict", field="--cpus and --gpus",
            hint="Give --replicas too",
        )  # fmt: skip
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
    service = serving.Service(make, limits) if size is None else scaling.Fleet(make, size, limits)
    token = os.environ.get("N3D_TOKEN") or None
    fetch = fetching.fetch if allow_urls else None
    application = web.app(model.rstrip("/").split("/")[-1], service, fetch=fetch, token=token)
    web.run(application, service, listening, show.say)
