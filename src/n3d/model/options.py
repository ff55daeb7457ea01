"""How replies are written and read, as a value that says what it refuses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from n3d.errors import ConfigError
from n3d.language import grammars
from n3d.model import decoding
from n3d.model.decoding import Sampling


@dataclass(frozen=True)
class Options:
    """How replies are written and read.

    `computed` results of a trace are computed and forced, else the network writes them and the
    check says where it erred. `refine` is "depth" (`lift.refine`), "none", or "auto": what the
    model's calibration says, where results are computed. Intervals hold `level` of the samples
    drawn with `seed`. At most `most` boxes are written; of those that were asked for as boxes,
    the ones with a lower score than `min_score` are left out, by default what the model's
    calibration says (0 leaves out none). Where all objects are asked for, another one is told
    while it is there with a chance of at least `eager`; what was named is refused where it is
    there with a chance below `seek`. A calibrated model refuses a question where what it is about
    is there with a chance below `seek_asked`, or has a box of a score below `unsure`. `averaged`
    numbers are means of what the network believes (`averaging`), unless tokens are drawn at a
    temperature; else the likeliest token is written. Several phrases are asked for `apart`, each by
    itself and all together, so that none is forgotten; else in one reply.
    `protocol` is "n3d", "upstream" (two conversations, for released weights), or None for that of
    the weights.
    """

    computed: bool = True
    refine: str = "auto"
    level: float = 0.9
    seed: int = 0
    most: int = grammars.MAX_BOXES
    min_score: float | None = None
    eager: float = 0.08
    seek: float = 0.25
    seek_asked: float = 0.9
    unsure: float = 0.45
    averaged: bool = True
    apart: bool = True
    sampling: Sampling = field(default_factory=Sampling)
    protocol: str | None = None

    def __post_init__(self) -> None:
        def refuse(name: str, limit: str) -> ConfigError:
            found = getattr(self, name)
            return ConfigError(f"is {found!r}", code="config-value", field=name, limit=limit)

        decoding.check_number(self, "level", 1e-3, 1 - 1e-3)
        decoding.check_number(self, "seed", 0, 1 << 62)
        decoding.check_number(self, "most", 1, grammars.MAX_BOXES)
        for name in ("eager", "seek", "seek_asked", "unsure"):
            decoding.check_number(self, name, 0.0, 1.0)
        if self.min_score is not None:
            decoding.check_number(self, "min_score", 0.0, 1.0)
        for name in ("computed", "averaged", "apart"):
            if not isinstance(getattr(self, name), bool):
                raise refuse(name, "true or false")
        if not isinstance(self.sampling, Sampling):
            raise refuse("sampling", "a Sampling")
        if self.refine not in ("auto", "depth", "none"):
            raise refuse("refine", "auto, depth or none")
        if self.protocol not in (None, "n3d", "upstream"):
            raise refuse("protocol", "n3d or upstream")
        if self.refine == "depth" and not self.computed:
            raise ConfigError(
                "needs computed results: what was written belongs to other boxes",
                code="config-conflict",
                field="refine",
            )


def options_of(given: Mapping[str, Any]) -> Options:
    """The options of some arguments; ConfigError for one that has another name."""
    names = [f.name for f in fields(Options)]
    for name in given:
        if name not in names:
            raise ConfigError(
                "is no option", code="config-unknown", field=name[:40], limit=", ".join(names)
            )
    return Options(**given)
