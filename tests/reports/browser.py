"""A browser without a window, driven over a pipe by the DevTools protocol."""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
SECONDS = 60.0
"""How long an answer may take."""
OPTIONS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--no-first-run", "--no-default-browser-check", "--hide-scrollbars", "--mute-audio",
    "--host-resolver-rules=MAP * ~NOTFOUND", "--remote-debugging-pipe",
)  # fmt: skip

BETWEEN = """
import fcntl, os, sys
pipes = [fcntl.fcntl(int(name), fcntl.F_DUPFD, 10) for name in sys.argv[1:3]]
os.dup2(pipes[0], 3)
os.dup2(pipes[1], 4)
os.execv(sys.argv[3], sys.argv[3:])
"""
"""Becomes the browser, which reads from the file descriptor 3 and writes to 4."""


def program() -> str | None:
    """Return the path of a browser that speaks this protocol, or None."""
    return next((found for name in NAMES if (found := shutil.which(name))), None)


class Browser:
    """One process of a browser; it has no network."""

    def __init__(self, path: str) -> None:
        self.profile = tempfile.mkdtemp(prefix="browser-")
        theirs_in, self.requests = os.pipe()
        self.replies, theirs_out = os.pipe()
        self.process = subprocess.Popen(
            [
                sys.executable, "-c", BETWEEN, str(theirs_in), str(theirs_out), path, *OPTIONS,
                f"--user-data-dir={self.profile}", "about:blank",
            ],
            pass_fds=(theirs_in, theirs_out),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )  # fmt: skip
        os.close(theirs_in)
        os.close(theirs_out)
        self.buffer = b""
        self.number = 0
        self.events: list[dict[str, Any]] = []

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self.requests)
        os.close(self.replies)
        shutil.rmtree(self.profile, ignore_errors=True)

    def send(self, method: str, session: str = "", **parameters: Any) -> dict[str, Any]:
        """Return the result of a command; what happens meanwhile is kept in `events`."""
        self.number += 1
        message = {"id": self.number, "method": method, "params": parameters}
        message |= {"sessionId": session} if session else {}
        os.write(self.requests, json.dumps(message).encode() + b"\0")
        until = time.monotonic() + SECONDS
        while True:
            found = self._next(until)
            if found.get("id") == self.number:
                assert "error" not in found, f"{method}: {found['error']}"
                return dict(found["result"])
            self.events.append(found)

    def _next(self, until: float) -> dict[str, Any]:
        while b"\0" not in self.buffer:
            ready, _, _ = select.select([self.replies], [], [], max(0.0, until - time.monotonic()))
            assert ready, "the browser did not answer in time"
            part = os.read(self.replies, 1 << 20)
            assert part, "the browser ended"
            self.buffer += part
        line, self.buffer = self.buffer.split(b"\0", 1)
        return dict(json.loads(line))


class Tab:
    """One page in a browser; on leaving, nothing may have gone wrong in it (`problems`)."""

    def __init__(
        self,
        browser: Browser,
        address: str,
        *,
        width: int = 1280,
        height: int = 900,
        dark: bool = False,
        script: bool = True,
    ) -> None:
        self.browser, self.width = browser, width
        self.address = address
        self.context = browser.send("Target.createBrowserContext")["browserContextId"]
        target = browser.send(
            "Target.createTarget", url="about:blank", browserContextId=self.context
        )["targetId"]
        self.target = target
        self.session = browser.send("Target.attachToTarget", targetId=target, flatten=True)[
            "sessionId"
        ]
        for domain in ("Page", "Runtime", "Log", "Network", "DOM"):
            self.send(f"{domain}.enable")
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.send("Emulation.setEmulatedMedia", features=[scheme])
        self.send("Emulation.setScriptExecutionDisabled", value=not script)
        self.send(
            "Emulation.setDeviceMetricsOverride",
            width=width, height=height, deviceScaleFactor=1, mobile=width < 600,
        )  # fmt: skip
        self.open(address)

    def __enter__(self) -> Tab:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        said = self.problems()
        self.browser.send("Target.disposeBrowserContext", browserContextId=self.context)
        assert kind is not None or said == []

    def send(self, method: str, **parameters: Any) -> dict[str, Any]:
        return self.browser.send(method, self.session, **parameters)

    def open(self, address: str) -> None:
        self.address = address
        self.send("Page.navigate", url="about:blank")
        self.send("Page.navigate", url=address)
        self.wait("document.readyState === 'complete' && location.href !== 'about:blank'")

    def evaluate(self, expression: str) -> Any:
        """Return the value of an expression of JavaScript, also where the page has none."""
        found = self.send(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True,
            userGesture=True,
        )  # fmt: skip
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def wait(self, expression: str) -> None:
        """Wait until an expression is true."""
        until = time.monotonic() + SECONDS
        while not self.evaluate(expression):
            assert time.monotonic() < until, f"never true: {expression}"
            time.sleep(0.05)

    def press(self, key: str, modifiers: int = 0) -> None:
        for kind in ("rawKeyDown", "keyUp"):
            self.send(
                "Input.dispatchKeyEvent", type=kind, key=key, code=key, modifiers=modifiers,
                windowsVirtualKeyCode={"Tab": 9, "Enter": 13}[key],
            )  # fmt: skip

    def screenshot(self, file: Path) -> None:
        """Write the whole page as PNG."""
        found = self.send("Page.captureScreenshot", captureBeyondViewport=True, clip=self._all())
        file.write_bytes(base64.b64decode(found["data"]))

    def _all(self) -> dict[str, float]:
        size = self.send("Page.getLayoutMetrics")["cssContentSize"]
        return {"x": 0, "y": 0, "width": self.width, "height": size["height"], "scale": 1}

    def pdf(self) -> bytes:
        """Return the page as it is printed."""
        found = self.send("Page.printToPDF", preferCSSPageSize=True, printBackground=True)
        return base64.b64decode(found["data"])

    def problems(self) -> list[str]:
        """Return what the console complained of, what was thrown, refused or asked of a network."""
        self.evaluate("0")
        return [
            said
            for event in self.browser.events
            if event.get("sessionId") == self.session
            and (tell := TOLD.get(event["method"]))
            and (said := tell(event["params"]))
        ]


def _said(parameters: dict[str, Any]) -> str:
    if parameters["type"] not in ("error", "warning", "assert"):
        return ""
    return " ".join(str(each.get("value", each.get("description"))) for each in parameters["args"])


def _logged(parameters: dict[str, Any]) -> str:
    entry = parameters["entry"]
    return entry["text"] if entry["level"] in ("error", "warning") else ""


def _asked(parameters: dict[str, Any]) -> str:
    url = parameters["request"]["url"]
    return "" if url.startswith(("file:", "data:", "about:")) else f"asked for {url}"


def _asks(parameters: dict[str, Any]) -> str:
    return f"opened a dialog: {parameters['message']}"


TOLD: dict[str, Callable[[dict[str, Any]], str]] = {
    "Runtime.consoleAPICalled": _said,
    "Runtime.exceptionThrown": lambda parameters: json.dumps(parameters["exceptionDetails"])[:500],
    "Log.entryAdded": _logged,
    "Network.requestWillBeSent": _asked,
    "Page.javascriptDialogOpening": _asks,
}
"""What an event of the protocol says of a problem, by its name; "" where it says of none."""
