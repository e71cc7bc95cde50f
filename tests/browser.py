"""Pages in headless Chromium: what a reader would see go wrong, at the width of a desk and at that of a telephone."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
WIDTHS = (1280, 400)

# What does not fit, what is too small to read, what lies on top of something else, and which pictures are empty.
FAULTS = """() => {
  const faults = [], width = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth > width + 1) faults.push("the page scrolls sideways");
  const scrolls = element => element.closest(".scroll, pre");
  const named = element => (element.textContent || element.getAttribute("aria-label") || "").trim().slice(0, 40);
  for (const element of document.querySelectorAll("h1, h2, p, dt, dd, figure, svg, .card, .legend span, li, a")) {
    const box = element.getBoundingClientRect();
    if (!scrolls(element) && box.width && (box.right > width + 1 || box.left < -1))
      faults.push(`${element.tagName} leaves the page: ${named(element)}`);
  }
  for (const element of document.querySelectorAll("body *")) {
    const own = [...element.childNodes].some(node => node.nodeType == 3 && node.textContent.trim());
    if (!own || element.closest("svg, style, title")) continue;
    if (element.scrollWidth > element.clientWidth + 1 && getComputedStyle(element).display == "block"
        && !scrolls(element)) faults.push(`text overflows: ${named(element)}`);
    if (parseFloat(getComputedStyle(element).fontSize) < 11) faults.push(`tiny text: ${named(element)}`);
  }
  for (const scroll of document.querySelectorAll(".scroll"))
    if (scroll.scrollWidth > scroll.clientWidth + 1 && getComputedStyle(scroll).overflowX != "auto")
      faults.push("a wide table cannot be scrolled");
  for (const picture of document.querySelectorAll("svg")) {
    const box = picture.getBoundingClientRect();
    if (box.width < 200 || box.height < 100) faults.push(`a picture is ${box.width} × ${box.height}`);
    if (picture.querySelectorAll("path, circle, line, polyline, image, use").length < 3) faults.push("empty picture");
    if (!picture.getAttribute("aria-label")) faults.push("a picture without a label");
    const scale = box.width / picture.viewBox.baseVal.width;  // letters drawn as paths have 11 units or more
    if (picture.querySelector("use, path") && !picture.querySelector("text") && scale < 0.75)
      faults.push(`the letters of a picture are at ${scale.toFixed(2)} of their size`);
    for (const text of picture.querySelectorAll("text")) {
      const size = parseFloat(getComputedStyle(text).fontSize) * scale;
      if (text.getBoundingClientRect().width && size < 8) faults.push(`tiny letters in a picture: ${named(text)}`);
    }
    for (const use of picture.querySelectorAll("use")) {
      const target = use.getAttribute("href") || use.getAttribute("xlink:href");
      if (target && !document.querySelector(target)) faults.push(`a picture lacks its part ${target}`);
    }
  }
  for (const image of document.querySelectorAll("img"))
    if (!image.complete || !image.naturalWidth) faults.push("an image was not loaded");
  return faults;
}"""


def executable() -> str | None:
    """Return where Chromium is: as ENDONET_CHROMIUM says, or on the path."""
    return os.environ.get("ENDONET_CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)


@contextmanager
def chromium() -> Iterator[Any]:
    """Yield a browser, or skip the test with the reason why there is none."""
    playwright = pytest.importorskip("playwright.sync_api", reason="pages are read by playwright: pip install '.[dev]'")
    found = executable()
    if found is None:
        pytest.skip("there is no Chromium: install it, or say in ENDONET_CHROMIUM where it is")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield browser
        browser.close()


def faults(browser: Any, path: Path, shots: Path | None = None) -> list[str]:
    """Return all that is wrong with a page, at both widths, in the light and in the dark."""
    found = []
    for width in WIDTHS:
        for scheme in ("light", "dark"):
            page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
            said: list[str] = []
            page.on("console", lambda message, said=said: said.append(f"console: {message.text}"))
            page.on("pageerror", lambda error, said=said: said.append(f"error: {error}"))
            page.on("requestfailed", lambda request, said=said: said.append(f"not loaded: {request.url[:80]}"))
            page.goto(path.as_uri())
            found += [f"{path.name}, {width} px, {scheme}: {fault}" for fault in (*said, *page.evaluate(FAULTS))]
            if shots is not None:
                page.screenshot(path=shots / f"{path.stem}-{width}-{scheme}.png", full_page=True)
            page.close()
    return found
