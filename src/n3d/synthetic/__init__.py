"""Rendered scenes with exact ground truth: a seed gives a view, its boxes and its masks."""

from n3d.synthetic.output import write
from n3d.synthetic.scenes import SPLITS, Rendered, SceneConfig, make, split_of, split_seed
from n3d.synthetic.sensor import SensorConfig

__all__ = [
    "SPLITS",
    "Rendered",
    "SceneConfig",
    "SensorConfig",
    "make",
    "split_of",
    "split_seed",
    "write",
]
