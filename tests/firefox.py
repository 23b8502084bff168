"""Firefox without a driver: a test speaks to it by WebDriver BiDi, which it understands itself."""

import itertools
import json
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

NAMES = ("firefox", "firefox-esr")
# As a fresh profile: it asks for nothing and fetches nothing behind a test's back.
QUIET = 'user_pref("app.normandy.enabled", false);\nuser_pref("network.dns.disabled", true);\n'
ARROW_RIGHT = "\ue014"  # WebDriver's name for the key


def find_firefox() -> str | None:
    """The path of an installed Firefox, or None."""
    return next((path for path in map(shutil.which, NAMES) if path), None)


class Firefox:
    """One page of a Firefox that runs."""

    def __init__(self, address: str) -> None:
        import websocket

        self.socket = websocket.create_connection(
            f"{address}/session", timeout=60, suppress_origin=True
        )
        self.numbers = itertools.count()
        self.ask("session.new", capabilities={})
        (self.context, *_) = [c["context"] for c in self.ask("browsingContext.getTree")["contexts"]]

    def ask(self, method: str, **params: Any) -> dict[str, Any]:
        """Send a command and wait for its answer; events in between are passed over."""
        number = next(self.numbers)
        self.socket.send(json.dumps({"id": number, "method": method, "params": params}))
        while (answer := json.loads(self.socket.recv())).get("id") != number:
            pass
        assert answer["type"] == "success", answer
        return answer["result"]

    def open(self, url: str) -> None:
        self.ask("browsingContext.navigate", context=self.context, url=url, wait="complete")

    def evaluate(self, expression: str) -> Any:
        """The value of an expression of JavaScript, by way of JSON."""
        text = self.ask(
            "script.evaluate",
            expression=f"JSON.stringify({expression})",
            target={"context": self.context},
            awaitPromise=False,
        )["result"]
        return json.loads(text["value"]) if text["type"] == "string" else None

    def press(self, key: str) -> None:
        """Press a key, on the element that has the focus."""
        strokes = [{"type": "keyDown", "value": key}, {"type": "keyUp", "value": key}]
        keyboard = {"type": "key", "id": "keyboard", "actions": strokes}
        self.ask("input.performActions", context=self.context, actions=[keyboard])


@contextmanager
def firefox(path: str) -> Iterator[Firefox]:
    """A Firefox without a window, with a profile of its own."""
    with tempfile.TemporaryDirectory(prefix="firefox-", ignore_cleanup_errors=True) as profile:
        with open(f"{profile}/user.js", "w") as settings:
            settings.write(QUIET)
        words = [path, "--headless", "--remote-debugging-port=0", "--profile", profile]
        process = subprocess.Popen(
            words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )
        try:
            found = (re.search(r"BiDi listening on (ws://\S+)", line) for line in process.stderr)
            address = next(match[1] for match in found if match)
            yield Firefox(address)
        finally:
            process.terminate()
            process.wait(timeout=30)
            process.stderr.close()
