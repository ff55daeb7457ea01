"""The whole job on a scene that n3d renders itself, so that nothing has to be downloaded."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from n3d import synthetic
from n3d.errors import QuestionError
from n3d.pipelines import answering, rooms, seeing
from n3d.reason import ask
from n3d.scene import Prediction, files
from n3d.sources import read_rgbd

QUESTIONS = 5
ROOMS = 3


def run(out: Path, *, seed: int) -> Iterator[str | Prediction]:
    """Render, write the files of a user, read them back, lift, ask; yield what happens.

    Every answer is lifted from depth and 2D regions and compared with the answer on the exact
    boxes. Writes the view's files, answer_<i>.json, answer_<i>.png, the lifted boxes as
    boxes.json and scene.html under `out`, and a small annotated data set under `out`/rooms.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as e:
        raise files.unwritable(e, out) from None
    rendered = synthetic.make(seed)
    paths = synthetic.write(rendered, out)
    yield f"rendered scene {seed}: {', '.join(o.label for o in rendered.targets)}"
    yield f"wrote {', '.join(str(p) for p in paths.values())}"
    view = read_rgbd(paths["image"], depth=paths["depth"], camera=paths["camera"])
    regions = answering.read_regions(paths["regions"], view)
    asked = 0
    visible = replace(rendered.scene, objects=rendered.targets)
    for qa in ask(visible, per_scene=4 * QUESTIONS, seed=seed):
        try:
            found = answering.answer(view, qa.question, regions=regions)
        except QuestionError as e:
            # A question about an object that the view hides is refused, as it should be.
            yield f"{qa.question}\n  refused: {e}"
            continue
        asked += 1
        files.write_json(out / f"answer_{asked}.json", answering.to_json(found))
        seeing.write(out / f"answer_{asked}.png", view, found)
        yield found
        yield f"on the exact boxes: {qa.answer.text}"
        if asked == QUESTIONS:
            break
    view, objects, _ = seeing.lift_regions(view, regions)
    for name in ("boxes.json", "scene.html"):
        seeing.write(out / name, view, objects)
    rooms.write(range(seed, seed + ROOMS), out / "rooms")
    yield f"wrote {out / 'boxes.json'} and {ROOMS} annotated rooms in {out / 'rooms'}"
    yield f"open {out / 'answer_1.png'} and {out / 'scene.html'}"
