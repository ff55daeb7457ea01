"""A photograph and nothing else: depth and boxes from the best experts that are there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from n3d.errors import ConfigError, InputError, N3DError
from n3d.experts import catalogue, store
from n3d.experts.rewording import Reader
from n3d.experts.vocabulary import VOCABULARY
from n3d.lift import LiftConfig
from n3d.pipelines import answering, dictating
from n3d.pipelines.grounding import DetectorGrounder
from n3d.reason import understanding
from n3d.scene import RGBD, DepthEstimate, DepthExpert, Prediction

DEPTH = (
    "depth-pro", "moge-2", "depth-anything-indoor-large", "depth-anything-indoor-base",
    "depth-anything-indoor-small", "zoedepth",
)  # fmt: skip
DETECTORS = ("grounding-dino-base", "grounding-dino", "owlv2-large", "owlv2")
SEGMENTERS = ("sam-large", "sam")
ROLES = {"depth": DEPTH, "detector": DETECTORS, "segmenter": SEGMENTERS}
"""For each role the known weights, the best first; all of them give metres where it is depth."""
INSTEAD = "--regions, --boxes or --model"
SMALLEST = {"depth": "depth-anything-indoor-small", "detector": "owlv2"}


@dataclass(frozen=True)
class Wanted:
    """Which weights play which role: a name or directory, "auto" (the best that is cached), or
    "none".

    `vlm` is a vision-language model that finds regions instead of a detector, and puts questions
    that cannot be read into other words: weights, or the URL of a server that speaks the chat
    protocol of OpenAI, whose model is `vlm_model`. `vlm_boxes` is how it was taught to write boxes
    (`language.detections`), or "3d" for metric 3D boxes, which need no depth.
    """

    depth: str = "auto"
    detector: str = "auto"
    segmenter: str = "auto"
    device: str = "auto"
    vlm: str | None = None
    vlm_model: str = ""
    vlm_boxes: str = "thousand"


@dataclass(frozen=True)
class Chosen:
    """The weights that play each role, None where nobody does."""

    depth: str | None
    detector: str | None
    segmenter: str | None
    vlm: str | None = None

    def __str__(self) -> str:
        parts = []
        if self.depth:
            parts.append(f"depth by {self.depth}")
        if self.detector:
            parts.append(f"regions by {self.detector}")
        if self.segmenter:
            parts.append(f"masks by {self.segmenter}")
        return ", ".join(parts)


def choose(
    wanted: Wanted, *, has_depth: bool, needs_regions: bool = True, instead: str = INSTEAD
) -> Chosen:
    """Who plays each role: nobody is asked for depth that is there, or for regions that are not
    needed.

    Raises InputError "experts-missing" where a role that is needed can be played by nobody, with
    the commands that would get the smallest weights, or the options to give `instead`.
    """
    depth = None if has_depth else _player("depth", wanted.depth)
    vlm = wanted.vlm and (wanted.vlm_model or wanted.vlm)
    detector = None
    if needs_regions:
        asked = wanted.detector != "auto" or vlm is None
        detector = _player("detector", wanted.detector) if asked else vlm
    segmenter = _player("segmenter", wanted.segmenter) if detector else None
    missing = []
    if not has_depth and depth is None and not (wanted.vlm and wanted.vlm_boxes == "3d"):
        missing.append("depth")
    if needs_regions and detector is None:
        missing.append("detector")
    if missing:
        commands = " and ".join(f"`n3d models fetch {SMALLEST[m]}`" for m in missing)
        named = " and ".join({"depth": "depth", "detector": "objects"}[m] for m in missing)
        if "depth" in missing:
            instead = "--depth" if len(missing) == 1 else f"--depth and {instead}"
        raise InputError(
            f"no weights that find {named} are on this machine",
            code="experts-missing",
            hint=f"Give {instead}, or run {commands}",
        )
    return Chosen(depth, detector, segmenter, vlm)


def _player(role: str, wanted: str) -> str | None:
    if wanted == "none":
        return None
    if wanted != "auto":
        return wanted
    return next((name for name in ROLES[role] if is_here(name)), None)


def is_here(name: str) -> bool:
    """Whether weights are on this machine."""
    try:
        store.folder(name)
    except N3DError:
        return False
    return True


def weights() -> list[dict[str, Any]]:
    """The weights of the catalogue, and others in the cache that n3d can use, as JSON."""
    stored = {s.repo: s for s in store.listed()}
    rows = []
    for w in catalogue.CATALOGUE:
        found = stored.pop(w.repo, None)
        here = found is not None and found.folder is not None
        size = round(found.size / 1e6) if found is not None and here else w.size_mb
        rows.append(asdict(w) | {"here": here, "size_mb": size})
    for s in stored.values():
        rows.append(
            {"name": s.repo, "repo": s.repo, "task": s.task, "size_mb": round(s.size / 1e6),
             "licence": "see the hub", "about": "", "metric": None, "commercial": True,
             "package": "", "here": s.folder is not None}
        )  # fmt: skip
    return rows


def with_depth(view: RGBD, expert: DepthExpert) -> RGBD:
    """The view with an expert's depth, and with its camera where none was given."""
    assumed = view.camera.source.startswith("assumed")
    return estimated(view, expert.estimate(view.image, None if assumed else view.camera))


def estimated(view: RGBD, told: DepthEstimate) -> RGBD:
    """The view with depth that was estimated, and the camera where its own was assumed.

    What both are unsure of together is the view's `scale_sigma`. Depth without a unit stays so.
    """
    camera, sigma = view.camera, view.scale_sigma
    if camera.source.startswith("assumed") and told.camera is not None:
        camera, sigma = told.camera, 0.0
    sigma = (sigma**2 + told.scale_sigma**2) ** 0.5
    return RGBD(
        view.image, camera, told.depth, depth_source=told.source, metric=told.metric,
        up=view.up, up_source=view.up_source, scale_sigma=sigma,
    )  # fmt: skip


@dataclass(frozen=True, eq=False)
class Experts:
    """Loaded experts: what `DetectorGrounder` and `with_depth` need."""

    chosen: Chosen
    depth: DepthExpert | None = None
    detector: Any = None
    segmenter: Any = None
    chat: Any = None

    @classmethod
    def load(cls, chosen: Chosen, wanted: Wanted) -> Experts:
        """Load what was chosen; ConfigError where the packages of models are not installed."""
        chat = None if wanted.vlm is None else _chat(wanted)
        finds = chat is not None and chosen.detector == chosen.vlm
        if finds and not (chosen.depth or chosen.segmenter):
            return cls(chosen, detector=_asking(chat, wanted), chat=chat)
        try:
            from n3d.experts import depth, detecting, segmenting
        except ModuleNotFoundError as e:
            raise ConfigError(
                f"needs the package {e.name}",
                code="extra-missing",
                field="experts",
                hint='Install them: pip install "n3d[model]"',
            ) from None

        def loaded(load: Callable[..., Any], name: str | None) -> Any:
            return None if name is None else load(name, device=wanted.device)

        return cls(
            chosen,
            loaded(depth.load_depth, chosen.depth),
            _asking(chat, wanted) if finds else loaded(detecting.load_detector, chosen.detector),
            loaded(segmenting.load_segmenter, chosen.segmenter),
            chat,
        )

    def see(self, view: RGBD) -> RGBD:
        """The view with depth, if it had none."""
        if view.depth is not None or self.depth is None:
            return view
        return with_depth(view, self.depth)

    def grounder(self, config: LiftConfig | None = None) -> Any:
        """A grounder of the detector and the segmenter; ConfigError without a detector."""
        if hasattr(self.detector, "ground"):  # it writes 3D boxes itself
            return self.detector
        if self.detector is None:
            raise ConfigError("is none", code="experts-missing", field="detector")
        return DetectorGrounder(self.detector, self.segmenter, vocabulary=VOCABULARY, config=config)

    def readable(self, question: str, view: RGBD) -> str:
        """The question, or one in other words that means the same where n3d cannot read it and a
        vision-language model can; the question again where neither can."""
        if self.chat is None or _is_read(question):
            return question
        proposals = Reader(self.chat, EXAMPLES).rewrite(question, image=view.image)
        return next((p for p in proposals if _is_read(p)), question)

    def answer(self, view: RGBD, question: str, grounder: Any, **options: Any) -> Prediction:
        """The answer by the boxes of a grounder; `options` are `level`, `seed` and `config`.

        Where n3d cannot read the question and there is a language model, it writes the steps
        (`dictating`). Raises as `answering.answer` does.
        """
        if self.chat is None or _is_read(question):
            return answering.answer(view, question, grounder=grounder, **options)
        return dictating.answer(view, question, grounder, Reader(self.chat, EXAMPLES), **options)


def _is_read(question: str) -> bool:
    return understanding.heard(question, VOCABULARY) is not None


EXAMPLES = (
    ("What's the gap from sofa to telly?", "How far is the sofa from the television?"),
    ("the couch's height in feet, roughly", "How tall is the couch in feet?"),
    ("does the mug come before the jar, left to right", "Is the mug to the left of the jar?"),
    ("biggest out of bed, wardrobe, desk?", "Which is bigger, the bed, the wardrobe or the desk?"),
    ("number of seats here", "How many chairs are there?"),
    (
        "if I sat on the chair looking at the door where's the lamp",
        "You are at the chair, facing the door. In which clock direction is the lamp?",
    ),
)
"""Questions as people ask them, and as n3d reads them."""


def _chat(wanted: Wanted) -> Any:
    assert wanted.vlm is not None
    if wanted.vlm.startswith(("http://", "https://")):
        if not wanted.vlm_model:
            raise ConfigError(
                "is needed to ask a server", code="config-missing", field="--vlm-model",
                hint="Name one of the server's models",
            )  # fmt: skip
        from n3d.experts.endpoints import Endpoint

        return Endpoint(wanted.vlm, wanted.vlm_model)
    from n3d.experts.local_chats import LocalChat

    return LocalChat(wanted.vlm, device=wanted.device)


def _asking(chat: Any, wanted: Wanted) -> Any:
    """The model as what finds regions, or boxes."""
    if wanted.vlm_boxes == "3d":
        from n3d.pipelines.vlm_grounding import VLMGrounder

        return VLMGrounder(chat, vocabulary=VOCABULARY)
    from n3d.experts.asking_boxes import VLMDetector

    return VLMDetector(chat, wanted.vlm_boxes)  # pyright: ignore[reportArgumentType]


def gather(
    view: RGBD, wanted: Wanted, *, needs_regions: bool = True, instead: str = INSTEAD
) -> Experts:
    """The experts that a view needs, loaded (`choose`, `Experts.load`)."""
    has_depth = view.depth is not None
    chosen = choose(wanted, has_depth=has_depth, needs_regions=needs_regions, instead=instead)
    return Experts.load(chosen, wanted) if str(chosen) or wanted.vlm else Experts(chosen)
