"""Let a model find all objects of a picture, then what words name; draw both.

python examples/02_detect_and_draw.py out
"""

import sys
from pathlib import Path

import n3d
from n3d import synthetic, view

out = Path(sys.argv[1] if len(sys.argv) > 1 else "out")
out.mkdir(parents=True, exist_ok=True)

# n3d-mini comes with the package; it knows rooms like this one, and nothing of photographs.
model = n3d.load("n3d-mini")
room = synthetic.make(7, synthetic.SceneConfig(width=320, height=240)).rgbd

objects = model.detect(room)
for o in objects:
    place, size = o.box.center.round(2), o.box.size.round(2)
    print(f"{o.label:12} {o.score:.2f}  at {place} m, {size} m")

stools = model.ground(room, "stool")
print(len(stools), "where 'stool' was asked for")

n3d.draw(objects, view=room, scores=True).save(out / "objects.png")
view.html(objects, out / "objects.html", view=room)  # a page to turn, with nothing to load
