"""The commands that make data sets and look at them: lift, ask, bench, rephrase, inspect."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated, Any

import typer

from n3d.apps import browsers
from n3d.apps import options as opt


def lift(
    source: Annotated[
        str,
        typer.Argument(
            help="Form of the annotations: coco, lvis, objects365, openimages, refcoco; or "
            "pictures, which have none.",
            show_default=False,
        ),
    ],
    images: Annotated[Path, typer.Option(help="Folder of the images.", show_default=False)],
    depth: Annotated[
        str,
        typer.Option(
            help="sensor:DIR, depth files with the images' names; or a depth expert: its name or "
            "directory.",
            show_default=False,
        ),
    ],
    out: Annotated[Path, typer.Option(help="Data-set folder to write.", show_default=False)],
    annotations: Annotated[
        Path | None, typer.Option(help="Annotation file.", show_default=False)
    ] = None,
    camera: opt.CameraFile = None,
    fov: opt.Fov = None,
    depth_scale: opt.DepthScale = None,
    classes: Annotated[
        Path | None,
        typer.Option(help="OpenImages: CSV of label ids and names.", show_default=False),
    ] = None,
    image_info: Annotated[
        Path | None,
        typer.Option(help="OpenImages: CSV of images with their licences.", show_default=False),
    ] = None,
    instances: Annotated[
        Path | None,
        typer.Option(help="RefCOCO: COCO file of the regions referred to.", show_default=False),
    ] = None,
    split: Annotated[
        str | None, typer.Option(help="RefCOCO: only the refs of this split.", show_default=False)
    ] = None,
    masks: Annotated[
        str | None,
        typer.Option(
            help="Segmenter that gives rectangles masks: name or directory.", show_default=False
        ),
    ] = None,
    detector: Annotated[
        str | None,
        typer.Option(help="Of pictures: who finds objects; name or directory.", show_default=False),
    ] = None,
    nouns: Annotated[
        Path | None,
        typer.Option(
            help="Of pictures: nouns to look for, a line each; common ones by default.",
            show_default=False,
        ),
    ] = None,
    keep_depth: Annotated[
        Path | None,
        typer.Option(help="Folder that estimated depth is kept in.", show_default=False),
    ] = None,
    device: Annotated[str, typer.Option(help="Of experts: auto, cpu, cuda or mps.")] = "auto",
    batch: Annotated[int, typer.Option(help="Pictures that experts see together.")] = 8,
    gpus: Annotated[
        float, typer.Option(help="GPUs of each copy of the experts, with --where ray.")
    ] = 0.0,
    size_priors: Annotated[
        bool,
        typer.Option(
            "--size-priors", help="Take depth that was not seen from the usual sizes of labels."
        ),
    ] = False,
    licence: Annotated[
        str, typer.Option(help="Licence of images that state none.", show_default=False)
    ] = "",
    workers: Annotated[int, typer.Option(help="Processes.")] = 1,
    where: opt.Where = None,
    per_shard: Annotated[int, typer.Option(help="Images per shard.")] = 256,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Lift a sample and say what all would take.")
    ] = False,
    sample: Annotated[int, typer.Option(help="Images of a dry run.")] = 50,
    price: Annotated[
        float | None,
        typer.Option(help="Price of an hour of one worker, for a dry run.", show_default=False),
    ] = None,
    json_out: opt.JsonOut = None,
) -> None:
    """Lift an annotated data set to 3D scenes.

    Lengths are metric boxes in each picture's camera frame. What cannot be lifted is set aside
    with its reason. The same command again resumes a run that was stopped. Example:

    n3d lift coco --annotations instances.json --images images --depth sensor:depth --out scenes

    n3d lift objects365 --annotations val.json --images images --depth moge-2 --masks sam
    --keep-depth depth --out scenes

    n3d lift pictures --images photos --detector grounding-dino --masks sam --depth moge-2
    --out scenes
    """
    from n3d.apps import show
    from n3d.pipelines import estimating, lifting

    options: dict[str, Any] = {
        "depth": depth, "camera": camera, "fov": fov, "depth_scale": depth_scale,
        "workers": workers, "per_shard": per_shard,
        "config": lifting.settings(size_priors=size_priors),
        "beside": lifting.Beside(classes, image_info, instances, split, licence),
        "by": estimating.experts(
            masks=masks, keep=keep_depth, detector=detector, nouns=nouns, device=device,
            batch=batch, gpus=gpus,
        ),
    }  # fmt: skip
    if dry_run:
        found = lifting.forecast(source, annotations, images, sample=sample, price=price, **options)
        _forecast(show, "images", found, json_out)
        return
    report = lifting.lift(source, annotations, images, out=out, where=where, **options)
    show.run(f"scenes in {out}", report, json_out)
    if json_out != "-" and camera is None and fov is None:
        assumed, looked_at = lifting.assumed_cameras(out)
        if assumed:
            show.say(
                f"note: {assumed} of the first {looked_at} scenes have an assumed field of "
                "view, so their lengths are uncertain; give --camera or --fov"
            )
    if json_out != "-" and (said := lifting.reviewed(out)) is not None:
        browsers.tell(said)
    if json_out != "-" and report.kept:
        show.say(f"next: n3d ask {shlex.quote(str(out))} --out questions")


def ask(
    scenes: Annotated[Path, typer.Argument(help="Data-set folder of scenes.", show_default=False)],
    out: Annotated[Path, typer.Option(help="Data-set folder to write.", show_default=False)],
    kinds: Annotated[
        str,
        typer.Option(help="all, reason, locate, or kinds and groups; -NAME leaves one out."),
    ] = "all",
    per_scene: Annotated[int, typer.Option(help="Questions per scene.")] = 6,
    located: Annotated[float, typer.Option(help="Share that asks to locate.")] = 1 / 3,
    seed: Annotated[int, typer.Option(help="Seed.")] = 0,
    min_score: Annotated[float, typer.Option(help="Least score of an object asked about.")] = 0.5,
    min_visibility: Annotated[float, typer.Option(help="Least share of it that is seen.")] = 0.3,
    margin: Annotated[float, typer.Option(help="Relative margin of what is compared.")] = 0.1,
    workers: Annotated[int, typer.Option(help="Processes.")] = 1,
    where: opt.Where = None,
    json_out: opt.JsonOut = None,
) -> None:
    """Write questions and answers about scenes.

    Requests to locate objects are among them. Every answer has a trace that was run on the scene's
    boxes. The same command again resumes a run that was stopped. Example:

    n3d ask scenes --kinds distance,height,locate --per-scene 4 --out questions
    """
    from n3d.apps import show
    from n3d.pipelines import asking
    from n3d.reason.gating import Gate

    report = asking.ask(
        scenes, out, kinds=kinds, per_scene=per_scene, seed=seed, located=located, margin=margin,
        gate=Gate(min_score, min_visibility), workers=workers, where=where,
    )  # fmt: skip
    show.run(f"questions in {out}", report, json_out)
    if json_out != "-":
        show.say(f"next: n3d inspect {shlex.quote(str(out))}")


def _forecast(show, noun: str, found, json_out: str | None) -> None:
    if json_out != "-":
        show.forecast(noun, found)
    if json_out is not None:
        show.write_json(found.to_json(), json_out)


def bench(
    scenes: Annotated[Path, typer.Argument(help="Data-set folder of scenes.", show_default=False)],
    out: Annotated[Path, typer.Option(help="Data-set folder to write.", show_default=False)],
    questions: Annotated[int, typer.Option(help="Questions in all.")] = 2000,
    per_scene: Annotated[int, typer.Option(help="Most questions of a scene.")] = 4,
    truth: Annotated[
        str, typer.Option(help="measured, or any: also boxes of predicted depth.")
    ] = "measured",
    seed: Annotated[int, typer.Option(help="Seed.")] = 0,
    workers: Annotated[int, typer.Option(help="Processes.")] = 1,
    json_out: opt.JsonOut = None,
) -> None:
    """Choose a benchmark out of questions about scenes.

    In the shape of N3D-Bench: eleven groups, balanced over answers, objects, classes, distances and
    views, and against what the words give away. Example:

    n3d bench scenes --questions 200 --out benchmark
    """
    from n3d.apps import show
    from n3d.pipelines import benchmarking

    told = benchmarking.build(
        scenes, out, questions=questions, per_scene=per_scene, truth=truth, seed=seed,
        workers=workers,
    )  # fmt: skip
    if json_out != "-":
        show.benchmark(told, out)
    if json_out is not None:
        show.write_json(told, json_out)


def rephrase(
    questions: Annotated[
        Path, typer.Argument(help="Data-set folder of questions.", show_default=False)
    ],
    endpoint: Annotated[
        str, typer.Option(help="OpenAI-compatible server: http://HOST:PORT/v1.", show_default=False)
    ],
    model: Annotated[str, typer.Option(help="Its model.", show_default=False)],
    out: Annotated[Path, typer.Option(help="Data-set folder to write.", show_default=False)],
    cache: Annotated[
        Path | None,
        typer.Option(help="File of replies; OUT.replies.jsonl by default.", show_default=False),
    ] = None,
    temperature: Annotated[float, typer.Option(help="0 is the likeliest wording.")] = 0.7,
    seed: Annotated[int, typer.Option(help="Seed.")] = 0,
    at_once: Annotated[int, typer.Option(help="Requests open at a time.")] = 8,
    timeout: Annotated[float, typer.Option(help="Seconds a request may take.")] = 60.0,
    json_out: opt.JsonOut = None,
) -> None:
    """Put questions into other words.

    By a language model behind a server, whose key is the environment variable N3D_API_KEY. A
    wording that lost or changed a number, an object or a relation is not taken. Example:

    n3d rephrase questions --endpoint http://127.0.0.1:8000/v1 --model qwen --out rephrased
    """
    from n3d.apps import show
    from n3d.pipelines import rephrasing

    report = rephrasing.rephrase(
        questions, out, endpoint=endpoint, model=model, cache=cache, temperature=temperature,
        seed=seed, at_once=at_once, timeout=timeout,
    )  # fmt: skip
    show.run(f"questions in {out}", report, json_out)
    if json_out != "-":
        show.say(f"next: n3d inspect {shlex.quote(str(out))}")


def inspect(
    folder: Annotated[
        Path, typer.Argument(help="Folder of a data set or of predictions.", show_default=False)
    ],
    page: Annotated[
        Path | None, typer.Option(help="Write a page of samples: .html.", show_default=False)
    ] = None,
    images: Annotated[
        Path | None, typer.Option(help="Folder of the images, for the page.", show_default=False)
    ] = None,
    scenes: Annotated[
        Path | None, typer.Option(help="The scenes that questions are about.", show_default=False)
    ] = None,
    annotations: Annotated[
        Path | None,
        typer.Option(help="COCO file, to show what was dropped of it.", show_default=False),
    ] = None,
    samples: Annotated[int, typer.Option(help="Pictures of each class, kind and reason.")] = 6,
    json_out: opt.JsonOut = None,
) -> None:
    """Say what a folder of results kept and dropped, and why.

    With --page, samples of each class, kind of question and reason to drop as pictures. Example:

    n3d inspect scenes --page scenes.html --images images --annotations instances.json
    """
    from n3d.apps import show
    from n3d.pipelines import inspecting, leafing

    places = None
    if page is not None:
        places = leafing.Places(opt.needed(images, "--images"), scenes, annotations, samples)
    facts = inspecting.facts(folder)
    if json_out != "-":
        state = "" if facts["complete"] else ", unfinished: run its command again"
        title = f"{facts['kind']} records in {folder}{state}"
        drops = inspecting.drops_of(folder)
        show.counts(title, facts["kept"], facts["dropped"], facts["by_reason"], drops)
        if facts.get("faults"):
            show.labels(facts["faults"], "without an answer")
        show.labels(facts["labels"], "question" if facts["kind"] == "qa" else "label")
        if "reviews" in facts:
            browsers.tell(facts["reviews"])
        if "balance" in facts:
            show.balance(facts["balance"])
        if facts.get("sizes"):
            show.sizes(facts["sizes"])
    if page is not None and places is not None:
        leafing.write(folder, facts, places, show.folder_of(page))
        if json_out != "-":
            show.say(f"wrote {page}")
    if json_out is not None:
        show.write_json(facts, json_out)
