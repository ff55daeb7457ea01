"""A headless Chromium for tests: DevTools messages over two pipes, nothing to install.

The protocol is JSON, each message ended by a zero byte: Chromium reads descriptor 3 and writes 4
(--remote-debugging-pipe). https://chromedevtools.github.io/devtools-protocol/
"""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

SECONDS = 90.0
FLAGS = (
    "--headless", "--no-sandbox", "--disable-quic", "--no-first-run", "--disable-extensions",
    "--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage",
    "--disable-features=IsolateSandboxedIframes", "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader", "--hide-scrollbars", "--remote-debugging-pipe",
)  # fmt: skip


def program() -> str | None:
    """The Chromium of this machine."""
    return shutil.which("chromium") or shutil.which("chromium-browser")


class Chromium:
    """One page of a browser of its own; closing it ends the process."""

    def __init__(self, folder: Path, size: tuple[int, int] = (1280, 900)) -> None:
        found = program()
        assert found is not None
        theirs, self._write = os.pipe()
        self._read, them = os.pipe()
        command = [found, *FLAGS, f"--user-data-dir={folder}", f"--window-size={size[0]},{size[1]}"]
        # The shell puts the pipes where Chromium looks for them.
        script = f'exec "$0" "$@" 3<&{theirs} 4>&{them}'
        self._process = subprocess.Popen(
            ["bash", "-c", script, *command, "about:blank"], pass_fds=(theirs, them),
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        os.close(theirs)
        os.close(them)
        self._held, self._number, self._session = b"", 0, None
        self.errors: list[str] = []
        self._contexts: dict[str, int] = {}  # of the scripts of each frame
        target = self._call("Target.getTargets")["targetInfos"]
        page = next(t["targetId"] for t in target if t["type"] == "page")
        attached = self._call("Target.attachToTarget", targetId=page, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "DOM"):
            self._call(f"{domain}.enable")

    def __enter__(self) -> Chromium:
        return self

    def __exit__(self, *_: Any) -> None:
        os.close(self._write)
        os.close(self._read)
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(10)

    def _call(self, method: str, **params: Any) -> dict[str, Any]:
        self._number += 1
        sent: dict[str, Any] = {"id": self._number, "method": method, "params": params}
        if self._session:
            sent["sessionId"] = self._session
        data = json.dumps(sent).encode() + b"\0"
        while data:
            data = data[os.write(self._write, data) :]
        until = time.monotonic() + SECONDS
        while True:
            message = self._message(until)
            if message.get("id") == self._number:
                if "error" in message:
                    raise RuntimeError(f"{method}: {message['error']['message']}")
                return message["result"]
            self._hear(message.get("method"), message.get("params", {}))

    def _hear(self, method: str | None, params: dict[str, Any]) -> None:
        if method == "Runtime.exceptionThrown":
            told = params["exceptionDetails"]
            self.errors.append(told.get("exception", {}).get("description", told["text"]))
        elif method == "Runtime.executionContextCreated":
            about = params["context"]["auxData"]
            if about.get("isDefault"):
                self._contexts[about["frameId"]] = params["context"]["id"]

    def _message(self, until: float) -> dict[str, Any]:
        while b"\0" not in self._held:
            ready, _, _ = select.select([self._read], [], [], max(until - time.monotonic(), 0))
            more = os.read(self._read, 1 << 20) if ready else b""
            if not more:
                raise TimeoutError("Chromium does not answer")
            self._held += more
        message, _, self._held = self._held.partition(b"\0")
        return json.loads(message)

    def open(self, url: str) -> None:
        """Go to a page; it may still be loading."""
        self._call("Page.navigate", url=url)
        self.wait(f"location.href.split('#')[0] === {json.dumps(url.partition('#')[0])}")

    def run(self, script: str, frame: str | None = None) -> Any:
        """The value of an expression, after its promise if it is one; in the frame that a
        selector finds, if one is named."""
        where = {} if frame is None else {"contextId": self._context(frame)}
        found = self._call(
            "Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True,
            userGesture=True, **where,
        )  # fmt: skip
        if "exceptionDetails" in found:
            told = found["exceptionDetails"]
            raise RuntimeError(told.get("exception", {}).get("description", told["text"]))
        return found["result"].get("value")

    def wait(self, script: str, frame: str | None = None, seconds: float = SECONDS) -> Any:
        """The value of an expression as soon as it is true; AssertionError where it stays false."""
        until = time.monotonic() + seconds
        # An element has no value of its own, and counts as true.
        tried = (
            f"(() => {{ try {{ const v = {script}; return v instanceof Node || v; }} "
            "catch { return null; } })()"
        )
        while True:
            try:
                found = self.run(tried, frame)
            except RuntimeError:  # the page is being replaced
                found = None
            if found:
                return found
            if time.monotonic() > until:
                text = self.run("document.body.innerText")[:2000]
                raise AssertionError(f"never true: {script}\n{self.errors}\n{text}")
            time.sleep(0.05)

    def _context(self, frame: str) -> int:
        node = self._call("DOM.describeNode", nodeId=self._node(frame))["node"]
        if node.get("frameId") not in self._contexts:
            raise RuntimeError(f"{frame} runs no scripts yet")
        return self._contexts[node["frameId"]]

    def _node(self, selector: str) -> int:
        root = self._call("DOM.getDocument")["root"]["nodeId"]
        return self._call("DOM.querySelector", nodeId=root, selector=selector)["nodeId"]

    def click(self, selector: str) -> None:
        self.wait(f"document.querySelector({json.dumps(selector)})")
        self.run(f"document.querySelector({json.dumps(selector)}).click()")

    def type(self, selector: str, text: str, event: str = "input") -> None:
        """Put text into a field, as a person would leave it."""
        self.run(
            f"(() => {{ const n = document.querySelector({json.dumps(selector)}); n.value = "
            f"{json.dumps(text)}; n.dispatchEvent(new Event({json.dumps(event)}, "
            "{ bubbles: true })); })()"
        )

    def upload(self, selector: str, path: Path) -> None:
        """Choose a file in a field of files."""
        self._call("DOM.setFileInputFiles", nodeId=self._node(selector), files=[str(path)])

    def press(self, key: str) -> None:
        """A key of the keyboard, at what has the focus: a letter, Enter, Tab, Escape."""
        codes = {"Enter": (13, "\r"), "Tab": (9, ""), "Escape": (27, "")}
        code, text = codes.get(key, (ord(key[0].upper()), key))
        told = {"key": key, "windowsVirtualKeyCode": code}
        self._call("Input.dispatchKeyEvent", type="keyDown", text=text, **told)
        self._call("Input.dispatchKeyEvent", type="keyUp", **told)

    def window(self, width: int, height: int, *, dark: bool = False) -> None:
        """The size of the page, and the reader's setting of colours."""
        self._call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1,
            mobile=width < 500,
        )  # fmt: skip
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self._call("Emulation.setEmulatedMedia", features=[scheme])

    def screenshot(self, path: Path | None = None, *, whole: bool = False) -> bytes:
        """A PNG of the window, or of the whole page."""
        found = self._call("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        data = base64.b64decode(found["data"])
        if path is not None:
            path.write_bytes(data)
        return data
