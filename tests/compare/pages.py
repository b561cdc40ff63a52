"""A report's page, read as a browser would: its words, its attributes, its pictures and its numbers."""

import json
from html.parser import HTMLParser
from typing import Any

VOID = {"meta", "link", "input", "br", "img"}


class Page(HTMLParser):
    """What a page says: `words` is all its text but style and script, `attributes` are (tag, name, value), `numbers` the picker's."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.html = html
        self.attributes: list[tuple[str, str, str]] = []
        self.headings: list[str] = []
        self.texts: list[str] = []
        self.scripts: list[str] = []
        self.styles: list[str] = []
        self.pictures = 0
        self._open: list[str] = []
        self.feed(html)
        self.close()
        assert self._open == [], f"never closed: {self._open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        self.pictures += tag == "svg"
        if tag not in VOID:
            self._open.append(tag)
        if tag in ("h1", "h2"):
            self.headings.append("")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += [(tag, name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        assert self._open, f"</{tag}> closes nothing"
        assert self._open[-1] == tag, f"</{tag}> closes {self._open[-1]}"
        self._open.pop()

    def handle_data(self, data: str) -> None:
        at = self._open[-1] if self._open else ""
        if at in ("script", "style"):
            (self.scripts if at == "script" else self.styles).append(data)
            return
        self.texts.append(data)
        if {"h1", "h2"} & set(self._open):
            self.headings[-1] += data

    @property
    def words(self) -> str:
        """All its text, with single spaces."""
        return " ".join(" ".join(self.texts).split())

    @property
    def tags(self) -> set[str]:
        """Of all its elements that have attributes."""
        return {tag for tag, _, _ in self.attributes}

    @property
    def ids(self) -> list[str]:
        """Every id, in order."""
        return [value for _, name, value in self.attributes if name == "id"]

    @property
    def numbers(self) -> dict[str, Any]:
        """The picker's island; empty without one."""
        islands = [text for text in self.scripts if text.lstrip().startswith("{")]
        found: dict[str, Any] = json.loads(islands[0], parse_constant=lambda name: f"{name} is not JSON") if islands else {}
        return found

    def references(self) -> list[str]:
        """Whatever the page would fetch from somewhere else: all but its own ids and what it holds itself."""
        fetching = ("src", "srcset", "href", "xlink:href", "action", "data", "poster")
        values = [value for _, name, value in self.attributes if name in fetching]
        texts = [*self.styles, *(value for _, name, value in self.attributes if name != "content")]
        values += [part.split(")")[0].strip("'\" ") for text in texts for part in text.split("url(")[1:]]
        values += [text for text in self.styles if "@import" in text]
        return [value for value in values if not value.startswith(("#", "data:"))]
