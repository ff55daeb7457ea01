"""Running stages over shards: resumable, poison-proof, the same for any number of workers."""

from n3d.engine.inputs import Folder, InputShard, Items, Source, Stream
from n3d.engine.inspecting import inspect
from n3d.engine.making import Stage, each
from n3d.engine.running import Report, run

__all__ = [
    "Folder",
    "InputShard",
    "Items",
    "Report",
    "Source",
    "Stage",
    "Stream",
    "each",
    "inspect",
    "run",
]
