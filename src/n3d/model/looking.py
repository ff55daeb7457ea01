"""A view that a network has read once, for all that is asked about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from n3d.language import dialogues
from n3d.language.dialogues import Setting
from n3d.model import chat, prefixes
from n3d.model.prefixes import Prefix
from n3d.model.spatial import SpatialModel
from n3d.scene import RGBD


@dataclass(frozen=True, eq=False)
class Look:
    """A view that a network has read; whatever is asked about it goes on from there."""

    view: RGBD
    setting: Setting
    prefix: Prefix

    @cached_property
    def planes(self) -> Any:
        """The planes of the room, which every refining of boxes in the view needs."""
        from n3d.lift.surroundings import room_planes

        return room_planes(self.view)


def look(model: SpatialModel, views: Sequence[RGBD]) -> list[Look]:
    """Read views, in one batch; each Look has a row of its own."""
    settings = [Setting.of(v, own=model.tongue.own) for v in views]
    prompts = [_opening(s) for s in settings]
    made = model.batch(prompts, [[model.see(v)] for v in views])
    prefix = prefixes.read(model.network, made)
    return [Look(v, s, prefix.select([i])) for i, (v, s) in enumerate(zip(views, settings))]


def _opening(setting: Setting) -> str:
    """The user's turn up to its request."""
    whole = chat.write([("user", dialogues.opening(setting))])
    return whole[: whole.rindex("<|im_end|>")]
