"""Running stages over shards: resumable, poison-proof, the same for any number of workers."""

from n3d.engine.chaining import Chain, Link, chain
from n3d.engine.forecasting import Forecast, forecast
from n3d.engine.inputs import Folder, InputShard, Items, Source, Stream
from n3d.engine.inspecting import inspect, so_far
from n3d.engine.making import Stage, each
from n3d.engine.running import Report, run

__all__ = [
    "Chain",
    "Folder",
    "Forecast",
    "InputShard",
    "Items",
    "Link",
    "Report",
    "Source",
    "Stage",
    "Stream",
    "chain",
    "each",
    "forecast",
    "inspect",
    "run",
    "so_far",
]
