"""The page in a real browser, headless Chromium, against a real service.

Screenshots go to the folder in the environment variable GLADSR_SCREENSHOTS.
"""

import io
import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Request,
    expect,
    sync_playwright,
)

from .helpers import (
    CHELSEA,
    Server,
    running,
    several,
)

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "chrome"))), None)
OPTIONS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
SECONDS = 1000

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=OPTIONS)
        yield browser
        browser.close()


@pytest.fixture
def open_page(browser: Browser, server: Server) -> Iterator[Callable[..., Page]]:
    """A function that opens the page; errors and requests to other hosts fail the test."""
    contexts: list[BrowserContext] = []
    wrong: list[str] = []

    def note(message: ConsoleMessage) -> None:
        """Note errors, including violations of the content policy, but not rejected requests."""
        if message.type == "error" and "the server responded with a status of" not in message.text:
            wrong.append(message.text)

    def see(request: Request) -> None:
        if not request.url.startswith((server.url, "blob:")):
            wrong.append(request.url)

    def watch(page: Page) -> None:
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("console", note)
        page.on("request", see)

    def open_(width: int = 1280, height: int = 800, **settings: Any) -> Page:
        contexts.append(
            browser.new_context(viewport={"width": width, "height": height}, **settings)
        )
        page = contexts[-1].new_page()
        page.set_default_timeout(60 * SECONDS)
        expect.set_options(timeout=60 * SECONDS)
        watch(page)
        page.goto(server.url)
        page.get_by_role("radio", name="×2").wait_for()
        return page

    yield open_
    for context in contexts:
        context.close()
    assert wrong == []


def keep(page: Page, name: str) -> None:
    """Take a screenshot, if they are wanted."""
    folder = os.environ.get("GLADSR_SCREENSHOTS")
    if folder:
        page.screenshot(path=Path(folder) / f"{name}.png")


def add(page: Page, *files: Path) -> None:
    page.locator("#files").set_input_files(files)


def download(page: Page) -> tuple[str, bytes]:
    with page.expect_download() as started:
        page.get_by_role("link", name="Download", exact=True).click()
    return started.value.suggested_filename, started.value.path().read_bytes()


@pytest.mark.parametrize("kind", ["png", "jpeg", "tiff", "avif"])
def test_the_download_is_the_result_of_the_command(
    kind: str,
    open_page: Callable[..., Page],
    pictures: dict[str, Path],
    upscaled: Callable[..., bytes],
):
    page = open_page()
    page.get_by_role("radio", name="×3").check()
    page.get_by_label("Model").select_option("gladsr-l")
    add(page, pictures[kind])
    name, content = download(page)
    assert name == f"a-x3{pictures[kind].suffix}"
    expected = upscaled(pictures[kind], model="gladsr-l", scale=3)
    assert content == expected
    with Image.open(io.BytesIO(content)) as image:
        assert np.asarray(image).shape == (96, 120, 3)
    expect(page.locator("#facts")).to_contain_text("40 × 32 → 120 × 96")
    # Both sides are shown, also of a format that the browser itself cannot show.
    for side in ("before", "after"):
        natural = page.locator(f"#{side} img").evaluate("image => image.naturalWidth")
        assert natural == 120


def test_the_model_is_chosen_unless_one_is_selected(open_page: Callable[..., Page], tmp_path: Path):
    path = tmp_path / "photo.jpg"
    Image.fromarray(CHELSEA).save(path, quality=60)
    page = open_page()
    expect(page.get_by_label("Model")).to_have_value("auto")
    assert not page.get_by_label("Model").locator("option[value=gladsr-sr291]").count()
    add(page, path)
    found = page.locator(".state").get_by_text("×2 gladsr-photo (JPEG quality 60), ")
    expect(found).to_be_visible(timeout=60000)


@pytest.mark.parametrize(
    ("text", "settings", "name", "shown"),
    [
        ("1.5", {"scale": 1.5}, "a-x1.5.png", "×1.5"),
        ("x5", {"scale": 5}, "a-x5.png", "×5"),
        ("100 x 90", {"size": "100x90"}, "a-100x80.png", "100×90"),
    ],
)
def test_another_scale_or_a_size_can_be_entered(
    text: str,
    settings: dict[str, Any],
    name: str,
    shown: str,
    open_page: Callable[..., Page],
    pictures: dict[str, Path],
    upscaled: Callable[..., bytes],
):
    page = open_page()
    page.get_by_role("radio", name="Other").check()
    page.locator("#other").fill(text)
    add(page, pictures["png"])
    assert download(page) == (name, upscaled(pictures["png"], **settings))
    expect(page.locator("#after-name")).to_have_text(f"gladsr {shown}")


@pytest.mark.parametrize("text", ["", "9", "1", "big", "0x5", "x"])
def test_an_invalid_scale_is_rejected_before_the_upload(
    text: str, open_page: Callable[..., Page], pictures: dict[str, Path]
):
    page = open_page()
    page.get_by_role("radio", name="Other").check()
    page.locator("#other").fill(text)
    add(page, pictures["png"])
    expect(page.locator("#other")).to_be_focused()
    keep(page, "wrong-scale")
    message = page.locator("#other").evaluate("field => field.validationMessage")
    assert message.startswith("Enter a scale above 1 and up to 8, or a size such as 1920x1080")
    expect(page.locator("#empty")).to_be_visible()
    page.get_by_role("radio", name="×2").check()
    add(page, pictures["png"])
    expect(page.locator("#after-name")).to_have_text("gladsr ×2")


@pytest.mark.parametrize("width", [360, 1280])
def test_the_masks_are_shown_over_the_picture(width: int, open_page: Callable[..., Page]):
    page = open_page(width)
    page.get_by_role("button", name="A cat").click()
    expect(page.locator("#after-name")).to_have_text("gladsr ×2")
    page.get_by_label("Compare with").select_option("masks")
    name, module = page.locator("#module"), page.get_by_label("Module of the network")
    expect(name).to_have_text("Basic net, GLAM 1")
    expect(page.locator("#before-name")).to_have_text("Guided mask")
    colours = "image => image.decode().then(() => image.naturalWidth)"
    assert page.locator("#before img").evaluate(colours) == 512
    keep(page, f"masks-{width}")
    first = page.locator("#before img").get_attribute("src")
    module.press("End")
    expect(name).to_have_text("Refine net, GLAM 4")
    expect(page.locator("#before img")).not_to_have_attribute("src", first or "")
    page.get_by_label("Compare with").select_option("bicubic")
    expect(page.locator("#before-name")).to_have_text("Bicubic")
    expect(module).to_be_hidden()


def test_the_first_of_several_pages_is_shown_and_all_are_downloaded(
    open_page: Callable[..., Page], tmp_path: Path, upscaled: Callable[..., bytes]
):
    page = open_page()
    for suffix in (".gif", ".tif"):
        path = several(tmp_path, suffix)
        add(page, path)
        expect(page.locator("#facts")).to_contain_text("first of 3 · 40 × 32 → 80 × 64")
        assert download(page) == (f"several-x2{suffix}", upscaled(path, scale=2))


def test_the_draft_comes_first_and_progress_is_shown(
    open_page: Callable[..., Page], tmp_path: Path
):
    picture = tmp_path / "noise.png"
    noise = np.random.default_rng(0).integers(0, 256, (128, 128, 3), dtype=np.uint8)
    Image.fromarray(noise).save(picture)
    page = open_page()
    page.get_by_role("radio", name="Ensemble").check()
    add(page, picture)
    expect(page.locator("#after-name")).to_have_text("Draft")
    expect(page.locator("#message")).to_contain_text("Upscaling")
    expect(page.locator("#message progress")).to_be_visible()
    keep(page, "running")
    expect(page.locator("#after-name")).to_have_text("gladsr-photo ensemble ×2")
    expect(page.locator("#message")).to_be_hidden()


def test_the_divider_is_dragged_and_moved_with_keys(open_page: Callable[..., Page]):
    page = open_page()
    page.get_by_role("button", name="A cat").click()
    expect(page.locator("#after-name")).to_have_text("gladsr ×2")
    for _ in range(3):
        page.locator("#stage").press("+")
    keep(page, "divided")
    divider, stage = page.get_by_role("slider"), page.locator("#stage").bounding_box()
    assert stage
    middle = stage["y"] + stage["height"] / 2
    page.mouse.move(stage["x"] + stage["width"] / 2, middle)
    page.mouse.down()
    page.mouse.move(stage["x"] + stage["width"] / 4, middle, steps=4)
    page.mouse.up()
    expect(divider).to_have_attribute("aria-valuenow", "25")
    for key, value in (("ArrowRight", "27"), ("End", "100"), ("PageDown", "80"), ("Home", "0")):
        divider.press(key)
        expect(divider).to_have_attribute("aria-valuenow", value)


def test_the_picture_is_zoomed_and_moved(open_page: Callable[..., Page]):
    page = open_page()
    page.get_by_role("button", name="A cat").click()
    expect(page.locator("#after-name")).to_have_text("gladsr ×2")
    percent, stage, image = page.locator("#percent"), page.locator("#stage"), "#after img"
    stage.press("1")
    expect(percent).to_have_text("100 %")
    size = page.locator(image).bounding_box()
    assert size
    assert (round(size["width"]), round(size["height"])) == (512, 384)
    page.get_by_role("button", name="Zoom in").click()
    expect(percent).to_have_text("125 %")
    before = page.locator(image).bounding_box()
    stage.press("ArrowRight")
    after = page.locator(image).bounding_box()
    assert before
    assert after
    assert after["x"] == before["x"] - 40
    stage.hover(position={"x": 100, "y": 100})
    page.mouse.wheel(0, -1000)
    expect(percent).to_have_text("560 %")
    page.get_by_role("button", name="Fit").click()
    expect(percent).to_have_text("100 %")


def test_errors_are_shown(open_page: Callable[..., Page], tmp_path: Path):
    damaged, text = tmp_path / "damaged.png", tmp_path / "notes.png"
    damaged.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(200))
    text.write_text("<script>alert(1)</script>")
    page = open_page()
    add(page, damaged, text)
    message = page.locator("#message")
    expect(message).to_contain_text(re.compile("^The picture: "))
    keep(page, "error")
    page.get_by_role("button", name="notes.png").first.click()
    expect(message).to_contain_text("Send a picture in one of these formats: PNG")
    expect(page.get_by_role("link", name="Download", exact=True)).to_be_hidden()


def test_several_pictures_are_a_queue(open_page: Callable[..., Page], pictures: dict[str, Path]):
    page = open_page()
    add(page, *pictures.values())
    expect(page.locator("#list .state", has_text="×2 gladsr")).to_have_count(6)
    names = []
    page.on("download", lambda one: names.append(one.suggested_filename))
    page.get_by_role("button", name="Download all").click()
    with page.expect_event("download", lambda _: len(names) == 6):
        pass
    assert names == ["a-x2.png", "a-x2.jpg", "a-x2.tif", "a-x2.webp", "a-x2.avif", "a-x2.gif"]
    page.get_by_role("button", name="Remove a.jpg").click()
    expect(page.locator("#list li")).to_have_count(5)
    keep(page, "queue")
    for _ in range(5):
        page.locator(".remove").first.click()
    expect(page.locator("#empty")).to_be_visible()


def test_a_removed_picture_is_freed(open_page: Callable[..., Page], pictures: dict[str, Path]):
    page = open_page()
    page.evaluate(
        """() => {
            const [make, free] = [URL.createObjectURL, URL.revokeObjectURL];
            window.held = new Set();
            URL.createObjectURL = (blob) => {
                const address = make(blob);
                window.held.add(address);
                return address;
            };
            URL.revokeObjectURL = (address) => {
                window.held.delete(address);
                free(address);
            };
        }"""
    )
    add(page, pictures["png"], pictures["tiff"])
    expect(page.locator("#list .state", has_text="×2 gladsr")).to_have_count(2)
    address = page.get_by_role("link", name="Download", exact=True).get_attribute("href")
    assert address in page.evaluate("[...window.held]")
    page.get_by_label("Compare with").select_option("masks")
    expect(page.locator("#before-name")).to_have_text("Guided mask")
    for _ in range(2):
        page.locator(".remove").first.click()
    page.wait_for_timeout(SECONDS)  # the masks are freed a little later
    assert page.evaluate("[...window.held]") == []


def test_a_picture_is_upscaled_again_with_other_settings(
    open_page: Callable[..., Page], pictures: dict[str, Path]
):
    page = open_page()
    again = page.get_by_role("button", name="Upscale again")
    add(page, pictures["png"])
    expect(page.locator("#after-name")).to_have_text("gladsr ×2")
    expect(again).to_be_hidden()
    page.get_by_role("radio", name="Draft").check()
    again.click()
    expect(page.locator("#after-name")).to_have_text("gladsr draft ×2")


def test_pictures_are_dropped_and_pasted(open_page: Callable[..., Page], pictures: dict[str, Path]):
    page = open_page(bypass_csp=True)  # so that the test can make the events
    content = list(pictures["png"].read_bytes())
    for event, member in (("drop", "dataTransfer"), ("paste", "clipboardData")):
        page.evaluate(
            """([content, type, member]) => {
                const data = new DataTransfer();
                data.items.add(new File([new Uint8Array(content)], `${type}.png`));
                const event = new Event(type, { bubbles: true, cancelable: true });
                Object.defineProperty(event, member, { value: data });
                document.body.dispatchEvent(event);
            }""",
            [content, event, member],
        )
        expect(page.get_by_title(f"{event}.png").locator(".state")).to_contain_text("×2 gladsr")


def test_it_works_with_the_keyboard_alone(open_page: Callable[..., Page]):
    page = open_page()
    focused = page.locator(":focus")
    for _ in range(20):
        page.keyboard.press("Tab")
        if focused.get_attribute("data-sample") == "astronaut.jpg":
            break
    page.keyboard.press("Enter")
    expect(page.locator("#after-name")).to_have_text("gladsr ×2")
    seen = set()
    for _ in range(20):
        page.keyboard.press("Tab")
        if focused.count():
            seen.add(focused.get_attribute("id") or focused.inner_text())
    assert {"stage", "divider", "compare", "Fit", "download"} <= seen


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 820, 1440])
def test_nothing_is_cut_off_at_any_width(
    width: int, theme: str, open_page: Callable[..., Page], pictures: dict[str, Path]
):
    page = open_page(width, 800, color_scheme=theme)
    keep(page, f"empty-{width}-{theme}")
    add(page, pictures["png"])
    expect(page.locator("#after-name")).to_have_text("gladsr ×2")
    keep(page, f"done-{width}-{theme}")
    assert page.locator("body").evaluate("body => body.scrollWidth") <= width
    for control in page.locator("button:visible, select:visible, a.button:visible").all():
        box = control.bounding_box()
        assert box
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width
        assert box["height"] >= 28
    background = page.locator("body").evaluate("body => getComputedStyle(body).backgroundColor")
    brightness = sum(map(int, re.findall(r"\d+", background)[:3])) / 3
    assert (brightness > 128) == (theme == "light")


def test_a_token_is_prompted_for_or_read_from_the_fragment(browser: Browser):
    with running(token="secret") as server:  # noqa: S106 - of this test only
        page = browser.new_page()
        page.goto(server.url)
        page.locator("#token").fill("secret")
        page.get_by_role("button", name="Continue").click()
        page.get_by_role("button", name="A cat").click()
        expect(page.locator("#after-name")).to_have_text("gladsr ×2")
        page.close()
        page = browser.new_page()
        page.goto(f"{server.url}/#token=secret")
        expect(page.get_by_role("radio", name="×2")).to_be_visible()
        assert "secret" not in page.url
        page.close()
