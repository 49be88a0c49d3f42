"""What a browser makes of a page: sizes, colours, order."""

from typing import NamedTuple

from playwright.async_api import Page

_SIDEWAYS = """() => document.scrollingElement.scrollWidth > document.documentElement.clientWidth"""

_CONTRASTS = """() => {
  const parts = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const seen = (colour) => (parts(colour)[3] ?? 1) > 0;
  const luminance = (colour) => {
    const [red, green, blue] = parts(colour).slice(0, 3).map((part) => {
      const share = part / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const ratio = (one, other) => {
    const [low, high] = [luminance(one), luminance(other)].sort((a, b) => a - b);
    return (high + 0.05) / (low + 0.05);
  };
  const ground = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = getComputedStyle(at).backgroundColor;
      if (seen(colour)) return colour;
    }
    return "rgb(255, 255, 255)";
  };
  const found = [];
  for (const element of document.body.querySelectorAll("*")) {
    const style = getComputedStyle(element);
    const written = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    const name = element.tagName.toLowerCase() + "." + element.className;
    if (written || element.tagName === "INPUT")
      found.push([name, ratio(style.color, ground(element)), 4.5]);
    if (element.matches("input:not([type=hidden]), button"))
      found.push([name + " edge", Math.max(
        ratio(style.borderTopColor, ground(element.parentElement)),
        ratio(style.backgroundColor, ground(element.parentElement))), 3]);
  }
  return found;
}"""

_TARGETS = """() => [...document.querySelectorAll("a, button, input:not([type=hidden])")]
  .map((each) => [each.textContent.trim() || each.name, each.getBoundingClientRect()])
  .map(([name, box]) => [name, box.width, box.height])"""

_FOCUSED = """() => {
  const there = document.activeElement;
  return there.tagName === "INPUT" ? there.name : there.textContent.trim();
}"""

_OUTLINE = """() => {
  const style = getComputedStyle(document.activeElement);
  return style.outlineStyle === "none" ? 0 : parseFloat(style.outlineWidth);
}"""


class Contrast(NamedTuple):
    """How far what is written stands out from its ground (WCAG 2.2, 1.4.3 and 1.4.11)."""

    element: str
    ratio: float
    least: float


async def scrolls_sideways(page: Page) -> bool:
    """Whether anything of the page lies outside the window, to its side."""
    return bool(await page.evaluate(_SIDEWAYS))


async def contrasts(page: Page) -> list[Contrast]:
    """The contrasts of all that is written, and of the edges of fields and buttons."""
    return [Contrast(*each) for each in await page.evaluate(_CONTRASTS)]


async def small_targets(page: Page) -> list[str]:
    """Links, fields and buttons that are lower or narrower than 44 CSS pixels."""
    found = await page.evaluate(_TARGETS)
    return [name for name, width, height in found if width < 44 or height < 44]


async def focused(page: Page) -> str:
    """The name of the field, or the words on the button or link, that the keyboard goes to."""
    return str(await page.evaluate(_FOCUSED))


async def outline(page: Page) -> float:
    """How wide the line around what the keyboard goes to is, in CSS pixels."""
    return float(await page.evaluate(_OUTLINE))


async def tab_order(page: Page) -> list[str]:
    """What the keyboard comes to from where it is, that first, until the page ends."""
    order: list[str] = []
    while not await page.evaluate("() => document.activeElement === document.body"):
        there = await focused(page)
        assert there not in order
        order.append(there)
        await page.keyboard.press("Tab")
    return order


async def enlarge_letters(page: Page) -> None:
    """Makes all letters twice as large, by the size that all others follow.

    The page's policy lets nobody put a style in, so that its own rule is changed.
    """
    await page.evaluate("() => { document.styleSheets[0].cssRules[0].style.fontSize = '200%' }")
