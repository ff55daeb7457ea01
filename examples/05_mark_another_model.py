"""Mark the replies of any model to questions, by a published protocol and without a judge.

python examples/05_mark_another_model.py out
"""

import json
import sys
from pathlib import Path

from n3d.pipelines import marking, writing_up

out = Path(sys.argv[1] if len(sys.argv) > 1 else "out")
out.mkdir(parents=True, exist_ok=True)

# One reply a line; `reference` is the true answer, `response` what the model wrote.
replies = [
    ("How wide is the desk?", "1.60 meters", "Roughly five feet, four inches.", "width"),
    ("Is the mug left of the lamp?", "Yes.", "The lamp is to the right of the mug.", "left/right"),
    ("Which is taller, the mug or the lamp?", "The lamp.", "I cannot tell.", "tall/short"),
]
keys = ("question", "reference", "response", "category")
with (out / "replies.jsonl").open("w") as f:
    for i, row in enumerate(replies):
        f.write(json.dumps({"id": i, **dict(zip(keys, row))}) + "\n")

report = marking.reasoning(out / "replies.jsonl", "n3d-bench")
for item in report["items"]:
    print(item["mark"], item["read_as"], "|", item["how"])
print("right:", report["overall"]["all"], "of those answered:", report["overall"]["answered_only"])
writing_up.write(report, out / "report")  # report.html, report.md, report.json
