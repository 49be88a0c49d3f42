"""``/docs`` as a browser shows it: every operation, and nothing that comes from elsewhere."""

import pytest
from playwright.async_api import Page, expect

from tests.browser.chromium import SECONDS, Album
from tests.support.server import RunningServer

pytestmark = pytest.mark.asyncio(loop_scope="module")
WAIT = SECONDS * 1000


async def test_every_operation_is_shown_and_can_be_called_from_this_server_alone(
    page: Page, album: Album
) -> None:
    with RunningServer() as server:
        paths = server.call("GET", "/openapi.json").json()["paths"]
        asked: list[str] = []
        complaints: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.on(
            "console",
            lambda said: complaints.append(said.text) if said.type == "error" else None,
        )

        await page.goto(f"{server.url}/docs#/token/getJwks")

        shown = page.locator(".opblock-summary-path")
        await expect(shown).to_have_count(sum(map(len, paths.values())), timeout=WAIT)
        told = await shown.evaluate_all("all => all.map(each => each.dataset.path)")
        assert set(told) == paths.keys()
        await album.take(page, "api-viewer")

        keys = page.locator("#operations-token-getJwks")  # opened by the address
        await keys.get_by_role("button", name="Try it out").click()
        await keys.get_by_role("button", name="Execute").click()
        answer = keys.locator(".live-responses-table")
        await expect(answer.locator("td").get_by_text("200", exact=True)).to_be_visible(
            timeout=WAIT
        )
        await expect(answer.get_by_text('"keys"')).to_be_visible(timeout=WAIT)

        assert complaints == []
        addresses = {url for url in asked if not url.startswith("data:")}
        assert all(url.startswith(f"{server.url}/") for url in addresses), addresses
        assert f"{server.url}/.well-known/jwks.json" in addresses
