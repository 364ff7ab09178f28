# SPDX-License-Identifier: GPL-3.0-or-later
"""tests/browser/browser.py -- Chromium without a window, and what it says of a page."""
import json
import os
import shutil
import sys
import tempfile
import time

PROGRAMS = {"chromium": "chromium", "chromedriver": "chromium-driver"}


def missing():
    """The Debian packages that are not there."""
    packages = [package for name, package in PROGRAMS.items() if shutil.which(name) is None]
    try:
        import selenium  # noqa: F401
    except ImportError:
        packages.append("python3-selenium")
    return packages


def require():
    if missing():
        sys.exit(f"the browser tests need {', '.join(missing())}: apt-get install "
                 f"{' '.join(missing())}")


class Browser:
    """One Chromium with a profile of its own, gone when it is closed."""

    def __init__(self):
        from selenium import webdriver
        from selenium.webdriver.chrome.service import Service

        self.folder = tempfile.mkdtemp(prefix="slowmo-browser-")
        options = webdriver.ChromeOptions()
        options.binary_location = shutil.which("chromium")
        for argument in ("--headless=new", "--disable-gpu", "--hide-scrollbars", "--no-first-run",
                         "--disable-dev-shm-usage", "--disable-background-networking",
                         "--disable-component-update", "--disable-sync",
                         "--force-device-scale-factor=1", f"--user-data-dir={self.folder}/profile"):
            options.add_argument(argument)
        if os.geteuid() == 0:
            options.add_argument("--no-sandbox")
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        self.driver = webdriver.Chrome(service=Service(shutil.which("chromedriver")),
                                       options=options)
        self.driver.set_script_timeout(20)

    def close(self):
        self.driver.quit()
        shutil.rmtree(self.folder, ignore_errors=True)

    def resize(self, width, height=900, mobile=False, scale=1):
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {
            "width": width, "height": height, "deviceScaleFactor": scale, "mobile": mobile})
        self.driver.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": mobile})

    def open(self, path, width=1280, scale=1):
        """The page, at that width, and the seconds until it was drawn."""
        self.driver.get("about:blank")
        self.resize(width, 844 if width < 600 else 900, width < 600, scale)
        self.logs()
        start = time.monotonic()
        self.driver.get("file://" + path)
        self.wait("return document.documentElement.dataset.drawn === 'yes'", "the page to be drawn")
        self.settle()
        return time.monotonic() - start

    def js(self, script, *arguments):
        return self.driver.execute_script(script, *arguments)

    def wait(self, script, what, *arguments, seconds=20):
        end = time.monotonic() + seconds
        while not self.js(script, *arguments):
            if time.monotonic() > end:
                raise AssertionError(f"waited {seconds} s for {what}")
            time.sleep(0.02)

    def settle(self):
        """Two frames: what was to be drawn on the next one is there."""
        self.driver.execute_async_script(
            "const done = arguments[0];"
            "requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done, 0)));")

    # ---- mouse, as the hand moves it ----

    def mouse(self, kind, x, y, **more):
        self.driver.execute_cdp_cmd("Input.dispatchMouseEvent",
                                    {"type": kind, "x": x, "y": y} | more)

    def move(self, x, y):
        self.mouse("mouseMoved", x, y)
        self.settle()

    def drag(self, x, y, to_x, to_y):
        held = {"button": "left", "buttons": 1, "clickCount": 1}
        self.mouse("mouseMoved", x, y)
        self.mouse("mousePressed", x, y, **held)
        for part in (0.25, 0.5, 0.75, 1):
            self.mouse("mouseMoved", x + part * (to_x - x), y + part * (to_y - y), button="left",
                       buttons=1)
        self.mouse("mouseReleased", to_x, to_y, button="left", clickCount=1)
        self.settle()

    def double_click(self, x, y):
        self.mouse("mouseMoved", x, y)
        for count in (1, 2):
            for kind in ("mousePressed", "mouseReleased"):
                self.mouse(kind, x, y, button="left", clickCount=count)
        self.settle()

    def tap(self, x, y):
        for kind, points in (("touchStart", [{"x": x, "y": y}]), ("touchEnd", [])):
            self.driver.execute_cdp_cmd("Input.dispatchTouchEvent",
                                        {"type": kind, "touchPoints": points})
        self.settle()

    def key(self, name):
        for kind in ("keyDown", "keyUp"):
            self.driver.execute_cdp_cmd("Input.dispatchKeyEvent",
                                        {"type": kind, "key": name, "code": name})
        self.settle()

    # ---- what it says ----

    def logs(self):
        """(lines of the console, addresses asked for but the page's own) since the last call."""
        console = [f"{entry['level']}: {entry['message']}"
                   for entry in self.driver.get_log("browser")]
        addresses = []
        for entry in self.driver.get_log("performance"):
            event = json.loads(entry["message"])["message"]
            if event["method"] == "Network.requestWillBeSent":
                addresses.append(event["params"]["request"]["url"])
        return console, addresses
