"""Prepared views on disk: what a network sees, dense targets, and exercises as text.

A shard is `NAME.safetensors` (arrays) and `NAME.json` (texts); the second is written last, so a
shard that has it is whole.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file, save_file

from n3d.errors import InputError
from n3d.train.exercises import Exercise
from n3d.train.targets import Targets

VERSION = 1


@dataclass(frozen=True, eq=False)
class Sample:
    """A view as a network sees it, and what is practised on it.

    `patches` (n, k) uint8 are pixel values before normalisation, `points` (n, c) float32,
    `grid` rows and columns of patches; `opening` is the text before all requests.
    """

    patches: np.ndarray
    points: np.ndarray
    grid: tuple[int, int]
    targets: Targets
    opening: str
    exercises: tuple[Exercise, ...]


def names(folder: Path) -> list[str]:
    """The whole shards of a folder, in order."""
    return sorted(p.stem for p in folder.glob("*.json") if not p.name.startswith("."))


def write(folder: Path, name: str, samples: Sequence[Sample]) -> None:
    """Write one shard; it appears whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    arrays = {
        "patches": np.concatenate([s.patches for s in samples]),
        "points": np.concatenate([s.points for s in samples]),
        "grid": np.array([s.grid for s in samples], np.int32),
        "own": np.concatenate([s.targets.own for s in samples]),
        "main": np.concatenate([s.targets.main for s in samples]),
        "numbers": np.concatenate([s.targets.numbers for s in samples]),
        "kinds": np.concatenate([s.targets.kinds for s in samples]),
        "counts": np.array([len(s.targets.numbers) for s in samples], np.int32),
    }
    texts = {
        "version": VERSION,
        "samples": [
            {
                "opening": s.opening,
                "exercises": [[e.kind, e.request, e.reply, e.objects] for e in s.exercises],
            }
            for s in samples
        ],
    }
    _replace(folder / f"{name}.safetensors", lambda p: save_file(arrays, p))
    _replace(folder / f"{name}.json", lambda p: p.write_text(json.dumps(texts)))


def _replace(path: Path, write_to) -> None:
    part = path.with_name(f".{path.name}.{os.getpid()}")
    write_to(part)
    part.replace(path)


def read(folder: Path, name: str) -> list[Sample]:
    """The samples of a shard; InputError for one of another version."""
    texts = json.loads((folder / f"{name}.json").read_text())
    if texts.get("version") != VERSION:
        raise InputError(
            f"has version {texts.get('version')}",
            code="shard-version",
            file=folder / f"{name}.json",
            limit=str(VERSION),
            hint="Make the data again",
        )
    arrays: dict[str, Any] = load_file(folder / f"{name}.safetensors")
    grids = [(int(r), int(c)) for r, c in arrays["grid"]]
    patch = np.cumsum([0, *(r * c for r, c in grids)])
    # Targets are of tokens, each of which may be several patches.
    token = patch * len(arrays["own"]) // max(len(arrays["patches"]), 1)
    box = np.cumsum([0, *arrays["counts"]])
    out = []
    for i, (text, found) in enumerate(zip(texts["samples"], grids, strict=True)):
        p, b = slice(patch[i], patch[i + 1]), slice(box[i], box[i + 1])
        t = slice(token[i], token[i + 1])
        targets = Targets(arrays["own"][t], arrays["main"][t], arrays["numbers"][b],
                          arrays["kinds"][b])  # fmt: skip
        done = tuple(
            Exercise(kind, request, tuple((t, bool(c)) for t, c in reply), tuple(objects))
            for kind, request, reply, objects in text["exercises"]
        )
        out.append(
            Sample(arrays["patches"][p], arrays["points"][p], found, targets, text["opening"], done)
        )
    return out
