"""Tiny random models on disk, of a seed whose replies hold boxes, and pictures to ask about."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np

SEED = 3
OPTIONS = ("--most", "2", "--max-tokens", "260", "--device", "cpu")


def samples() -> Any:
    """The configurations of tests/model, which is no package."""
    path = Path(__file__).parents[1] / "model/model_samples.py"
    spec = importlib.util.spec_from_file_location("model_samples_for_apps", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def write_model(folder: Path, seed: int = SEED) -> Path:
    """A Qwen3-VL with rays of a few thousand random numbers; the same for one seed."""
    import torch
    import transformers

    made = samples()
    config = made.tiny_config("qwen3_vl")
    torch.manual_seed(0)
    network = transformers.Qwen3VLForConditionalGeneration(config)
    torch.manual_seed(seed)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
    with quiet():
        network.save_pretrained(folder)
    made.tiny_processor(config.vision_config.patch_size).save_pretrained(folder)
    return folder


@contextlib.contextmanager
def quiet():
    """Without the progress bars of transformers."""
    from transformers.utils import logging

    logging.disable_progress_bar()
    yield


def write_pictures(folder: Path, count: int = 3) -> Path:
    """`images/p<i>.png`, `depth/p<i>.npy` and `cameras/p<i>.json`."""
    from PIL import Image

    make = samples().make_view
    for name in ("images", "depth", "cameras"):
        (folder / name).mkdir(parents=True)
    for i in range(count):
        view = make(64, 48, seed=i)
        Image.fromarray(view.image).save(folder / f"images/p{i}.png")
        np.save(folder / f"depth/p{i}.npy", view.depth)
        camera = {"fx": 64, "fy": 64, "cx": 32, "cy": 24, "width": 64, "height": 48}
        (folder / f"cameras/p{i}.json").write_text(json.dumps(camera))
    return folder


def write_records(path: Path, records: list[Any]) -> Path:
    """One a line; texts as they are."""
    lines = [r if isinstance(r, str) else json.dumps(r) for r in records]
    path.write_text("".join(f"{line}\n" for line in lines))
    return path


def spoiled(model: Path, target: Path) -> Path:
    shutil.copytree(model, target)
    return target


if __name__ == "__main__":
    write_model(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else SEED)
