"""Pictures of the reports: `make screenshots` writes them to build/screenshots, and the README's to docs/_static."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from playwright.sync_api import Browser

from tests.browser.reports import chromium, written

LOOKS: dict[str, dict[str, Any]] = {
    "light": {"color_scheme": "light", "viewport": {"width": 1100, "height": 900}},
    "dark": {"color_scheme": "dark", "viewport": {"width": 1100, "height": 900}},
    "phone": {"color_scheme": "light", "viewport": {"width": 360, "height": 740}, "is_mobile": True, "has_touch": True},
}
README = Path(__file__).parents[2] / "docs" / "_static" / "report.png"
SHOWN: dict[str, Any] = {"color_scheme": "light", "viewport": {"width": 840, "height": 560}, "device_scale_factor": 2}      # GitHub's width


def take(folder: Path) -> None:
    """Write each report in each look, whole, and the upper part of one for the README."""
    folder.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory() as place, chromium() as browser:
        for name in ("equal", "different", "network", "could-not-run"):
            report = written(name, Path(place))
            for look, options in LOOKS.items():
                shoot(browser, report, folder / f"{name}-{look}.png", options, full_page=True)
        shoot(browser, Path(place, "different.html"), README, SHOWN)


def shoot(browser: Browser, report: Path, picture: Path, options: dict[str, Any], **what: Any) -> None:
    """Open the report, write a picture of it, and say where."""
    page = browser.new_page(**options)
    page.goto(report.as_uri())
    page.screenshot(path=picture, **what)
    page.close()
    print(picture)


if __name__ == "__main__":
    take(Path("build/screenshots"))
