"""Which views are trained on: rendered scenes of several shapes, with the faults of real ones."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, replace

import numpy as np

from n3d.errors import ConfigError, FormatError
from n3d.language import dialogues
from n3d.language.dialogues import Setting
from n3d.scene import RGBD, Object3D
from n3d.synthetic import Rendered, SceneConfig, SensorConfig, categories, make, split_seed

_HEAD = "<|bbox_0|>"
SOURCES = ("rendered", "given", "sensor")


@dataclass(frozen=True)
class ViewMix:
    """What share of the views is how.

    `sizes` are (width, height, weight) of the rendered pictures. `noisy` views have the depth of
    a structured-light sensor, `no_depth` none, `not_metric` one without a unit; `no_up` views do
    not know gravity.
    """

    sizes: tuple[tuple[int, int, float], ...] = (
        (160, 120, 0.32), (240, 180, 0.24), (320, 240, 0.06), (120, 160, 0.06), (180, 240, 0.04),
        (140, 140, 0.06), (210, 210, 0.04), (180, 120, 0.09), (192, 108, 0.09),
    )  # fmt: skip
    noisy: float = 0.25
    no_depth: float = 0.05
    not_metric: float = 0.03
    no_up: float = 0.04

    def __post_init__(self) -> None:
        object.__setattr__(
            self, "sizes", tuple((int(w), int(h), float(p)) for w, h, p in self.sizes)
        )
        for name in ("noisy", "no_depth", "not_metric", "no_up"):
            if not 0 <= getattr(self, name) <= 1:
                raise ConfigError(
                    f"is {getattr(self, name)}", code="config-value", field=name, limit="0 to 1"
                )
        if not self.sizes or any(p <= 0 for *_, p in self.sizes):
            raise ConfigError("needs weights above 0", code="config-value", field="sizes")


@dataclass(frozen=True, eq=False)
class Known:
    """A view and what is known about it.

    `objects` are all that can be seen. The first of them are the targets, left to right, with
    boxes as a reader of a reply gets them; `bodies` are their texts after `<|bbox_i|>`. `ids`
    (h, w) are indices into `objects`, -1 elsewhere. What is not there is drawn from `names`;
    `boxless` labels are there without a box.
    """

    view: RGBD
    setting: Setting
    objects: tuple[Object3D, ...]
    bodies: tuple[str, ...]
    ids: np.ndarray
    names: tuple[str, ...] = categories.NAMES
    boxless: tuple[str, ...] = ()

    @property
    def count(self) -> int:
        """How many targets there are."""
        return len(self.bodies)

    @property
    def targets(self) -> tuple[Object3D, ...]:
        return self.objects[: self.count]


def draw(split: str, index: int, mix: ViewMix) -> Known:
    """The `index`-th view of a split: always the same for the same mix."""
    seed = split_seed(split, index)
    rng = np.random.default_rng([seed, 7])
    weights = np.array([p for *_, p in mix.sizes])
    width, height, _ = mix.sizes[rng.choice(len(weights), p=weights / weights.sum())]
    noisy, depth, metric, up = rng.random(4) < (mix.noisy, mix.no_depth, mix.not_metric, mix.no_up)
    sensor = SensorConfig.structured_light() if noisy else SensorConfig()
    rendered = make(seed, SceneConfig(width=width, height=height, sensor=sensor))
    view = replace(rendered.rgbd, depth_source=SOURCES[rng.integers(len(SOURCES))])
    if depth:
        view = replace(view, depth=None)
    elif metric:
        view = replace(view, metric=False)
    if up:
        view = replace(view, up=None, up_source="unknown")
    return known(rendered, view)


def known(rendered: Rendered, view: RGBD) -> Known:
    """What is known about a rendered scene when it is seen as `view`.

    A target whose box the dialect cannot write counts as seen but is no target.
    """
    setting = Setting.of(view, own=True)
    targets: list[tuple[float, int, Object3D, str]] = []
    others: list[tuple[int, Object3D]] = []
    for i, o in enumerate(rendered.scene.objects):
        if not o.attributes["pixels"]:
            continue
        text = ""
        if o.attributes["target"]:
            with contextlib.suppress(FormatError):
                text = dialogues.write_boxes([o], setting, tilt="hull")
        if not text:
            others.append((i, o))
            continue
        # A box of a reply is what a reader of its text gets back.
        o = replace(o, box=dialogues.read_boxes(text, setting).items[0].box)
        u = float(setting.camera.project(o.box.center)[0])
        targets.append((u, i, o, body(text)))
    targets.sort(key=lambda t: t[:2])
    order = [*((i, o) for _, i, o, _ in targets), *others]
    ids = np.full(len(rendered.scene.objects) + 1, -1, np.int32)
    ids[[i for i, _ in order]] = np.arange(len(order))
    ids[-1] = -1
    bodies = tuple(body for *_, body in targets)
    return Known(view, setting, tuple(o for _, o in order), bodies, ids[rendered.ids])


def body(text: str) -> str:
    """What stands of a written box after `<|bbox_0|>`."""
    return text.removeprefix(_HEAD).removesuffix("\n")
