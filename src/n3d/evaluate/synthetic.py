"""The benchmark "synthetic": rendered scenes that no training has seen, and what is asked of them.

Everything follows from the split, the index of the scene and the configuration.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from n3d import synthetic
from n3d.errors import ConfigError
from n3d.evaluate import requests
from n3d.evaluate.items import Sitting
from n3d.synthetic import SceneConfig

SPLITS = ("test", "test-shifted", "validation")


def scene_config() -> SceneConfig:
    """Views of 320 by 240 pixels."""
    return SceneConfig(width=320, height=240)


@dataclass(frozen=True)
class Benchmark:
    """An iterable of sittings: `scenes` of a split, from the index `first` on.

    Each scene has one request to detect all, up to four to locate (by class, by expression,
    several at once, something absent), up to `questions` questions and one about something
    absent.
    """

    split: str = "test"
    scenes: int = 500
    first: int = 0
    questions: int = 4
    config: SceneConfig = field(default_factory=scene_config)

    def __post_init__(self) -> None:
        if self.split not in SPLITS:
            raise ConfigError(
                f"unknown split {self.split[:40]!r}",
                code="split",
                field="split",
                limit=", ".join(SPLITS),
            )
        for name, least in (("scenes", 1), ("first", 0), ("questions", 0)):
            if getattr(self, name) < least:
                raise ConfigError(
                    f"is {getattr(self, name)}",
                    code="config-range",
                    field=name,
                    limit=f"at least {least}",
                )

    def __iter__(self) -> Iterator[Sitting]:
        for index in range(self.first, self.first + self.scenes):
            rendered = synthetic.make(synthetic.split_seed(self.split, index), self.config)
            yield requests.sitting(rendered, f"{self.split}/{index}", self.questions)

    def __len__(self) -> int:
        return self.scenes

    def to_json(self) -> dict[str, Any]:
        """What the truth of its items depends on, and how many scenes there are."""
        return {
            "benchmark": "synthetic",
            "split": self.split,
            "scenes": self.scenes,
            "first": self.first,
            "questions": self.questions,
            "width": self.config.width,
            "height": self.config.height,
        }
