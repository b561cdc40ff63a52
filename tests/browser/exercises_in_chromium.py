"""The page of a watch in a real browser, beside the session that it belongs to: `make browser-test`."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from compare.exercises.sets import GUIDE
from tests.browser.report_in_chromium import WIDTHS, faults
from tests.browser.reports import chromium
from tests.compare.cli.test_watch import Session
from tests.compare.exercises.learner import RIGHT, WRONG, write

PATIENCE = 60_000      # milliseconds, for a machine that is busy; a check takes a fifth of a second


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    shutil.copy(GUIDE / "attention_1.py", tmp_path)
    found = Session(tmp_path, "exercises", "--watch", "--quiet")
    yield found
    found.close()


@pytest.fixture
def page(browser: Browser, session: Session) -> Iterator[Page]:
    """The page of the session, on which its first check has arrived."""
    context = browser.new_context(viewport={"width": 1100, "height": 900})
    found = context.new_page()
    said: list[str] = []
    asked: list[str] = []
    found.on("console", lambda message: said.append(f"{message.type}: {message.text}"))
    found.on("pageerror", lambda error: said.append(str(error)))
    found.on("request", lambda request: asked.append(request.url))
    url = session.until("^Page: ").split()[1]
    found.goto(url)
    expect(found.locator("h1")).to_contain_text("Not written yet", timeout=PATIENCE)
    found.said, found.asked, found.address = said, asked, url  # type: ignore[attr-defined]
    yield found
    context.close()


def marks(page: Page) -> list[str | None]:
    return [row.get_attribute("class") for row in page.locator("#rows tr").all()]


def test_stages_turn_green_as_the_file_is_saved_and_the_page_is_not_loaded_again(page: Page, tmp_path: Path) -> None:
    assert marks(page) == ["open"] * 6
    expect(page.locator("#said")).to_contain_text("of_scores: ∂L/∂S by its two terms")
    page.evaluate("window.mine = 'the same page'")
    write(tmp_path / "attention_1.py", WRONG)
    expect(page.locator("h1")).to_contain_text("Different", timeout=PATIENCE)
    assert marks(page) == ["agrees"] * 3 + ["wrong", "differs", "open"]
    assert page.locator("#facts dt").all_inner_texts() == ["first at", "yours", "PyTorch's"]
    assert page.locator("#facts dd").first.inner_text().startswith("step 1, gradient of in_proj_bias, index [")
    write(tmp_path / "attention_1.py", RIGHT)
    expect(page.locator("h1")).to_contain_text("Solved", timeout=PATIENCE)
    assert marks(page) == ["agrees"] * 6
    expect(page.locator("#progress")).to_have_text("1 of 18 solved")
    expect(page.locator("#next")).to_have_text("Begin: backprop-compare exercises start attention_2")
    assert page.locator("#more").is_hidden()
    assert page.evaluate("window.mine") == "the same page"
    assert page.said == []  # type: ignore[attr-defined]


def test_nothing_is_asked_for_elsewhere(page: Page) -> None:
    address = page.address  # type: ignore[attr-defined]
    assert set(page.asked) == {address, f"{address}events"}  # type: ignore[attr-defined]
    page.evaluate("document.body.append(Object.assign(new Image(), {src: 'http://127.0.0.1:9/x'}))")      # the control
    page.wait_for_timeout(200)
    assert any("Content Security Policy" in text for text in page.said)  # type: ignore[attr-defined]


def test_hints_come_one_by_one_when_they_are_asked_for(page: Page, tmp_path: Path) -> None:
    assert page.locator("#given li").count() == 0
    page.get_by_role("button", name="Show a hint (1 of 3)").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#given li")).to_have_text(["Which weights does one score change? There are two terms."])
    write(tmp_path / "attention_1.py", WRONG)
    expect(page.locator("h1")).to_contain_text("Different", timeout=PATIENCE)
    assert page.locator("#given li").count() == 1      # it stays after a check
    page.get_by_role("button", name="Show a hint (2 of 3)").click()
    page.get_by_role("button", name="Show a hint (3 of 3)").click()
    assert page.locator("#given li").count() == 3
    assert page.locator("#more").is_hidden()


def test_a_fault_of_the_file_is_said_with_its_line_and_what_it_prints(page: Page, tmp_path: Path) -> None:
    write(tmp_path / "attention_1.py", "print('<b>mine</b>'); return p @ nothing")
    expect(page.locator("h1")).to_contain_text("Could not run", timeout=PATIENCE)
    expect(page.locator("#said")).to_have_text("NameError: name 'nothing' is not defined")
    assert page.locator("#facts dd").all_inner_texts() == ["20: print('<b>mine</b>'); return p @ nothing"]
    expect(page.locator("#output")).to_have_text("<b>mine</b>")
    assert page.locator("#output b").count() == 0


def test_when_the_watch_ends_the_page_says_so(page: Page, session: Session) -> None:
    session.interrupt()
    expect(page.locator("#about")).to_have_text("The watch has ended; this is its last check.", timeout=PATIENCE)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_serious_fault(scheme: Any, page: Page, tmp_path: Path) -> None:
    page.emulate_media(color_scheme=scheme)
    write(tmp_path / "attention_1.py", WRONG)
    expect(page.locator("h1")).to_contain_text("Different", timeout=PATIENCE)
    page.locator("#more").click()
    assert faults(page) == []
    page.evaluate("document.documentElement.removeAttribute('lang')")      # the control
    assert [each.split(":")[0] for each in faults(page)] == ["html-has-lang"]


def test_on_a_phone_it_is_no_wider_than_the_screen(page: Page, tmp_path: Path) -> None:
    page.set_viewport_size({"width": 360, "height": 740})
    write(tmp_path / "attention_1.py", f"{WRONG}      # {'long' * 60}")
    expect(page.locator("h1")).to_contain_text("Different", timeout=PATIENCE)
    content, screen = page.evaluate(WIDTHS)
    assert content <= screen == 360
