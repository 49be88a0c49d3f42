"""Every page in each state: in any window, in light and dark, for any eyes."""

import pytest
from playwright.async_api import Page

from tests.browser.chromium import Album, Scheme
from tests.browser.look import contrasts, enlarge_letters, scrolls_sideways, small_targets
from tests.browser.site import Site
from tests.support.login_pages import every_state

pytestmark = pytest.mark.asyncio(loop_scope="module")
STATES = every_state()
SCHEMES: tuple[Scheme, ...] = ("light", "dark")
ADDRESS = "/oauth/authorize"


@pytest.mark.parametrize("state", STATES)
async def test_all_that_is_written_can_be_read(page: Page, album: Album, state: str) -> None:
    with Site({f"GET {ADDRESS}": STATES[state]}) as site:
        for scheme in SCHEMES:
            # The page is loaded again: a colour that changes in an open page changes slowly.
            await page.emulate_media(color_scheme=scheme)
            await page.goto(site.url + ADDRESS)
            await album.take(page, f"{state}-{scheme}")
            found = await contrasts(page)
            assert len(found) >= 3
            assert [each for each in found if each.ratio < each.least] == []


@pytest.mark.parametrize("state", STATES)
async def test_a_narrow_window_and_large_letters_show_all(
    page: Page, album: Album, state: str
) -> None:
    """A window of 640 pixels is one of 1280 at 200 %; then the letters alone are twice as large."""
    with Site({f"GET {ADDRESS}": STATES[state]}) as site:
        await page.set_viewport_size({"width": 320, "height": 568})
        await page.goto(site.url + ADDRESS)
        await album.take(page, f"{state}-narrow")
        assert not await scrolls_sideways(page)
        assert await small_targets(page) == []
        await page.set_viewport_size({"width": 640, "height": 384})
        assert not await scrolls_sideways(page)
        await enlarge_letters(page)
        await album.take(page, f"{state}-large")
        assert not await scrolls_sideways(page)
        await page.set_viewport_size({"width": 320, "height": 568})
        assert not await scrolls_sideways(page)


@pytest.mark.parametrize("state", ["login-refused", "consent"])
async def test_colours_that_a_person_forces_are_taken(page: Page, album: Album, state: str) -> None:
    with Site({f"GET {ADDRESS}": STATES[state]}) as site:
        await page.emulate_media(forced_colors="active")
        await page.goto(site.url + ADDRESS)
        await album.take(page, f"{state}-forced")
        for button in await page.get_by_role("button").all():
            colours = await button.evaluate(
                "(each) => [getComputedStyle(each).borderTopColor,"
                " getComputedStyle(each).backgroundColor]"
            )
            assert len(set(colours)) == 2
