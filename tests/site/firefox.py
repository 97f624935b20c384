"""A second browser: Firefox, the machine's own, driven in its own protocol.

Playwright drives no Firefox but a patched one. WebDriver BiDi, which every Firefox
speaks, is JSON over a websocket: https://www.w3.org/TR/webdriver-bidi/.
"""

import itertools
import json
import subprocess
from contextlib import contextmanager

from waiting import LONG, until
from websockets.sync.client import connect

# No first-run page, and no network but this machine.
_SETTINGS = {
    "network.proxy.type": 1,
    "network.proxy.http": "127.0.0.1",
    "network.proxy.http_port": 9,
    "network.proxy.ssl": "127.0.0.1",
    "network.proxy.ssl_port": 9,
    "network.proxy.no_proxies_on": "127.0.0.1",
    "datareporting.policy.dataSubmissionEnabled": False,
    "browser.startup.homepage_override.mstone": "ignore",
    "ui.prefersReducedMotion": 1,
}
_THEMES = {"dark": 0, "light": 1}


class Page:
    """One page in Firefox, and the errors that it reported."""

    def __init__(self, socket):
        """Begin a session on a new page."""
        self._socket, self._ids, self.errors = socket, itertools.count(), []
        self._call("session.new", capabilities={})
        self._call("session.subscribe", events=["log.entryAdded"])
        # In the tab that is there at first, the field for the address has the focus.
        self._page = self._call("browsingContext.create", type="tab")["context"]

    def open(self, address):
        """Go to an address and wait until all of the page is there."""
        where = {"context": self._page, "url": address, "wait": "complete"}
        self._call("browsingContext.navigate", **where)

    def reload(self):
        """Load the page again and wait until all of it is there."""
        self._call("browsingContext.reload", context=self._page, wait="complete")

    def back(self):
        """Go back to the page before, and wait until all of it is there."""
        self._call("browsingContext.traverseHistory", context=self._page, delta=-1)
        self.wait_for("document.readyState === 'complete'")

    def wait_for(self, expression):
        """Wait until an expression is true in the page."""
        until(lambda: self.evaluate(expression))

    def evaluate(self, expression):
        """Return what an expression yields in the page, or what its promise gives."""
        result = self._call(
            "script.evaluate",
            expression=f"Promise.resolve({expression}).then(JSON.stringify)",
            target={"context": self._page},
            awaitPromise=True,
        )
        if result["type"] == "exception":
            raise AssertionError(result["exceptionDetails"]["text"])
        return json.loads(result["result"].get("value", "null"))

    def press(self, key):
        """Press a key and let it go."""
        keys = [{"type": kind, "value": key} for kind in ("keyDown", "keyUp")]
        actions = [{"type": "key", "id": "keyboard", "actions": keys}]
        self._call("input.performActions", context=self._page, actions=actions)

    def resize(self, width, height):
        """Give the page another size."""
        size = {"width": width, "height": height}
        self._call("browsingContext.setViewport", context=self._page, viewport=size)

    def screenshot(self):
        """Return a picture of what is seen of the page, as base64."""
        what = {"context": self._page, "origin": "viewport"}
        return self._call("browsingContext.captureScreenshot", **what)["data"]

    def _call(self, method, **params):
        number = next(self._ids)
        self._socket.send(
            json.dumps({"id": number, "method": method, "params": params})
        )
        while (answer := json.loads(self._socket.recv(LONG))).get("id") != number:
            if answer.get("params", {}).get("level") == "error":
                self._report(answer["params"]["text"])
        if answer["type"] == "error":
            raise AssertionError(f"{method}: {answer['message']}")
        return answer["result"]

    def _report(self, text):
        # It says so of a formula of which only the beginning has arrived. Whether each
        # has all its parts is tested on the page as it is written.
        if "Incorrect number of children" not in text:
            self.errors.append(text)


@contextmanager
def running(program, profile, theme):
    """Give a page of a Firefox whose reader prefers ``theme``, with a new profile."""
    key = "layout.css.prefers-color-scheme.content-override"
    settings = _SETTINGS | {key: _THEMES[theme]}
    lines = [
        f"user_pref({json.dumps(k)}, {json.dumps(v)});" for k, v in settings.items()
    ]
    (profile / "user.js").write_text("\n".join(lines))
    options = ["--headless", "--no-remote", "--remote-debugging-port", "0"]
    process = subprocess.Popen(
        [program, *options, "--profile", profile, "about:blank"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        with connect(_address(profile), max_size=None) as socket:
            yield Page(socket)
    finally:
        process.terminate()
        process.wait(LONG)


def _address(profile):
    """Wait until Firefox has said where it listens; return the address."""
    said = profile / "WebDriverBiDiServer.json"
    where = json.loads(until(lambda: said.exists() and said.read_text()))
    return f"ws://{where['ws_host']}:{where['ws_port']}/session"
