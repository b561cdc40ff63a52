"""Pictures of the reports, for eyes: `python -m tests.browser.screenshots` writes them to build/screenshots."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.browser.reports import chromium, written

LOOKS: dict[str, dict[str, Any]] = {
    "light": {"color_scheme": "light", "viewport": {"width": 1100, "height": 900}},
    "dark": {"color_scheme": "dark", "viewport": {"width": 1100, "height": 900}},
    "phone": {"color_scheme": "light", "viewport": {"width": 360, "height": 740}, "is_mobile": True, "has_touch": True},
}


def take(folder: Path) -> None:
    """Write each report in each look, whole."""
    folder.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory() as place, chromium() as browser:
        for name in ("equal", "different"):
            report = written(name, Path(place))
            for look, options in LOOKS.items():
                page = browser.new_page(**options)
                page.goto(report.as_uri())
                page.screenshot(path=folder / f"{name}-{look}.png", full_page=True)
                page.close()
                print(folder / f"{name}-{look}.png")


if __name__ == "__main__":
    take(Path("build/screenshots"))
