"""Serve n3d-mini and ask it with the client of OpenAI. Needs the extra `serve`, and `openai`.

python examples/06_serve_and_call.py
"""

import base64
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import openai

from n3d import synthetic

made = synthetic.make(7, synthetic.SceneConfig(width=320, height=240))
files = synthetic.write(made, Path(tempfile.mkdtemp()))


def uri(path: Path) -> str:
    return "data:image/png;base64," + base64.b64encode(path.read_bytes()).decode()


server = subprocess.Popen(
    [sys.executable, "-m", "n3d.apps.cli", "serve", "--model", "n3d-mini", "--port", "0"],
    stdout=subprocess.PIPE, text=True,
)  # fmt: skip
try:
    assert server.stdout is not None
    url = server.stdout.readline().split("/ ")[0]  # "http://127.0.0.1:PORT/ loads its model"
    print(url, server.stdout.readline().strip())

    client = openai.OpenAI(base_url=f"{url}/v1", api_key="none")
    parts = [
        {"type": "image_url", "image_url": {"url": uri(files["image"])}},
        {"type": "text", "text": "How far is the stool from the cabinet?"},
    ]
    camera = json.loads(files["camera"].read_text())
    reply = client.chat.completions.create(
        model="n3d-mini", messages=[{"role": "user", "content": parts}],
        extra_body={"depth": uri(files["depth"]), "camera": camera},
    )  # fmt: skip
    print(reply.choices[0].message.content)
    print(json.dumps(reply.n3d["trace"], indent=1))
finally:
    server.terminate()
    server.wait()
