#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""tests/browser/screenshots.py FOLDER REPORT.html... -- pictures for people to look at.

Each report whole, at 1280 and 390 px, as FOLDER/NAME-1280.png and FOLDER/NAME-390.png, and printed
as FOLDER/NAME.pdf. With --sections a picture of each section instead.
"""
import argparse
import base64
import os

import browser


def capture(view, clip, path):
    picture = view.driver.execute_cdp_cmd("Page.captureScreenshot", {
        "format": "png", "captureBeyondViewport": True, "clip": clip | {"scale": 1}})
    with open(path, "wb") as file:
        file.write(base64.b64decode(picture["data"]))


def boxes_of(view, selector):
    """[(id, clip)] of the elements, on the page."""
    boxes = view.js("""
        return [...document.querySelectorAll(arguments[0])].map((node) => {
            const box = node.getBoundingClientRect();
            return [node.id, box.left + scrollX, box.top + scrollY, box.width, box.height];
        });""", selector)
    return [(name, {"x": x, "y": y, "width": width, "height": height})
            for name, x, y, width, height in boxes]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("folder")
    parser.add_argument("reports", nargs="+")
    parser.add_argument("--sections", action="store_true", help="one picture a section")
    arguments = parser.parse_args()
    browser.require()
    os.makedirs(arguments.folder, exist_ok=True)
    view = browser.Browser()
    try:
        for report in arguments.reports:
            name = os.path.splitext(os.path.basename(report))[0]
            for width in (1280, 390):
                view.open(os.path.abspath(report), width, scale=2 if width < 600 else 1)
                selector = "main section" if arguments.sections else "main"
                for part, clip in boxes_of(view, selector):
                    part = f"-{part}" if arguments.sections else ""
                    capture(view, clip, f"{arguments.folder}/{name}{part}-{width}.png")
            view.resize(1280)
            pdf = view.driver.execute_cdp_cmd("Page.printToPDF", {"printBackground": True})
            with open(f"{arguments.folder}/{name}.pdf", "wb") as file:
                file.write(base64.b64decode(pdf["data"]))
    finally:
        view.close()


if __name__ == "__main__":
    main()
