"""Ask a picture with depth: where things are is known in 2D, and lifted to 3D.

python examples/01_ask_a_picture.py out
"""

import sys
from pathlib import Path

import n3d
from n3d import synthetic

out = Path(sys.argv[1] if len(sys.argv) > 1 else "out")
out.mkdir(parents=True, exist_ok=True)

# A room that is rendered here: a picture, its depth and intrinsics, and what a 2D detector sees.
files = synthetic.write(synthetic.make(7), out)

view = n3d.read_rgbd(files["image"], depth=files["depth"], camera=files["camera"])
regions = n3d.read_regions(files["regions"], view)

found = n3d.answer(view, "How far is the stool from the cabinet?", regions=regions)
print(found.answer.text)
print("from", found.answer.interval[0], "to", found.answer.interval[1], found.answer.unit)
print("the steps, run again, agree:", found.check.agrees)
print("depth is from:", found.provenance.depth)
n3d.draw(found, view=view).save(out / "answer.png")
