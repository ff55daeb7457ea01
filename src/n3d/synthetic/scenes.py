"""Random rooms with furniture and things: a seed gives a view and its exact ground truth."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from n3d.errors import ConfigError
from n3d.geometry import Pose
from n3d.scene import RGBD, Object3D, Picture, Scene
from n3d.synthetic import categories, palette
from n3d.synthetic.primitives import Primitives
from n3d.synthetic.sensor import SensorConfig

SPLITS = ("train", "validation", "test", "test-shifted")
PER_SPLIT = 1 << 40
LICENCE = "CC0-1.0"
MAX_SIDE = 8192


@dataclass(frozen=True)
class SceneConfig:
    """What scenes look like.

    Ranges are (low, high); angles in degrees, `camera_height` in metres. `objects` is how
    many are tried; some do not fit. An object is a target when at least `min_share` of the
    image's pixels show it (and 12), at least `min_visible` of its silhouette is seen, and at
    least `min_inside` of its box's rectangle is in the image; a scene has `min_targets` of
    them. `close_up` is the share of scenes whose furniture begins right before the camera.
    """

    width: int = 640
    height: int = 480
    objects: tuple[int, int] = (4, 12)
    min_targets: int = 2
    min_share: float = 0.0016
    min_visible: float = 0.3
    min_inside: float = 0.65
    close_up: float = 0.35
    categories: tuple[str, ...] = categories.NAMES
    colors: tuple[str, ...] = palette.NAMES
    camera_height: tuple[float, float] = (0.9, 1.9)
    pitch_deg: tuple[float, float] = (5.0, 35.0)
    roll_deg: float = 3.0
    fov_deg: tuple[float, float] = (45.0, 75.0)
    principal_jitter: float = 0.03
    sensor: SensorConfig = field(default_factory=SensorConfig)

    def __post_init__(self) -> None:
        def refuse(name: str, message: str, limit: str | None = None) -> None:
            raise ConfigError(message, code="scene-config", field=name, limit=limit)

        for name in ("width", "height"):
            if not 16 <= getattr(self, name) <= MAX_SIDE:
                refuse(name, f"is {getattr(self, name)}", f"16 to {MAX_SIDE} pixels")
        if not 1 <= self.objects[0] <= self.objects[1] <= 64:
            refuse("objects", f"is {self.objects}", "1 <= low <= high <= 64")
        if not 0 <= self.min_targets <= self.objects[0]:
            refuse("min_targets", f"is {self.min_targets}", "0 to the fewest objects")
        for name, known in (("categories", categories.NAMES), ("colors", palette.NAMES)):
            unknown = [v for v in getattr(self, name) if v not in known]
            if unknown or not getattr(self, name):
                refuse(name, f"unknown or empty: {unknown}", ", ".join(known))
        for name in ("min_share", "min_visible", "min_inside", "close_up"):
            if not 0 <= getattr(self, name) <= 1:
                refuse(name, f"is {getattr(self, name)}", "0 to 1")
        for name, (least, most) in {
            "camera_height": (0.2, 2.3),
            "pitch_deg": (-20, 80),
            "fov_deg": (10, 120),
        }.items():
            low, high = getattr(self, name)
            if not least <= low <= high <= most:
                refuse(name, f"is {(low, high)}", f"{least} <= low <= high <= {most}")


@dataclass(frozen=True, eq=False)
class Rendered:
    """A rendered view with its exact ground truth.

    `scene.objects` holds all objects, also hidden ones; `ids` (h, w) int32 are indices into
    them, -1 for the room. `depth_exact` (h, w) float32 is without sensor faults. `pose` is
    camera_from_world, the world being the room's frame (y down, floor at 0). `solids` are the
    primitives in the camera frame, with the same ids.
    """

    seed: int
    rgbd: RGBD
    scene: Scene
    pose: Pose
    ids: np.ndarray
    depth_exact: np.ndarray
    solids: Primitives

    @property
    def targets(self) -> tuple[Object3D, ...]:
        """The objects that are visible enough to be asked for."""
        return tuple(o for o in self.scene.objects if o.attributes["target"])

    @property
    def picture(self) -> Picture:
        """The view with the regions of its targets, as an annotated picture."""
        return Picture(
            id=self.scene.picture_id,
            regions=tuple(o.region for o in self.targets if o.region is not None),
            rgbd=self.rgbd,
            source="synthetic",
            licence=LICENCE,
        )


def split_seed(split: str, index: int) -> int:
    """The seed of the index-th scene of a split; no two splits share one.

    Seeds of "test-shifted" make scenes with pairs of category and colour, focal lengths and
    scales that no seed of another split makes.
    """
    if split not in SPLITS:
        raise ConfigError(
            f"unknown split {split!r}", code="split", field="split", limit=", ".join(SPLITS)
        )
    if not 0 <= index < PER_SPLIT:
        raise ConfigError(
            f"index is {index}", code="split", field="index", limit=f"0 to {PER_SPLIT - 1}"
        )
    return SPLITS.index(split) * PER_SPLIT + index


def split_of(seed: int) -> str:
    """The split that a seed belongs to."""
    if not 0 <= seed < PER_SPLIT * len(SPLITS):
        raise ConfigError(
            f"seed is {seed}",
            code="seed",
            field="seed",
            limit=f"0 to {PER_SPLIT * len(SPLITS) - 1}",
        )
    return SPLITS[seed // PER_SPLIT]


def make(seed: int, config: SceneConfig | None = None) -> Rendered:
    """The scene of a seed: the same seed and configuration always give the same scene.

    Layouts are drawn until one has `min_targets` targets; ConfigError when 100 do not.
    """
    from n3d.synthetic import layout, render

    config = config or SceneConfig()
    shifted = split_of(seed) == "test-shifted"
    for attempt in range(100):
        rng = np.random.default_rng([seed, attempt])
        plan = layout.draw(rng, config, shifted)
        if len(plan.placed) < config.min_targets:
            continue
        view = render.look(plan, config)
        if sum(v.target for v in view.sights) >= config.min_targets:
            return render.finish(seed, view, config, rng)
    raise ConfigError(
        f"no layout has {config.min_targets} targets",
        code="scene-impossible",
        field="min_targets",
        hint="Ask for fewer targets, more objects or smaller thresholds",
    )
