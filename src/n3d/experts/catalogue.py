"""The weights that n3d knows by a short name, with their licences; nothing is downloaded here."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Weights:
    """One set of weights on the Hugging Face hub.

    `task` is "depth", "detect", "mask" or "model". `size_mb` is approximate: what a download of
    the files that n3d reads comes to, in units of 10^6 bytes. `metric` says whether a depth model
    answers in metres, None for other tasks. `commercial` is False where the licence allows
    research or personal use only. `package` names the Python package that reads the files where
    transformers does not.
    """

    name: str
    repo: str
    task: str
    size_mb: int
    licence: str
    about: str
    metric: bool | None = None
    commercial: bool = True
    package: str = ""


_DEPTH_ANYTHING = "depth-anything/Depth-Anything-V2-Metric"

CATALOGUE: tuple[Weights, ...] = (
    Weights(
        "depth-anything-indoor-small", f"{_DEPTH_ANYTHING}-Indoor-Small-hf", "depth", 99,
        "Apache-2.0", "Depth Anything V2 for rooms, up to 20 m; fast on a CPU", metric=True,
    ),
    Weights(
        "depth-anything-indoor-base", f"{_DEPTH_ANYTHING}-Indoor-Base-hf", "depth", 390,
        "CC-BY-NC-4.0", "Depth Anything V2 for rooms, up to 20 m", metric=True, commercial=False,
    ),
    Weights(
        "depth-anything-indoor-large", f"{_DEPTH_ANYTHING}-Indoor-Large-hf", "depth", 1340,
        "CC-BY-NC-4.0", "Depth Anything V2 for rooms, up to 20 m; the most accurate of the three",
        metric=True, commercial=False,
    ),
    Weights(
        "depth-anything-outdoor-small", f"{_DEPTH_ANYTHING}-Outdoor-Small-hf", "depth", 99,
        "Apache-2.0", "Depth Anything V2 for streets, up to 80 m; fast on a CPU", metric=True,
    ),
    Weights(
        "zoedepth", "Intel/zoedepth-nyu-kitti", "depth", 1380, "MIT",
        "ZoeDepth for rooms and streets; chooses between the two by the picture", metric=True,
    ),
    Weights(
        "depth-pro", "apple/DepthPro-hf", "depth", 1900, "apple-amlr",
        "Depth Pro: sharp edges, and the focal length where none is known", metric=True,
        commercial=False,
    ),
    Weights(
        "moge-2", "Ruicheng/moge-2-vitl-normal", "depth", 1330, "MIT",
        "MoGe-2: depth and focal length; what the N3D-VLM paper uses", metric=True, package="moge",
    ),
    Weights(
        "owlv2", "google/owlv2-base-patch16-ensemble", "detect", 620, "Apache-2.0",
        "OWLv2: boxes for any phrases, many at once",
    ),
    Weights(
        "owlv2-large", "google/owlv2-large-patch14-ensemble", "detect", 1750, "Apache-2.0",
        "OWLv2, more accurate and slower",
    ),
    Weights(
        "grounding-dino", "IDEA-Research/grounding-dino-tiny", "detect", 690, "Apache-2.0",
        "Grounding DINO: boxes for phrases of several words",
    ),
    Weights(
        "grounding-dino-base", "IDEA-Research/grounding-dino-base", "detect", 930, "Apache-2.0",
        "Grounding DINO, more accurate and slower",
    ),
    Weights(
        "sam", "facebook/sam-vit-base", "mask", 375, "Apache-2.0",
        "Segment Anything: a mask for each rectangle",
    ),
    Weights(
        "sam-large", "facebook/sam-vit-large", "mask", 1250, "Apache-2.0",
        "Segment Anything, more accurate and slower",
    ),
    Weights(
        "qwen2.5-vl-3b", "Qwen/Qwen2.5-VL-3B-Instruct", "model", 7500, "qwen-research",
        "A backbone to train, of the family that the paper uses", commercial=False,
    ),
    Weights(
        "qwen3-vl-2b", "Qwen/Qwen3-VL-2B-Instruct", "model", 4300, "Apache-2.0",
        "A small backbone to train",
    ),
    Weights(
        "qwen3-vl-4b", "Qwen/Qwen3-VL-4B-Instruct", "model", 8900, "Apache-2.0",
        "A backbone to train",
    ),
    Weights(
        "n3d-vlm", "yuxinhk/N3D-VLM", "model", 16600, "Apache-2.0",
        "The released weights of the N3D-VLM paper, of 7 billion parameters",
    ),
)  # fmt: skip


def find(name: str) -> Weights | None:
    """The entry of a short name or OWNER/NAME, in any case; None where there is none."""
    wanted = str(name).lower()
    return next((w for w in CATALOGUE if wanted in (w.name, w.repo.lower())), None)
