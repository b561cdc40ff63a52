"""The report in a real browser: `make browser-test`. Not collected by `make test`, which needs no browser."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Browser, Page

from compare.report.grades import grades_page
from tests.browser.reports import HOSTILE, chromium, written

NAMES = ("equal", "different", "hint", "network", "could-not-run")
Opened = Callable[..., Page]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("reports")
    return {name: written(name, folder) for name in NAMES}


@pytest.fixture
def opened(browser: Browser, reports: dict[str, Path], tmp_path: Path) -> Iterator[Opened]:
    """Opens a report, with something replaced in it if that is asked for, and notes what it says and asks for."""
    contexts = []

    def open_(name: str, old: str = "", new: str = "", **options: Any) -> Page:
        report = reports[name]
        if old:
            text = report.read_text(encoding="utf-8")
            assert text.count(old) >= 1
            report = tmp_path / f"{name}.html"
            report.write_text(text.replace(old, new, 1), encoding="utf-8")
        context = browser.new_context(**{"viewport": {"width": 1100, "height": 900}, **options})
        contexts.append(context)
        page = context.new_page()
        said: list[str] = []
        asked: list[str] = []
        page.on("console", lambda message: said.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(report.as_uri(), wait_until="networkidle")
        page.said, page.asked, page.address = said, asked, report.as_uri()  # type: ignore[attr-defined]
        return page

    yield open_
    for context in contexts:
        context.close()


def faults(page: Page) -> list[str]:
    """What axe finds of serious or critical faults, each with the elements that have it."""
    page.evaluate(AXE_SCRIPT)
    found = page.evaluate("axe.run({resultTypes: ['violations']})")["violations"]
    bad = [fault for fault in found if fault["impact"] in ("serious", "critical")]
    return [f"{fault['id']}: {[node['html'][:120] for node in fault['nodes'][:3]]}" for fault in bad]


def elsewhere(page: Page) -> list[str]:
    """What the page asked for beside itself and what it holds itself."""
    return [url for url in page.asked if url != page.address and not url.startswith("data:")]  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", NAMES)
def test_a_report_opens_without_a_complaint_and_asks_for_nothing(name: str, opened: Opened) -> None:
    page = opened(name)
    assert page.said == []  # type: ignore[attr-defined]
    assert elsewhere(page) == []
    assert page.asked  # type: ignore[attr-defined]


def test_the_policy_forbids_requests_and_scripts_from_elsewhere(opened: Opened) -> None:
    page = opened("equal")
    policy = page.locator("meta[http-equiv='Content-Security-Policy']").get_attribute("content") or ""
    assert "default-src 'none'" in policy
    assert "http" not in policy
    page.evaluate("document.body.append(Object.assign(new Image(), {src: 'http://127.0.0.1:9/x'}))")
    page.wait_for_timeout(200)
    assert any("Content Security Policy" in text for text in page.said)  # type: ignore[attr-defined]


def test_a_request_would_be_noticed(opened: Opened) -> None:
    """The control: without the policy a picture from elsewhere is asked for; with it, the browser complains."""
    page = opened("hint", "<footer>", '<img src="http://127.0.0.1:9/x" alt=""><footer>')
    assert page.said != []  # type: ignore[attr-defined]
    page = opened("hint", '<meta http-equiv="Content-Security-Policy"', '<img src="http://127.0.0.1:9/x" alt=""><meta name="was"')
    assert elsewhere(page) == ["http://127.0.0.1:9/x"]


def test_a_fault_of_the_script_would_be_noticed(opened: Opened) -> None:
    assert opened("different", 'getElementById("step")', 'getElementById("stop")').said != []  # type: ignore[attr-defined]


def test_the_picker_is_reached_and_moved_by_keyboard(opened: Opened) -> None:
    page = opened("different")
    slider = page.get_by_role("slider", name="Step", exact=True)
    for _ in range(100):
        page.keyboard.press("Tab")
        if slider.evaluate("element => element === document.activeElement"):
            break
    assert slider.evaluate("element => element === document.activeElement")
    seen = set()
    for key, step in (("Home", "1"), ("ArrowRight", "2"), ("ArrowRight", "3"), ("End", "6"), ("ArrowLeft", "5")):
        page.keyboard.press(key)
        assert page.locator("#picked").inner_text() == step
        assert slider.get_attribute("aria-valuetext") == f"step {step}"
        seen.add(page.locator("#matrices").inner_text())
    assert len(seen) == 5      # the matrices are other ones at each step


def test_the_matrices_are_of_both_sides_and_mark_what_is_beyond_its_bound(opened: Opened) -> None:
    page = opened("different")
    captions = page.locator("#matrices caption").all_inner_texts()
    assert captions[:3] == ["Δ 0.weight 2 × 6: yours", "Δ 0.weight 2 × 6: PyTorch", "Δ 0.weight 2 × 6: share"]
    assert page.locator("#matrices table").nth(0).locator("td").count() == 12
    assert page.locator("#matrices table").nth(2).locator("td.beyond").count() == 12
    assert page.locator("#matrices table").nth(5).locator("td.beyond").count() == 0


def test_the_numbers_behind_a_picture_open_by_keyboard(opened: Opened) -> None:
    page = opened("equal")
    table = page.locator("details").first.locator("table")
    assert not table.is_visible()
    page.locator("summary").first.focus()
    page.keyboard.press("Enter")
    assert table.is_visible()
    assert page.get_by_role("img", name="The network").count() == 1


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", NAMES)
def test_axe_finds_no_serious_fault(name: str, scheme: Any, opened: Opened) -> None:
    page = opened(name, color_scheme=scheme)
    page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    assert faults(page) == []


@pytest.mark.parametrize(
    ("name", "old", "new", "fault"),
    [
        ("different", '<label for="step">Step</label>', "Step", "label"),
        ("hint", 'role="img" aria-labelledby="network"', 'role="img"', "role-img-alt"),
        ("hint", '<html lang="en">', "<html>", "html-has-lang"),
        ("hint", "--quiet: #59636e", "--quiet: #c0c0c0", "color-contrast"),
    ],
)
def test_axe_finds_a_fault_that_is_planted(name: str, old: str, new: str, fault: str, opened: Opened) -> None:
    assert fault in [found.split(":")[0] for found in faults(opened(name, old, new))]


def test_light_and_dark_are_what_the_reader_has_chosen(opened: Opened) -> None:
    for scheme, color in (("light", "rgb(255, 255, 255)"), ("dark", "rgb(20, 23, 27)")):
        assert opened("hint", color_scheme=scheme).evaluate("getComputedStyle(document.body).backgroundColor") == color


WIDTHS = "[document.scrollingElement.scrollWidth, document.scrollingElement.clientWidth]"


@pytest.mark.parametrize("name", NAMES)
def test_on_a_phone_the_page_is_no_wider_than_the_screen(name: str, opened: Opened) -> None:
    page = opened(name, viewport={"width": 360, "height": 740})
    page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    content, screen = page.evaluate(WIDTHS)
    assert content <= screen == 360


WIDER = """() => [...document.querySelectorAll('body *')].filter(
    one => one.scrollWidth > one.clientWidth + 1 && ['auto', 'scroll', 'hidden'].includes(getComputedStyle(one).overflowX)
        && !one.classList.contains('hidden')).map(one => one.className + ' ' + one.getAttribute('aria-label'))"""


@pytest.mark.parametrize("name", NAMES)
def test_on_a_phone_nothing_has_to_be_scrolled_sideways(name: str, opened: Opened) -> None:
    page = opened(name, viewport={"width": 360, "height": 740})
    page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    assert page.evaluate(WIDER) == []


GRADE: dict[str, Any] = {
    "attempt": "ann.py", "verdict": "different", "score": 0.5, "stage": "new 0.weight", "mistakes": ["slope-missing"], "alternatives": [[]],
    "hint": "f′ is left out of the error term of the hidden layer", "reason": None, "lines": ["cell 4, line 8"], "report": None,
    "network": "4-7-6-3 sigmoid, biases, half_mse summed over outputs, sgd, lr 0.005",
}


@pytest.mark.parametrize("width", [360, 1100])
def test_the_page_of_a_graded_folder_fits_the_screen_and_says_score_of_scores_alone(width: int, browser: Browser, tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("".join(grades_page([GRADE])), encoding="utf-8")
    page = browser.new_page(viewport={"width": width, "height": 740})
    page.goto((tmp_path / "index.html").as_uri())
    assert page.evaluate(WIDTHS) == [width, width]
    assert page.evaluate(WIDER) == []
    before = "query => getComputedStyle(document.querySelector(query), '::before').content"
    assert page.evaluate(before, ".tally .score") == "none"
    assert page.evaluate(before, ".grades td.score") == ('"score "' if width == 360 else "none")
    page.close()


@pytest.mark.parametrize("rule", [".line code { white-space: pre-wrap; }", ".data tr { display: flex; flex-wrap: wrap;"])
def test_what_has_to_be_scrolled_sideways_would_be_noticed(rule: str, opened: Opened) -> None:
    page = opened("different", rule, rule.split("{")[0] + "{ white-space: pre;", viewport={"width": 360, "height": 740})
    page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    page.add_style_tag(content=".code { overflow-x: auto; }")
    assert page.evaluate(WIDER) != []


def test_what_is_wrong_comes_first_with_its_line_beside_the_formula(opened: Opened) -> None:
    page = opened("different")
    headings = page.locator("h2").all_inner_texts()
    assert headings[:3] == ["The mistake", "Stage by stage", "What was compared"]
    line, formula = page.locator(".line.it").bounding_box(), page.locator(".formula").bounding_box()
    assert line is not None
    assert formula is not None
    assert line["x"] + line["width"] <= formula["x"]
    assert "hidden_error_term = output_error_term @ w2" in page.locator(".line.it").inner_text()
    assert page.locator(".tool").inner_text().startswith("backprop-compare ")


def test_what_is_too_wide_for_a_phone_would_be_noticed(opened: Opened) -> None:
    rule = ".line code { white-space: pre-wrap; }"
    page = opened("different", rule, rule.replace("pre-wrap", "pre"), viewport={"width": 360, "height": 740})
    content, screen = page.evaluate(WIDTHS)
    assert content > screen


def test_matrices_do_not_overlap(opened: Opened) -> None:
    for width in (360, 700, 1100):
        page = opened("different", viewport={"width": width, "height": 900})
        overlaps = """() => {
            const boxes = [...document.querySelectorAll('#matrices .scroll')].map(one => one.getBoundingClientRect());
            return boxes.flatMap((a, i) => boxes.slice(i + 1).filter(
                b => a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom)).length;
        }"""
        assert page.evaluate(overlaps) == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_print_is_dark_on_white_without_the_slider_and_with_the_matrices(scheme: Any, opened: Opened) -> None:
    page = opened("different", color_scheme=scheme)
    slider, matrices = page.locator("#step"), page.locator("#matrices table")
    assert slider.is_visible()      # the control
    page.emulate_media(media="print", color_scheme=scheme)
    assert not slider.is_visible()
    assert page.locator("#picked").is_visible()
    assert matrices.count() == 6
    assert all(one.is_visible() for one in matrices.all())
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.evaluate("getComputedStyle(document.body).color") == "rgb(0, 0, 0)"


def test_on_paper_nothing_is_cut_off(opened: Opened) -> None:
    page = opened("different", viewport={"width": 700, "height": 1000})      # a page of A4 has so many pixels, less its margins
    page.emulate_media(media="print")
    content, paper = page.evaluate(WIDTHS)
    assert content <= paper


def test_names_and_texts_that_are_scripts_do_nothing(opened: Opened) -> None:
    page = opened("could-not-run")
    assert page.title().startswith("could not run: <script>")
    assert page.title() != "owned"
    assert page.locator("main img, header img").count() == 0
    assert HOSTILE in page.locator("#printed + pre").inner_text()
    assert "<script>" in page.locator(".last").inner_text()


def test_a_script_that_was_not_escaped_would_be_noticed(opened: Opened) -> None:
    assert opened("could-not-run", "<footer>", f"{HOSTILE}<footer>").title() == "owned"


def test_without_javascript_the_verdict_and_the_tables_are_there(opened: Opened) -> None:
    page = opened("different", java_script_enabled=False)
    assert "Different" in page.locator("h1").inner_text()
    assert page.get_by_role("cell", name="wrong here").is_visible()
    assert page.locator("figure svg").count() == 3
    assert page.get_by_text("The step picker needs JavaScript").is_visible()
    assert opened("different").get_by_text("The step picker needs JavaScript").count() == 0
