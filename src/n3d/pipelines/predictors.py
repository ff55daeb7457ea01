"""What answers the items of a benchmark: models, the ends of the scale, and what lies between."""

from __future__ import annotations

from typing import Any

from n3d.errors import ConfigError, N3DError
from n3d.evaluate import blind
from n3d.evaluate.items import Item, Predictor, Sitting
from n3d.evaluate.oracles import Noise, Oracle
from n3d.pipelines import executing, own_sets, predicting
from n3d.scene import Prediction


def find(
    model: str, *, computed: bool = True, refine: str = "auto", bench: Any = None
) -> Predictor:
    """What answers: "oracle", "blind", "true-boxes", "lifted-boxes", or a model that `n3d.load`
    finds.

    "oracle:0.02" is an oracle with noise: centres off by 2 % of their distance, sizes by three
    times that, yaw by 0.02 radians. `computed` results of a trace are computed, else the network
    writes them. `refine` is that of `model.options.Options`, for models alone.
    """
    name, _, noise = model.partition(":")
    if name == "oracle":
        return Oracle(_noise(noise) if noise else None)
    if model == "blind":
        return bench.blind() if isinstance(bench, own_sets.OwnSet) else blind.learn()
    if model in executing.NAMES:
        return executing.predictor(model)
    from n3d.model import load

    return together(load(model), computed=computed, refine=refine)


def together(model: Any, **options: Any) -> Predictor:
    """A model as a predictor that decodes all items of a view together, several times as fast as
    one by one (`taking.of_model`, which takes anything of a model's shape)."""
    asker = predicting.Asker(model, **options)

    def predict(sitting: Sitting) -> list[Prediction]:
        asked: list[Any] = [_asked(sitting, item) for item in sitting.items]
        told = iter(asker([a for a in asked if not isinstance(a, N3DError)]))
        found = [a if isinstance(a, N3DError) else next(told) for a in asked]
        return [
            Prediction(i.text, fault=f"{p.code}: {p.message}") if isinstance(p, N3DError) else p
            for i, p in zip(sitting.items, found, strict=True)
        ]

    return predict


def _asked(sitting: Sitting, item: Item) -> predicting.Asked | N3DError:
    try:
        if item.request == "ask":
            return predicting.Asked(sitting.view, item.question)
        return predicting.Asked(sitting.view, names=item.phrases)
    except N3DError as e:
        return e


def _noise(text: str) -> Noise:
    try:
        level = float(text)
    except ValueError:
        level = -1.0
    if not 0 <= level <= 1:
        raise ConfigError(
            f"is {text[:40]!r}", code="config-range", field="the oracle's noise", limit="0 to 1"
        )
    return Noise(level, 3 * level, level)
