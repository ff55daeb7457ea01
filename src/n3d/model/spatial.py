"""A network with its processor: what `load` returns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, overload

import torch
from torch import Tensor
from transformers import BatchFeature

from n3d.errors import ConfigError, InputError
from n3d.language import dialogues, labels, upstream
from n3d.language.dialogues import Setting
from n3d.model import calibration, chat, inputs, released
from n3d.model.calibration import Calibration
from n3d.model.inputs import Seen
from n3d.model.processing import N3DProcessor
from n3d.model.tongues import Tongue
from n3d.scene import RGBD, Object3D, Prediction


@dataclass(frozen=True, eq=False)
class SpatialModel:
    """A network that reads views with 3D points, and the processor that makes its tensors.

    `detect` and `ground` make it a `Grounder`; `answer` grounds and reasons in one conversation.
    Where a view is taken, a `Look` (see `look`) may be given: it is a view that was read before.
    """

    network: Any
    processor: N3DProcessor
    calibration: Calibration = field(default_factory=Calibration)

    @cached_property
    def tongue(self) -> Tongue:
        """The tokenizer as the decoder needs it."""
        return Tongue(self.processor.tokenizer, self.network.config.text_config.vocab_size)

    @property
    def layout(self) -> str:
        """How points enter: "rays", "aligned", "upstream" or "none"."""
        return self.network.config.point_encoding

    def see(self, view: RGBD) -> Seen:
        """A view as the network sees it; to be kept where several prompts share it."""
        return inputs.see(view, self.processor, self.network.config, self.network.dtype)

    def batch(self, prompts: Sequence[str], seen: Sequence[Sequence[Seen]]) -> BatchFeature:
        """The tensors of prompts (see `chat.write`) and their pictures, on the network's device."""
        made = inputs.batch(prompts, seen, self.processor, self.network.config)
        return made.to(self.network.device)

    def save(self, folder: Any) -> None:
        """Write a directory that `load` and the Auto* classes read."""
        self.network.save_pretrained(Path(folder))
        self.processor.save_pretrained(Path(folder))
        if self.calibration != Calibration():
            self.calibration.write(Path(folder))
        else:  # that of a model which was saved here before
            (Path(folder) / calibration.NAME).unlink(missing_ok=True)

    def look(self, view: RGBD):
        """The view, read once for all that will be asked about it."""
        from n3d.model import requests

        return requests.look(self, [view])[0]

    def detect(self, view, **options) -> list[Object3D]:
        """All objects of a view. `options` are those of `options.Options`."""
        return self._locate(view, dialogues.DETECT, upstream.detect_prompt(), options)

    def ground(
        self,
        view,
        names: str | Sequence[str] | None = None,
        *,
        box: Sequence[float] | None = None,
        point: Sequence[float] | None = None,
        **options,
    ) -> list[Object3D]:
        """The objects that phrases name, or the one in a rectangle or at a point, in pixels.

        Nothing that matches gives an empty list. Raises ConfigError unless exactly one of
        `names`, `box` (x0, y0, x1, y1) and `point` (x, y) is given, and as `dialogues.locate`.
        """
        if sum(x is not None for x in (names, box, point)) != 1:
            raise ConfigError(
                "exactly one of names, box and point must be given", code="ground-request"
            )
        prompt = ""
        if names is not None:
            named = [names] if isinstance(names, str) else list(names)
            text = dialogues.locate(named)
            prompt = upstream.ground_prompt(named[0]) if len(named) == 1 else ""
        else:
            rgbd = view if isinstance(view, RGBD) else view.view
            place: Any = box if box is not None else point
            text = dialogues.locate_at(Setting.of(rgbd, own=self.tongue.own), place)
        return self._locate(view, text, prompt, options)

    def _locate(
        self, view, text: str, upstream_prompt: str, options: dict[str, Any]
    ) -> list[Object3D]:
        from n3d.model import requests, two_passes
        from n3d.model.options import options_of

        made = options_of(options)
        if not self._upstream(made):
            return list(requests.run(self, [requests.Request(view, text)], made)[0].objects)
        if not upstream_prompt:
            raise ConfigError(
                "released weights know one name at a time, and no places",
                code="ground-request",
                hint="Ask for one name",
            )
        return two_passes.locate(self, view, upstream_prompt, made.sampling)

    def _upstream(self, options) -> bool:
        """Whether the protocol of the released weights is spoken."""
        return (options.protocol or self.layout) == "upstream"

    @overload
    def answer(self, view, question: str, **options) -> Prediction: ...
    @overload
    def answer(self, view, question: Sequence[str], **options) -> list[Prediction]: ...
    def answer(self, view, question, *, objects: Sequence[Object3D] | None = None, **options):
        """The boxes, trace and answer of a question, or of each of several about one view.

        `objects` that are known take the place of boxes that the network would write. What
        cannot be answered is told by the prediction's `fault`. `options` are those of
        `options.Options`. Raises QuestionError for a text that is no question.
        """
        from n3d.model import requests, two_passes
        from n3d.model.options import options_of

        made = options_of(options)
        many = [question] if isinstance(question, str) else list(question)
        if self._upstream(made):
            found = two_passes.answer(self, view, many, made.sampling)
        else:
            asked = [requests.Request(view, dialogues.ask(q), q, objects) for q in many]
            found = requests.run(self, asked, made)
        return found[0] if isinstance(question, str) else found

    def upstream_inputs(self, image_file: Any, points_file: Any, user_text: str) -> BatchFeature:
        """The tensors of a prompt of the released weights (`user_text` without vision tokens)."""
        if self.layout != "upstream":
            raise InputError(
                f"is {self.layout!r}",
                code="layout",
                field="layout",
                limit="upstream",
                hint='Load released N3D-VLM weights, or with layout="upstream"',
            )
        image, points = released.read(image_file, points_file)
        text = labels.neutralize(user_text.removeprefix(chat.IMAGE))
        prompt = chat.write([("system", upstream.SYSTEM), ("user", chat.IMAGE + text)])
        seen = inputs.see_released(image, points, self.processor, self.network.dtype)
        return self.batch([prompt], [[seen]])

    @torch.no_grad()
    def upstream_first_pass_logits(
        self, image_file: Any, points_file: Any, user_text: str
    ) -> Tensor:
        """Logits (1, length, vocabulary) float32 of a whole prompt of the released weights.

        `points_file` is an npz with `pcd` as upstream writes it; `user_text` is what follows
        the picture in the user's turn. Raises InputError for weights of another layout.
        """
        made = self.upstream_inputs(image_file, points_file, user_text)
        return self.network(**made).logits.float().cpu()
