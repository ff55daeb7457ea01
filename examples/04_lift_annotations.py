"""Turn 2D annotations with depth into a data set of 3D scenes, and ask questions about them.

python examples/04_lift_annotations.py out
"""

import sys
from pathlib import Path

from n3d.pipelines import asking, demonstrating, lifting
from n3d.scene import shards

out = Path(sys.argv[1] if len(sys.argv) > 1 else "out")

# Three rooms as a COCO file, images and depth: put your own in their place.
for _ in demonstrating.run(out / "demo", seed=0, model="none"):
    pass
rooms = out / "demo/rooms"
lifting.lift(
    "coco", rooms / "annotations.json", rooms / "images", depth=f"sensor:{rooms / 'depth'}",
    out=out / "scenes",
)  # fmt: skip
for scene in shards.read(out / "scenes"):
    print(scene.id, [f"{o.label} {o.score:.2f}" for o in scene.objects])

asking.ask(out / "scenes", out=out / "questions", per_scene=4)
for qa in shards.read(out / "questions"):
    print(f"{qa.question}  {qa.answer.text}")
