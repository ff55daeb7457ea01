"""What a run is: one JSON file, read into frozen dataclasses."""

from __future__ import annotations

import json
import types
from dataclasses import asdict, dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from n3d.errors import ConfigError, InputError
from n3d.train.making import Part
from n3d.train.mini import Eyes, Size
from n3d.train.numbers import Smoothing
from n3d.train.objectives import Weights
from n3d.train.vocabulary import Vocabulary

T = TypeVar("T")


@dataclass(frozen=True)
class Backbone:
    """Where the network comes from.

    Without `path` it is new and small, as `eyes`, `size` and `vocabulary` say. A `path` is a
    directory or hub name; with `lora_rank` > 0 only adapters on `lora_targets`, the point layers
    and the tokens of our own are trained. A `sharded` network is shared by the processes of a
    launch (FSDP) instead of copied to each.
    """

    path: str = ""
    eyes: Eyes = field(default_factory=Eyes)
    size: Size = field(default_factory=Size)
    vocabulary: Vocabulary = field(default_factory=Vocabulary)
    lora_rank: int = 0
    lora_alpha: int = 32
    lora_targets: tuple[str, ...] = (
        "q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj",
    )  # fmt: skip
    precision: str = "float32"
    checkpointing: bool = False
    sharded: bool = False

    def __post_init__(self) -> None:
        if self.precision not in ("float32", "bfloat16"):
            raise ConfigError(
                f"is {self.precision!r}", code="config-value", field="precision",
                limit="float32, bfloat16",
            )  # fmt: skip


@dataclass(frozen=True)
class Stage:
    """A stretch of training.

    `parts` name the data; `text` is False for the vision tower alone. A step takes
    `accumulate` batches of `views` views, each with exercises up to `room` tokens, of kinds drawn
    in proportion to `kinds` (1 where a kind is not named; "question" stands for all of reason);
    beside each batch the vision tower alone sees `more` further views, which costs it little.
    The rate rises over `warmup` steps, stays, and falls linearly over the last `decay` steps;
    `vision_rate` scales it for the vision tower and the point layers. Processes exchange the
    gradients of every step; with `apart` > 1 each goes on alone, and they average their weights
    every so many steps (local SGD), which costs less where they talk slowly. A share `mirror` of
    the views is seen in a mirror.
    """

    name: str
    steps: int
    parts: tuple[str, ...]
    text: bool = True
    views: int = 32
    room: int = 160
    accumulate: int = 1
    more: int = 0
    apart: int = 1
    mirror: float = 0.0
    rate: float = 1e-3
    vision_rate: float = 1.0
    warmup: int = 100
    decay: int = 0
    weight_decay: float = 0.05
    clip: float = 1.0
    kinds: dict[str, float] = field(default_factory=dict)
    weights: Weights = field(default_factory=Weights)
    smoothing: Smoothing = field(default_factory=Smoothing)


@dataclass(frozen=True)
class Validation:
    """Every `every` steps `views` held-out views are judged, `decoded` of them by decoding."""

    every: int = 500
    views: int = 256
    decoded: int = 24
    part: str = "validation"


@dataclass(frozen=True)
class Recipe:
    """A whole run: data, network, stages. `keep` steps apart the state is saved."""

    name: str
    data: tuple[Part, ...]
    stages: tuple[Stage, ...]
    seed: int = 0
    backbone: Backbone = field(default_factory=Backbone)
    validation: Validation = field(default_factory=Validation)
    keep: int = 200
    about: str = ""

    def __post_init__(self) -> None:
        known = {p.name for p in self.data}
        for stage in self.stages:
            for name in stage.parts:
                if name not in known:
                    raise ConfigError(
                        f"unknown part {name!r}", code="config-value", field=f"stages.{stage.name}",
                        limit=", ".join(sorted(known)),
                    )  # fmt: skip

    def part(self, name: str) -> Part:
        """A part of the data by name."""
        return next(p for p in self.data if p.name == name)


def read(path: Path | str) -> Recipe:
    """The recipe of a JSON file; InputError for a broken file, ConfigError for a wrong field."""
    try:
        raw = json.loads(Path(path).read_text())
    except FileNotFoundError:
        raise InputError("does not exist", code="file-missing", file=path) from None
    except ValueError as e:
        raise InputError(f"is not JSON: {e}", code="json", file=path) from None
    try:
        return build(Recipe, raw)
    except ConfigError as e:
        raise e.at(file=path) from None


def write(recipe: Recipe) -> str:
    """The recipe as JSON with every field."""
    return json.dumps(asdict(recipe), indent=2) + "\n"


def build(kind: type[T], raw: Any, where: str = "") -> T:
    """A dataclass from JSON; ConfigError naming the field for what does not fit."""
    if not isinstance(raw, dict):
        raise ConfigError("must be an object", code="config-type", field=where or kind.__name__)
    hints = get_type_hints(kind)
    names = {f.name for f in fields(kind)}  # pyright: ignore
    for name in raw:
        if name not in names:
            raise ConfigError(
                "is not known", code="config-field", field=f"{where}{name}",
                limit=", ".join(sorted(names)),
            )  # fmt: skip
    found = {n: _value(hints[n], v, f"{where}{n}") for n, v in raw.items()}
    try:
        return kind(**found)
    except TypeError as e:
        raise ConfigError(str(e), code="config-field", field=where or kind.__name__) from None


def _value(hint: Any, value: Any, where: str) -> Any:
    if is_dataclass(hint):
        return build(hint, value, f"{where}.")  # pyright: ignore
    origin, args = get_origin(hint), get_args(hint)
    if origin is tuple and isinstance(value, (list, tuple)):
        if len(args) == 2 and args[1] is Ellipsis:
            return tuple(_value(args[0], v, f"{where}[{i}]") for i, v in enumerate(value))
        if len(args) == len(value):
            return tuple(_value(a, v, where) for a, v in zip(args, value))
    elif origin is dict and isinstance(value, dict):
        return {str(k): _value(args[1], v, f"{where}.{k}") for k, v in value.items()}
    elif origin in (Union, types.UnionType):
        nouns = [a for a in args if is_dataclass(a)]
        return value if value is None or not nouns else _value(nouns[0], value, where)
    elif hint is float and isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value)
    elif isinstance(hint, type) and type(value) is hint:
        return value
    raise ConfigError(f"is {value!r}", code="config-type", field=where, limit=str(hint))
