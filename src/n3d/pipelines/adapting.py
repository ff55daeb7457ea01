"""A model fitted to pictures of one's own: lift them, practise on them, judge before and after."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from n3d.errors import ConfigError
from n3d.evaluate import taking
from n3d.evaluate.items import Item, Sitting
from n3d.evaluate.reporting import Tally
from n3d.reason import labels
from n3d.scene import files, strict_json
from n3d.train import annotated, exercises, launching, recipes
from n3d.train.annotated import Annotated
from n3d.train.making import Part
from n3d.train.mini import Eyes
from n3d.train.recipes import Backbone, Recipe, Stage, Validation
from n3d.train.running import Slice
from n3d.train.views import Known

FEWEST = 10
"""Pictures below which nothing can be held out."""
LARGE = 500_000_000
"""Parameters from which on adapters are trained instead of the whole network."""
MOST_LABELS = 4
SHOWN = ("acc25", "acc50", "f1_25", "absent_refused", "answer_right", "program_right", "joint")


@dataclass(frozen=True)
class Adaptation:
    """What is to be done: `base` fitted to `data` in the folder `out`.

    A share `test` of the pictures, the last ones, is only judged on; `tune` of them, before those,
    calibrates scores. The rest is seen `epochs` times. `lora_rank` None is 16 for large networks
    and 0, all of it, for small ones.
    """

    base: str
    data: Annotated
    out: Path
    epochs: int = 10
    test: float = 0.2
    tune: float = 0.1
    lora_rank: int | None = None
    rate: float = 2e-4
    seed: int = 0
    workers: int = 1
    slice: Slice = field(default_factory=Slice)

    def __post_init__(self) -> None:
        for name, low in (("epochs", 1), ("workers", 1), ("seed", 0)):
            if getattr(self, name) < low:
                raise ConfigError(
                    f"is {getattr(self, name)}", code="config-range", field=name,
                    limit=f"at least {low}",
                )  # fmt: skip
        if not (0 < self.test < 1 and 0 <= self.tune < 1 and self.test + self.tune < 1):
            raise ConfigError(
                f"are {self.test} and {self.tune}", code="config-range", field="test and tune",
                limit="shares that leave something to train on",
            )  # fmt: skip


def of_folder(
    folder: Path,
    annotations: Path | None = None,
    images: Path | None = None,
    depth: str | None = None,
    **more: Any,
) -> Annotated:
    """The data of a folder with annotations.json, images/ and depth/, or of what is named
    instead."""
    annotations, images = annotations or folder / "annotations.json", images or folder / "images"
    for name, path in (("annotations", annotations), ("images", images)):
        if not path.exists():
            raise ConfigError("does not exist", code="file-missing", file=path, field=name)
    return Annotated(str(annotations), str(images), depth or f"sensor:{folder / 'depth'}", **more)


def adapt(plan: Adaptation, say: Callable[[str], None] = lambda _: None) -> dict[str, Any] | None:
    """Fit, calibrate and judge; the report, which is also OUT/report.json, or None where the slice
    ended before the training did. The adapted model is OUT/model; the same call goes on.
    """
    from n3d.pipelines import loading

    count = sum(1 for _ in annotated.pictures(plan.data))
    if count < FEWEST:
        raise ConfigError(
            f"has {count} pictures that can be used", code="data-few",
            file=plan.data.annotations, limit=f"at least {FEWEST}",
            hint="`n3d lift` on the same files tells what was dropped",
        )  # fmt: skip
    test = max(1, round(count * plan.test))
    tune = round(count * plan.tune)
    base = loading.load(plan.base)
    plan.out.mkdir(parents=True, exist_ok=True)
    before_path = plan.out / "before.json"
    if not before_path.exists():
        say(f"judging {plan.base} on {test} pictures")
        files.write_json(before_path, judge(base, plan.data, count - test, count))
    recipe = recipe_of(plan, base, count - test - tune)
    (plan.out / "recipe.json").write_text(recipes.write(recipe))
    run = plan.out / "run"
    launching.launch(recipe, launching.Plan(run, plan.out / "data", plan.slice, plan.workers), say)
    if not (run / "export" / "config.json").exists() or not _is_done(run, recipe):
        return None
    adapted = loading.load(str(run / "export"))
    adapted = _calibrated(adapted, base, plan.data, count - test - tune, count - test)
    adapted.save(plan.out / "model")
    say(f"judging {plan.out / 'model'}")
    after = judge(adapted, plan.data, count - test, count)
    report = {"base": plan.base, "pictures": {"train": count - test - tune, "tune": tune,
              "test": test}, "before": strict_json.load(before_path), "after": after}  # fmt: skip
    files.write_json(plan.out / "report.json", report)
    return report


def _is_done(run: Path, recipe: Recipe) -> bool:
    from n3d.train import checkpoints

    home = checkpoints.latest(run)
    return home is not None and checkpoints.state(home)["stage"] >= len(recipe.stages)


def recipe_of(plan: Adaptation, base: Any, train: int) -> Recipe:
    """The recipe of an adaptation on the first `train` pictures."""
    if base.layout != "rays":
        raise ConfigError(
            f"has the point encoding {base.layout!r}", code="adapt-base", field="base",
            limit="rays", hint="n3d trains networks with its own encoding, or stock backbones",
        )  # fmt: skip
    size = sum(p.numel() for p in base.network.parameters())
    rank = plan.lora_rank
    rank = (16 if size >= LARGE else 0) if rank is None else rank
    views = 4
    steps = max(1, plan.epochs * train // views)
    stage = Stage(
        "adapt", steps, ("mine",), views=views, room=200, rate=plan.rate, vision_rate=0.5,
        warmup=min(50, steps), decay=steps // 2, mirror=0.5,
    )  # fmt: skip
    data = Part("mine", 0, train, per_shard=64, annotated=plan.data)
    backbone = Backbone(
        path=plan.base, eyes=eyes_of(base), lora_rank=rank, lora_alpha=2 * rank,
        checkpointing=size >= LARGE,
    )  # fmt: skip
    validation = Validation(every=steps, views=min(64, train), decoded=0, part="mine")
    return Recipe(
        f"adapt-{Path(plan.base).name}", (data,), (stage,), plan.seed, backbone, validation,
        keep=50, about=f"{plan.base} fitted to {plan.data.annotations}",
    )  # fmt: skip


def eyes_of(model: Any) -> Eyes:
    """How a model cuts up pictures."""
    p = model.processor.image_processor
    return Eyes(
        p.patch_size, p.merge_size, model.network.config.point_samples,
        p.size["shortest_edge"], p.size["longest_edge"], p.temporal_patch_size,
        tuple(p.image_mean), tuple(p.image_std),
    )  # fmt: skip


def _calibrated(adapted: Any, base: Any, data: Annotated, first: int, last: int) -> Any:
    """The model with scores fitted to pictures it has not seen, as its base has been or not."""
    from n3d.model.calibrating import Labelled, calibrated

    seen = [
        Labelled(k.view, k.targets, k.objects[k.count :])
        for _, k in annotated.knowns(data, first, last)
        if k.count
    ]
    refine = base.calibration.refine
    try:
        return calibrated(adapted, seen, refine=refine)
    except ConfigError:  # too few boxes: those of the base hold better than none
        return replace(adapted, calibration=base.calibration)


# -- judging --------------------------------------------------------------------------------


def judge(model: Any, data: Annotated, first: int, last: int) -> dict[str, Any]:
    """How well a model does on pictures `first` to `last`, whose lifted boxes count as true."""
    from n3d.pipelines import predictors

    tally = Tally()
    ask = predictors.together(model)
    for sitting, item, taken in taking.take(ask, sittings(data, first, last), taking.Answers()):
        tally.add(item, taken.prediction, sitting.view.camera, sitting.view.up, taken.seconds)
    report = tally.report()
    return {k: report[k] for k in (*SHOWN, "mean_iou", "z_rel_median", "ece", "items")}


def sittings(data: Annotated, first: int, last: int) -> Iterator[Sitting]:
    """What is asked about annotated pictures: all objects, each label, one that is absent, and
    questions."""
    for index, known in annotated.knowns(data, first, last):
        if known.count:
            yield Sitting(str(index), known.view, tuple(_items(index, known)))


def _items(index: int, known: Known) -> Iterator[Item]:
    rng = np.random.default_rng([index, 23])
    others = known.objects[known.count :]
    yield Item(f"{index}/detect", index, "detect", "detect", true=known.targets, ignored=others)
    doubtful = {o.label for o in others} | set(known.boxless)
    sure = sorted({o.label for o in known.targets} - doubtful)
    for label in rng.permutation(sure)[:MOST_LABELS].tolist():
        true = tuple(o for o in known.targets if labels.same_label(o.label, label))
        yield Item(f"{index}/{label}", index, "locate", "class", phrases=(label,), true=true)
    there = {o.label for o in known.objects} | set(known.boxless)
    missing = [n for n in known.names if not any(labels.match(t, n) for t in there)]
    if missing:
        label = missing[rng.integers(len(missing))]
        yield Item(f"{index}/absent", index, "locate", "absent_class", phrases=(label,))
    for n, qa in enumerate(exercises.questions(known, rng, 3)):
        yield Item(
            f"{index}/{qa.kind}/{n}", index, "ask", qa.kind, question=qa.question, qa=qa,
            around=known.objects,
        )  # fmt: skip
