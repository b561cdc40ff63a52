"""The reports that are looked at in a browser, and the browser: Debian's Chromium, through Playwright."""

import shutil
from collections.abc import Iterator
from contextlib import chdir, contextmanager, redirect_stdout
from io import StringIO
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from compare.cli.main import main

ROOT = Path(__file__).parents[2]
COMMANDS = {
    "equal": [],
    "different": ["check", "examples/wrong_hidden_error.py", "--seed", "1"],
    "hint": ["check", "examples/wrong_hidden_error.py", "--seed", "1", "--hint", "1"],
    "network": ["--network", "lenet", "--epochs", "2"],
}
RAISES = "print({text!r})\n\n\ndef train_step(params, x, y, lr):\n    raise ValueError({text!r})\n"
HOSTILE = "<script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">"


def written(name: str, folder: Path) -> Path:
    """That report in that folder: one of COMMANDS; or "could-not-run", of a file whose name and texts are hostile."""
    command = COMMANDS.get(name)
    if command is None:
        file = folder.absolute() / f"{HOSTILE.replace('/', '∕')}.py"
        file.write_text(RAISES.format(text=HOSTILE), encoding="utf-8")
        command = ["check", str(file), "--seed", "1"]
    report = folder.absolute() / f"{name}.html"
    with redirect_stdout(StringIO()), chdir(ROOT):
        main([*command, "--quiet", "--report", str(report)])
    return report


@contextmanager
def chromium() -> Iterator[Browser]:
    """The browser; raises RuntimeError where it is not installed."""
    path = shutil.which("chromium")
    if path is None:
        raise RuntimeError("chromium is not installed; on Debian: apt-get install chromium")
    with sync_playwright() as playwright:      # in a container without its own sandbox; what is opened is our own file
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()
