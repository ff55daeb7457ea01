"""The whole job on scenes that n3d renders itself, so that nothing has to be downloaded."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from PIL import Image

from n3d import synthetic
from n3d.errors import N3DError, QuestionError
from n3d.pipelines import answering, exhibiting, predictors, rooms, seeing
from n3d.reason import ask
from n3d.scene import Prediction, files
from n3d.sources import read_rgbd
from n3d.view import Figure, Section, album

QUESTIONS = 5
ROOMS = 3
MODEL = "n3d-mini"
ABOUT = (
    "Rooms that n3d renders itself; no training has seen them. {name} was given picture, depth and "
    "camera. Boxes are metric; every trace was run again on the boxes; an interval says what the "
    "doubt in the boxes leaves."
)
LIFTED = (
    "No model: boxes are lifted from depth and 2D regions, as the data engine lifts them from "
    "annotated photographs."
)


def run(
    out: Path, *, seed: int, model: str | None = None, scenes: int = exhibiting.SCENES
) -> Iterator[str | Prediction]:
    """Render, write the files of a user, read them back, lift, ask; then let a model do the same
    on other rooms. Yield what happens.

    Every answer is compared with the answer on the exact boxes. Writes the view's files,
    answer_<i>.json, answer_<i>.png, the lifted boxes as boxes.json and scene.html under `out`, a
    small annotated data set under `out`/rooms, and a page of it all, index.html. Without `model`
    it is n3d-mini, and left out where what it needs is not installed; "none" leaves it out.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as e:
        raise files.unwritable(e, out) from None
    lifted: list[Figure] = []
    yield from _lifted(out, seed, lifted)
    sections = [Section("Without a model", lifted, LIFTED, 560)]
    name = model or MODEL
    if name != "none":
        try:
            predict = predictors.find(name)
        except N3DError as e:
            if model is not None:
                raise
            yield f"left out what {name} sees: {e}"
        else:
            yield f"\nnow {name} looks at {scenes} rooms, with picture, depth and camera alone"
            found = exhibiting.exhibit(predict, scenes=scenes)
            sections = [*found.sections, *sections]
            yield f"{found.right} of {found.asked} questions, one of each kind, answered right"
    about = ABOUT.format(name=name if len(sections) > 1 else "The program")
    album(out / "index.html", "n3d on rendered rooms", about, sections)
    yield f"open {out / 'index.html'} and {out / 'scene.html'}"


def _lifted(out: Path, seed: int, figures: list[Figure]) -> Iterator[str | Prediction]:
    """Answers without a model; their pictures are added to `figures`."""
    rendered = synthetic.make(seed)
    paths = synthetic.write(rendered, out)
    yield f"rendered scene {seed}: {', '.join(o.label for o in rendered.targets)}"
    yield f"wrote {', '.join(str(p) for p in paths.values())}"
    view = read_rgbd(paths["image"], depth=paths["depth"], camera=paths["camera"])
    regions = answering.read_regions(paths["regions"], view)
    visible = replace(rendered.scene, objects=rendered.targets)
    for qa in ask(visible, per_scene=4 * QUESTIONS, seed=seed):
        try:
            found = answering.answer(view, qa.question, regions=regions)
        except QuestionError as e:
            # A question about an object that the view hides is refused, as it should be.
            yield f"{qa.question}\n  refused: {e}"
            continue
        number = len(figures) + 1
        files.write_json(out / f"answer_{number}.json", answering.to_json(found))
        picture = out / f"answer_{number}.png"
        seeing.write(picture, view, found)
        with Image.open(picture) as image:
            figures.append(Figure(image.copy(), f"The answer on the true boxes: {qa.answer.text}"))
        yield found
        yield f"on the exact boxes: {qa.answer.text}"
        if number == QUESTIONS:
            break
    view, objects, _ = seeing.lift_regions(view, regions)
    for name in ("boxes.json", "scene.html"):
        seeing.write(out / name, view, objects)
    rooms.write(range(seed, seed + ROOMS), out / "rooms")
    yield f"wrote {out / 'boxes.json'} and {ROOMS} annotated rooms in {out / 'rooms'}"
