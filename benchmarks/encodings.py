"""What the code of the 3D points is worth, and what its order costs.

    python benchmarks/encodings.py [--views 3000] [--epochs 1] [--seeds 2] [--threads 2]
                                   [--half] [--json out/bench/encodings.json]

The same small Qwen2.5-VL vision tower (windows of 2 x 2 patches in every other layer) is trained
as a detector on the same rendered rooms, in the same order, with the same budget; only what tells
it of depth differs:

* none: the picture alone;
* rays: where each patch looks, without any depth;
* upstream: the sine code of the released N3D-VLM weights in its order, which is that of the raster
  while the tower's patches are in the order of windows;
* aligned: the same code, each patch with its own coordinate;
* ours: `n3d.model.rays`.

Errors are means over targets of unseen rooms, on the distributions that the tower tells; the
share of patches that get their own coordinate is counted. Seeds change weights and order.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console
from rich.table import Table
from torch import nn

from n3d.language import upstream
from n3d.model import orders, rays, sine
from n3d.model.configs import N3DQwen25Config
from n3d.model.networks import N3DQwen25ForConditionalGeneration
from n3d.train import batches, making, mini, targets, views
from n3d.train.batches import Pictures
from n3d.train.heads import Detector, DetectorConfig, Rows
from n3d.train.shards import Sample

EYES = mini.Eyes(samples=2)
WINDOW = 40
HIDDEN = 192
CONFIGURED = {"none": "none", "rays": "rays", "upstream": "upstream", "aligned": "aligned",
              "ours": "rays"}  # fmt: skip
JUDGED = ("label", "colour", "uv", "z", "size", "yaw")
MIX = views.ViewMix(sizes=((160, 120, 1.0),), noisy=0, no_depth=0, not_metric=0, no_up=0)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--views", type=int, default=3000)
    parser.add_argument("--held-out", type=int, default=1000)
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--rate", type=float, default=1e-3)
    parser.add_argument("--threads", type=int, default=2, help="Processes, one thread each.")
    parser.add_argument("--half", action="store_true", help="Train in bfloat16, judge in full.")
    parser.add_argument("--only", nargs="*", default=list(CONFIGURED))
    parser.add_argument("--json", default="out/bench/encodings.json")
    given = parser.parse_args()
    console = Console()
    with multiprocessing.get_context("spawn").Pool(given.threads, _quiet) as pool:
        began = time.monotonic()
        train = _render(pool, "train", given.views)
        held = _render(pool, "validation", given.held_out)
        console.print(f"{len(train)} + {len(held)} views in {time.monotonic() - began:.0f} s")
    jobs = [(name, seed) for seed in range(given.seeds) for name in given.only]
    context = multiprocessing.get_context("fork")  # views are shared, not copied
    global _TRAIN, _HELD, _GIVEN
    _TRAIN, _HELD, _GIVEN = train, held, given
    with context.Pool(given.threads, _quiet) as pool:
        found: dict[str, list[dict[str, float]]] = {name: [] for name in given.only}
        for name, result in pool.imap_unordered(_job, jobs):
            found[name].append(result)
            console.print(name, {k: round(v, 4) for k, v in result.items()})
    _tell(console, found, given)


def _quiet() -> None:
    torch.set_num_threads(1)


# -- views ------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Seen:
    """A view with the points of every encoding."""

    sample: Sample
    points: dict[str, np.ndarray]


_TRAIN: list[Seen] = []
_HELD: list[Seen] = []
_GIVEN: Any = None


def _render(pool: Any, split: str, count: int) -> list[Seen]:
    chunks = [(split, k, min(k + 250, count)) for k in range(0, count, 250)]
    return [s for some in pool.imap(_chunk, chunks) for s in some]


def _chunk(job: tuple[str, int, int]) -> list[Seen]:
    split, first, last = job
    processor = mini.image_processor(EYES)
    found = []
    for index in range(first, last):
        known = views.draw(split, index, MIX)
        if known.count:
            found.append(_seen(known, processor))
    return found


def _seen(known: views.Known, processor: Any) -> Seen:
    patches, (rows, columns) = making.cut(known.view.image, processor)
    view = known.view
    own = np.dstack([view.points.xyz * upstream.LEFT_UP, view.points.valid])
    sines = sine.coordinates(own, rows, columns, released=False).numpy()
    points = {
        "ours": rays.of_view(view, rows, columns, EYES.samples).numpy(),
        "rays": rays.of_view(replace(view, depth=None), rows, columns, EYES.samples).numpy(),
        "aligned": sines,
        "upstream": sines,
    }
    sample = Sample(patches, points["ours"], (rows, columns), targets.of(known, rows, columns),
                    "", ())  # fmt: skip
    return Seen(sample, points)


def _batch(some: list[Seen], name: str) -> tuple[Pictures, torch.Tensor | None]:
    pictures = batches.pictures([s.sample for s in some], EYES)
    if name == "none":
        return pictures, None
    return pictures, torch.from_numpy(np.concatenate([s.points[name] for s in some]))


# -- training ---------------------------------------------------------------------------------


class Tower(nn.Module):
    """A vision tower with the detector's heads, and rows for the numbers it tells."""

    def __init__(self, name: str, seed: int) -> None:
        super().__init__()
        torch.manual_seed(seed)
        self.name = name
        network = N3DQwen25ForConditionalGeneration(_config(CONFIGURED[name])).float()
        self.model = network.model
        for key, module in self.model.named_modules():
            if isinstance(module, nn.Linear) and not isinstance(module, rays.Zero):
                std = module.in_features**-0.5
                nn.init.normal_(module.weight, std=std / (8**0.5 if "down_proj" in key else 1))
        nn.init.normal_(self.model.visual.patch_embed.proj.weight, std=0.04)
        del self.model.language_model
        self.detector = Detector(HIDDEN, DetectorConfig())
        self.coarse = nn.Parameter(mini.smooth(100, HIDDEN, False) * HIDDEN**-0.5)
        self.yaw = nn.Parameter(mini.smooth(360, HIDDEN, True) * HIDDEN**-0.5)

    @property
    def rows(self) -> Rows:
        return Rows(self.coarse, self.yaw)

    def forward(self, pictures: Pictures, points: torch.Tensor | None) -> torch.Tensor:
        out = self.model.get_image_features(pictures.pixels, pictures.grid_thw, points)
        return torch.cat(tuple(out.pooler_output))


def _config(encoding: str) -> N3DQwen25Config:
    tokens = {f"{k}_token_id": i for i, k in enumerate(("image", "video", "vision_start"))}
    return N3DQwen25Config(
        point_encoding=encoding,
        point_samples=EYES.samples,
        text_config={
            "vocab_size": 64, "hidden_size": HIDDEN, "intermediate_size": 64,
            "num_hidden_layers": 1, "num_attention_heads": 2, "num_key_value_heads": 2,
        },
        vision_config={
            "depth": 4, "hidden_size": HIDDEN, "intermediate_size": 3 * HIDDEN, "num_heads": 4,
            "patch_size": EYES.patch, "spatial_merge_size": 1, "temporal_patch_size": 1,
            "window_size": WINDOW, "fullatt_block_indexes": [1, 3], "out_hidden_size": HIDDEN,
        },
        **tokens, vision_end_token_id=3,
    )  # fmt: skip


def _job(job: tuple[str, int]) -> tuple[str, dict[str, float]]:
    name, seed = job
    tower, given = Tower(name, seed), _GIVEN
    steps = given.epochs * (len(_TRAIN) // given.batch)
    opt = torch.optim.AdamW(
        tower.parameters(), given.rate, betas=(0.9, 0.98), weight_decay=0.05, fused=True
    )
    rng, order, step = np.random.default_rng(seed), np.zeros(0, int), 0
    began = time.monotonic()
    for step in range(steps):
        if len(order) < given.batch:
            order = rng.permutation(len(_TRAIN))
        some, order = order[: given.batch], order[given.batch :]
        for group in opt.param_groups:
            group["lr"] = given.rate * min((step + 1) / 100, (steps - step) / (0.6 * steps), 1)
        pictures, points = _batch([_TRAIN[i] for i in some], name)
        with torch.autocast("cpu", torch.bfloat16, enabled=given.half):
            loss, _ = tower.detector.loss(tower(pictures, points), pictures, tower.rows)
        loss.backward()
        nn.utils.clip_grad_norm_(tower.parameters(), 1.0)
        opt.step()
        opt.zero_grad(set_to_none=True)
    seconds = time.monotonic() - began
    return name, {"seed": seed, **_judge(tower, name), "views_per_s": steps * given.batch / seconds}


@torch.no_grad()
def _judge(tower: Tower, name: str) -> dict[str, float]:
    tower.eval()
    sums: dict[str, float] = {}
    for k in range(0, len(_HELD), 50):
        pictures, points = _batch(_HELD[k : k + 50], name)
        tokens = tower(pictures, points)
        for key, value in tower.detector.judge(tokens, pictures, tower.rows).items():
            sums[key] = sums.get(key, 0.0) + value
    count = sums["n"]
    found = {k: sums[k] / count for k in JUDGED}
    return found | {"f1": 2 * sums["hits"] / (sums["hits"] + sums["alarms"] + count)}


def own_coordinates() -> float:
    """The share of patches that get their own coordinate in the order of the released code."""
    grid = torch.tensor([[1, 6, 8]])
    raster = orders.raster_of_windows(grid, merge=1, window=WINDOW, patch=EYES.patch)
    return float((raster == torch.arange(len(raster))).float().mean())


def _tell(console: Console, found: dict[str, list[dict[str, float]]], given: Any) -> None:
    title = f"{given.views} views x {given.epochs}, means (and half ranges) of {given.seeds} seeds"
    table = Table(title=title)
    keys = (*JUDGED, "f1")
    for column in ("points", *keys, "views/s"):
        table.add_column(column)
    for name, results in found.items():
        cells = []
        for k in keys:
            values = [r[k] for r in results]
            spread = (max(values) - min(values)) / 2
            cells.append(f"{np.mean(values):.3f} ±{spread:.3f}")
        table.add_row(name, *cells, f"{np.median([r['views_per_s'] for r in results]):.0f}")
    console.print(table)
    console.print(f"own coordinate in upstream's order: {own_coordinates():.0%} of the patches")
    if given.json:
        path = Path(given.json)
        path.parent.mkdir(parents=True, exist_ok=True)
        report = {"arguments": vars(given), "own": own_coordinates(), "results": found}
        path.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
