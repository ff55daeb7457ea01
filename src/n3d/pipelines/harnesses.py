"""Questions as a task of lmms-eval, which asks any model that it knows; marked as n3d marks.

    python -m lmms_eval --include_path FOLDER --tasks n3d_questions --model ...

The folder of a task holds n3d_questions.yaml, utils.py, questions.jsonl and images/. `utils.py`
names the methods of `Task`, which lmms-eval calls for each question.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from n3d.errors import InputError
from n3d.evaluate.replies import marks, protocols, records

NAME = "n3d_questions"
QUESTIONS = "questions.jsonl"
MOST_TOKENS = 1024

YAML = f"""\
task: {NAME}
dataset_path: json
dataset_kwargs:
  data_files:
    test: {{questions}}
test_split: test
output_type: generate_until
doc_to_visual: !function utils.doc_to_visual
doc_to_text: !function utils.doc_to_text
doc_to_target: reference
generation_kwargs:
  max_new_tokens: {MOST_TOKENS}
  temperature: 0
  do_sample: false
process_results: !function utils.process_results
metric_list:
  - metric: accuracy
    aggregation: mean
    higher_is_better: true
  - metric: accuracy_macro
    aggregation: !function utils.accuracy_macro
    higher_is_better: true
  - metric: unreadable
    aggregation: mean
    higher_is_better: false
metadata:
  - version: 1.0
"""
UTILS = '''\
"""What lmms-eval calls for each question of this folder; the marks are those of n3d."""

from pathlib import Path

from n3d.pipelines.harnesses import Task

_task = Task(Path(__file__).parent, "{protocol}")
doc_to_visual = _task.visual
doc_to_text = _task.text
process_results = _task.marked
accuracy_macro = _task.macro
'''


class Task:
    """The functions of a task whose pictures lie in a folder, marked by a `protocol`."""

    def __init__(self, folder: Path, protocol: str = "n3d-bench") -> None:
        self.folder = folder
        self.protocol = protocols.find(protocol)

    def visual(self, doc: Mapping[str, Any]) -> list[Any]:
        """The picture of a question, as PIL has it, in RGB."""
        from PIL import Image

        with Image.open(self.folder / doc["image"]) as image:
            return [image.convert("RGB")]

    def text(self, doc: Mapping[str, Any], _options: Any = None) -> str:
        """The question."""
        return str(doc["question"])

    def marked(self, doc: Mapping[str, Any], results: Sequence[str]) -> dict[str, Any]:
        """The measures of one reply. One that cannot be read is wrong."""
        reply = results[0] if results else ""
        _, item = records.parse({**doc, "response": str(reply)[: records.LONGEST]})
        try:
            mark = marks.mark(item, self.protocol.rules).mark
        except InputError:
            mark = None
        right = float(mark or 0.0)
        return {
            "accuracy": right,
            "accuracy_macro": {"category": self.protocol.group(item.category), "right": right},
            "unreadable": float(mark is None),
        }

    @staticmethod
    def macro(results: Sequence[Mapping[str, Any]]) -> float:
        """The mean over categories of the share that is right."""
        own: dict[str, list[float]] = defaultdict(list)
        for r in results:
            own[r["category"]].append(r["right"])
        return sum(sum(v) / len(v) for v in own.values()) / max(len(own), 1)
