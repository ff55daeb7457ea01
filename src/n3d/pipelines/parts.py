"""A grounder as a model: what it finds is picked by its boxes, and traces are bound to them.

So experts and annotations answer what `n3d.model.SpatialModel` does, and are judged beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from n3d.errors import ConfigError, N3DError, QuestionError
from n3d.language import questions
from n3d.lift import LiftConfig
from n3d.pipelines import answering, predicting
from n3d.pipelines.grounding import RegionGrounder
from n3d.pipelines.photographs import Experts
from n3d.pipelines.predicting import Asked
from n3d.reason import refer
from n3d.scene import RGBD, Grounder, Object3D, Prediction, Region


class Parts:
    """Detects, grounds and answers by a `Grounder` and the rules of `reason`."""

    def __init__(self, grounder: Grounder, config: LiftConfig | None = None) -> None:
        self.grounder = grounder
        self.config = config or LiftConfig()

    def detect(self, view: RGBD) -> list[Object3D]:
        """All that the grounder detects."""
        return list(self.grounder.detect(answering.with_gravity(view, self.config)))

    def ground(self, view: RGBD, names: str | Sequence[str]) -> list[Object3D]:
        """The objects that each phrase may mean, phrase by phrase, each once.

        A phrase that nothing answers to, or whose anchor may be several, gives none. Raises
        QuestionError for a text that is no phrase.
        """
        view = answering.with_gravity(view, self.config)
        found: list[Object3D] = []
        for name in [names] if isinstance(names, str) else names:
            meant = self._meant(view, questions.clean(name))
            found += [o for o in meant if not any(o.box.allclose(f.box) for f in found)]
        return found

    def answer(self, view: RGBD, question: str | Sequence[str], *, computed: bool = True) -> Any:
        """The Prediction of a question, or of each of several; a fault where there is no answer.

        ConfigError without `computed`: nobody else writes results.
        """
        if not computed:
            raise ConfigError("must be true", code="config-value", field="computed")
        view = answering.with_gravity(view, self.config)
        if isinstance(question, str):
            return self._answer(view, question)
        return [self._answer(view, q) for q in question]

    def _answer(self, view: RGBD, question: str) -> Prediction:
        try:
            return answering.answer(view, question, grounder=self.grounder, config=self.config)
        except N3DError as e:
            return Prediction(question, fault=f"{e.code}: {e.message}")

    def _meant(self, view: RGBD, name: str) -> list[Object3D]:
        found = self.grounder.ground(view, [name])
        try:
            return [found[i] for i in refer.every(name, found, view.up)]
        except QuestionError as e:
            if e.code in ("object-absent", "object-ambiguous"):
                return []
            raise


def find(experts: Experts, asked: Asked) -> tuple[RGBD, Prediction]:
    """What experts find of what is asked for as boxes, and the view with the depth they saw.

    A rectangle is lifted as it is, by the segmenter's mask where there is one. Raises ConfigError
    for a point, which experts cannot take, and what `Parts` raises.
    """
    view = answering.with_gravity(experts.see(asked.view))
    if asked.place is None:
        parts = Parts(experts.grounder())
        objects = parts.ground(view, asked.names) if asked.names else parts.detect(view)
    elif len(asked.place) == 4:
        regions = [Region("object", asked.place)]
        if experts.segmenter is not None:
            regions = list(experts.segmenter.masks(view.image, regions))
        objects = RegionGrounder(regions).detect(view)
    else:
        raise ConfigError(
            "is for models", code="config-conflict", field="--point",
            hint="Give --box, or --model",
        )  # fmt: skip
    up = None if view.up is None else answering.vector(view.up)
    found = Prediction("", objects=tuple(objects), provenance=view.provenance, up=up)
    return view, predicting.noted(found, asked)
