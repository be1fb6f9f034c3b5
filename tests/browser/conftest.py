"""A headless Chromium, driven through its DevTools pipe: no driver program, no port, no profile left behind."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import select
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from copyproof.verdicts.record import Record

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--remote-debugging-pipe",
)
PATIENCE = 60.0
"""Seconds for one answer; a busy machine starts a browser slowly."""


class DevTools:
    """The browser's end of the pipe: JSON messages ended by a zero byte, commands answered by number, events kept."""

    def __init__(self, program: str, profile: Path) -> None:
        theirs_in, self._out = (high(end) for end in os.pipe())
        self._in, theirs_out = (high(end) for end in os.pipe())

        def place() -> None:  # Chromium reads commands from descriptor 3 and answers on 4
            os.dup2(theirs_in, 3)
            os.dup2(theirs_out, 4)

        self.process = subprocess.Popen(
            [program, *FLAGS, f"--user-data-dir={profile}"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            preexec_fn=place,
            pass_fds=(3, 4),
            start_new_session=True,
        )
        os.close(theirs_in)
        os.close(theirs_out)
        self._rest = b""
        self._number = 0
        self.events: list[dict[str, Any]] = []

    def call(self, method: str, session: str = "", **parameters: Any) -> dict[str, Any]:
        """Give a command and wait for its answer."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        os.write(self._out, json.dumps(message | ({"sessionId": session} if session else {})).encode() + b"\0")
        while True:
            answer = self._read()
            if answer.get("id") == self._number:
                assert "error" not in answer, f"{method}: {answer['error']}"
                result: dict[str, Any] = answer["result"]
                return result
            self.events.append(answer)

    def wait(self, method: str) -> None:
        """Wait for an event."""
        while not any(event.get("method") == method for event in self.events):
            self.events.append(self._read())

    def _read(self) -> dict[str, Any]:
        deadline = time.monotonic() + PATIENCE
        while b"\0" not in self._rest:
            ready, _, _ = select.select([self._in], [], [], max(0.0, deadline - time.monotonic()))
            assert ready, f"the browser gave no answer within {PATIENCE:g} s"
            piece = os.read(self._in, 1 << 20)
            assert piece, f"the browser went away, exit status {self.process.poll()}"
            self._rest += piece
        message, _, self._rest = self._rest.partition(b"\0")
        answer: dict[str, Any] = json.loads(message)
        return answer

    def end(self) -> None:
        """End the browser and all its children."""
        os.close(self._out)
        os.close(self._in)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


def high(descriptor: int) -> int:
    """Move a descriptor out of the way of 3 and 4."""
    moved = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, 10)
    os.close(descriptor)
    return moved


class Tab:
    """One page in one tab, at a width and in a colour scheme."""

    def __init__(self, tools: DevTools, width: int, scheme: str = "light", *, script: bool = True) -> None:
        self.tools = tools
        self.target = tools.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = tools.call("Target.attachToTarget", targetId=self.target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")
        self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=width < 600
        )
        self.media("screen", scheme)
        if not script:
            self.call("Emulation.setScriptExecutionDisabled", value=True)

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Give this tab a command."""
        return self.tools.call(method, self.session, **parameters)

    def media(self, medium: str, scheme: str = "light") -> None:
        """Show the page as on screen or as printed, light or dark."""
        self.call(
            "Emulation.setEmulatedMedia",
            media=medium,
            features=[{"name": "prefers-color-scheme", "value": scheme}],
        )

    def open(self, path: Path, fragment: str = "") -> Tab:
        """Load a file and wait until it has loaded."""
        self.tools.events.clear()
        self.call("Page.navigate", url=path.as_uri() + fragment)
        self.tools.wait("Page.loadEventFired")
        return self

    def run(self, expression: str) -> Any:
        """Return the value of a JavaScript expression, awaited where it is a promise."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def press(self, key: str, code: int, text: str = "") -> None:
        """Press and release a key."""
        for kind in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code, text=text)

    def asked_for(self) -> list[str]:
        """Every address that the page asked for since it was opened."""
        return [e["params"]["request"]["url"] for e in self.tools.events if e["method"] == "Network.requestWillBeSent"]

    def complaints(self) -> list[str]:
        """Everything on the console, uncaught exceptions and refusals by the page's own policy included."""
        told = []
        for event in self.tools.events:
            match event["method"]:
                case "Log.entryAdded":
                    told.append(event["params"]["entry"]["text"])
                case "Runtime.exceptionThrown":
                    told.append(str(event["params"]["exceptionDetails"]))
                case "Runtime.consoleAPICalled" | "Page.javascriptDialogOpening":
                    told.append(str(event["params"]))
        return told

    def close(self) -> None:
        """Close the tab."""
        self.tools.call("Target.closeTarget", targetId=self.target)


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DevTools]:
    if os.environ.get("COPYPROOF_NO_BROWSER") == "1":
        pytest.skip("COPYPROOF_NO_BROWSER=1: the report page was not looked at by a browser")
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        pytest.fail("chromium is not installed (Debian: chromium); COPYPROOF_NO_BROWSER=1 leaves these tests out")
    tools = DevTools(program, tmp_path_factory.mktemp("profile"))
    try:
        yield tools
    finally:
        tools.end()


@pytest.fixture(scope="session")
def sample_page() -> Path:
    from copyproof import data

    return data.folder("reports") / "sample" / "report.html"


@pytest.fixture(scope="session")
def motley_page(motley_record: Record, tmp_path_factory: pytest.TempPathFactory) -> Path:
    from copyproof.reports.html import render

    path = tmp_path_factory.mktemp("page") / "motley.html"
    path.write_text(render(motley_record), encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def hostile_page(hostile_record: Record, tmp_path_factory: pytest.TempPathFactory) -> Path:
    from copyproof.reports.html import render

    path = tmp_path_factory.mktemp("page") / "hostile.html"
    path.write_text(render(hostile_record), encoding="utf-8")
    return path


@pytest.fixture
def tab(browser: DevTools) -> Iterator[Callable[..., Tab]]:
    """Make tabs (see `Tab` for the arguments after the first); they are closed in the end."""
    made: list[Tab] = []

    def make(width: int = 1280, scheme: str = "light", *, script: bool = True) -> Tab:
        made.append(Tab(browser, width, scheme, script=script))
        return made[-1]

    yield make
    for one in made:
        one.close()
