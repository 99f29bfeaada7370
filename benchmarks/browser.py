"""A headless Chromium driven over the DevTools protocol on two pipes, and a server for its pages.

with serve(folder) as url, Browser() as browser:
    browser.open(url)
    browser.evaluate("document.title")
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import select
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self

OPTIONS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--remote-debugging-pipe",
)
POLL_S = 0.02


def chromium() -> str | None:
    """The browser's command, None where there is none."""
    return shutil.which("chromium") or shutil.which("chromium-browser")


class BrowserError(Exception):
    """The browser refused a command, an expression raised, or nothing came in time."""


class Browser:
    """One browser with one page, and a profile that is thrown away."""

    def __init__(self, *options: str, timeout_s: float = 30) -> None:
        self._timeout_s = timeout_s
        self._number = 0
        self._buffer = b""
        self.events: list[dict[str, Any]] = []
        self._profile = tempfile.TemporaryDirectory(
            prefix="ccnet-edge-browser-", ignore_cleanup_errors=True
        )
        self._start(options)
        target = self._command("Target.createTarget", url="about:blank")["targetId"]
        attached = self._command("Target.attachToTarget", targetId=target, flatten=True)
        self._session: str | None = attached["sessionId"]
        for domain in ("Page", "Runtime", "DOM", "Log"):
            self.command(f"{domain}.enable")

    def _start(self, options: tuple[str, ...]) -> None:
        found = chromium()
        if found is None:
            raise BrowserError("no chromium is installed: apt install chromium")
        to_read, self._to = os.pipe()
        self._from, to_write = os.pipe()
        # The browser reads commands from its descriptor 3 and answers on 4; bash moves them there.
        words = [found, *OPTIONS, f"--user-data-dir={self._profile.name}", *options]
        self._process = subprocess.Popen(
            ["bash", "-c", f'exec "$0" "$@" 3<&{to_read} 4>&{to_write}', *words],
            pass_fds=(to_read, to_write),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        os.close(to_read)
        os.close(to_write)
        self._session = None

    def command(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Send one command to the page.

        Raises:
            BrowserError: it was refused, or not answered in time.
        """
        return self._command(method, session=self._session, **parameters)

    def _command(
        self, method: str, *, session: str | None = None, **parameters: Any
    ) -> dict[str, Any]:
        self._number += 1
        sent: dict[str, Any] = {"id": self._number, "method": method, "params": parameters}
        if session:
            sent["sessionId"] = session
        left = json.dumps(sent).encode() + b"\0"
        while left:
            left = left[os.write(self._to, left) :]
        end = time.monotonic() + self._timeout_s
        while True:
            message = self._next(end)
            if message.get("id") != self._number:
                self.events.append(message)
            elif "error" in message:
                raise BrowserError(f"{method}: {message['error']['message']}")
            else:
                result: dict[str, Any] = message["result"]
                return result

    def _next(self, end: float) -> dict[str, Any]:
        while b"\0" not in self._buffer:
            ready, _, _ = select.select([self._from], [], [], max(0, end - time.monotonic()))
            found = os.read(self._from, 1 << 20) if ready else b""
            if not found:
                raise BrowserError(
                    "the browser did not answer in time" if not ready else "it ended"
                )
            self._buffer += found
        line, _, self._buffer = self._buffer.partition(b"\0")
        message: dict[str, Any] = json.loads(line)
        return message

    def open(self, url: str) -> None:
        """Go to an address.

        Raises:
            BrowserError: nothing answers there.
        """
        failed = self.command("Page.navigate", url=url).get("errorText")
        if failed:
            raise BrowserError(f"{url}: {failed}")
        self.wait("document.readyState === 'complete'")

    def evaluate(self, expression: str) -> Any:
        """The value of an expression in the page, awaited where it is a promise.

        Raises:
            BrowserError: it raised.
        """
        found = self.command(
            "Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True
        )
        if "exceptionDetails" in found:
            details = found["exceptionDetails"]
            said = details.get("exception", {}).get("description", details["text"])
            raise BrowserError(f"{expression}: {said}")
        return found["result"].get("value")

    def wait(self, expression: str, *, timeout_s: float | None = None) -> None:
        """Until the expression is true.

        Raises:
            BrowserError: it is not in time.
        """
        end = time.monotonic() + (timeout_s or self._timeout_s)
        while time.monotonic() < end:
            # A page that is being left has no answer.
            with contextlib.suppress(BrowserError):
                if self.evaluate(expression):
                    return
            time.sleep(POLL_S)
        raise BrowserError(f"{expression} did not come true")

    def choose_file(self, selector: str, path: Path) -> None:
        """Give an input of the page a file."""
        root = self.command("DOM.getDocument")["root"]["nodeId"]
        node = self.command("DOM.querySelector", nodeId=root, selector=selector)["nodeId"]
        self.command("DOM.setFileInputFiles", nodeId=node, files=[str(path)])

    def resize(self, width: int, height: int, *, scale: float = 1, dark: bool = False) -> None:
        """Show the page on a screen of so many CSS pixels."""
        self.command(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=scale,
            mobile=width < 600,
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.command("Emulation.setEmulatedMedia", features=[scheme])

    def screenshot(self, path: Path, *, whole: bool = False) -> None:
        """Write what is seen, or the whole page, as PNG."""
        found = self.command("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(found["data"]))

    def close(self) -> None:
        """End the browser and forget its profile."""
        with contextlib.suppress(BrowserError, OSError):
            self._command("Browser.close")
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        os.close(self._to)
        os.close(self._from)
        self._profile.cleanup()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class _Quiet(SimpleHTTPRequestHandler):
    """Files of a folder, without a log."""

    extensions_map = {  # noqa: RUF012
        **SimpleHTTPRequestHandler.extensions_map,
        ".mjs": "text/javascript",
        ".wasm": "application/wasm",
    }

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        pass


@contextlib.contextmanager
def serve(folder: Path, *, port: int = 0) -> Iterator[str]:
    """The address at which the files of `folder` are served while the context lasts."""
    handler = partial(_Quiet, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", port), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()
            thread.join()
