"""An exported course, unpacked → its syllabus: sections are sessions; files and links readings.

Moodle's backups (`moodle_backup.xml`, format 2, as its `backup_*_stepslib.php` write them) and IMS
Common Cartridge 1.0 to 1.3 (`imsmanifest.xml`), with what Canvas adds in `course_settings`. What
students cannot see is left out.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote

from seminar_rag.errors import SourceError
from seminar_rag.text import plural
from seminar_rag.types import Block, Reading, Session, Syllabus

_SHOWN = 30
"""Names that one note lists."""
_SPACES = re.compile(r"\s+")
_UNSAFE = re.compile(r"[^\w .,()+-]+")


def read_export(folder: Path, notes: list[str]) -> Syllabus | None:
    """The course in a folder; None where it is not the export of one.

    Args:
        notes: gets what was left out, one sentence each.

    Raises:
        SourceError: it is the export of a course that is damaged or shows students nothing.
    """
    if (folder / "moodle_backup.xml").is_file():
        export: _Export = _Moodle(folder)
    elif (folder / "imsmanifest.xml").is_file():
        export = _Cartridge(folder)
    else:
        return None
    sections = [(title, readings) for title, readings in export.sections() if readings]
    often = Counter(one.title for _, readings in sections for one in readings)
    sessions = tuple(
        Session(number, title, readings=tuple(_told_apart(one, title, often) for one in readings))
        for number, (title, readings) in enumerate(sections, 1)
    )
    if export.hidden:
        notes.append(f"hidden from students, and left out: {_some(export.hidden)}")
    if export.others:
        others = (plural(count, kind) for kind, count in sorted(export.others.items()))
        notes.append(f"left out, since they hold no readings: {', '.join(others)}")
    if export.missing:
        notes.append(
            f"not in the export: {_some(export.missing)} — export the course again with its files"
        )
    if not sessions:
        raise SourceError("shows students neither files, pages nor links — publish some")
    return Syllabus(export.title or None, sessions)


def _told_apart(reading: Reading, section: str, often: Counter[str | None]) -> Reading:
    """A reading whose title others have too, "Slides", with its section."""
    if often[reading.title] < 2 or reading.urls:
        return reading
    title = f"{reading.title} ({section})"
    return replace(reading, title=title, blocks=(Block(title, "heading", 3),))


def _some(names: list[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more


@dataclass
class _Export:
    """What both kinds of export share."""

    folder: Path
    title: str = ""
    hidden: list[str] = field(default_factory=list)
    others: Counter[str] = field(default_factory=Counter)
    """Kinds of activities that hold no readings."""
    missing: list[str] = field(default_factory=list)
    _made: int = 0

    def sections(self) -> Iterator[tuple[str, list[Reading]]]:
        raise NotImplementedError

    def _reading(self, title: str, files: list[str] | None = None, url: str = "") -> Reading:
        block = Block(title, "heading", 3)
        urls = (url,) if url else ()
        return Reading(title, urls=urls, blocks=(block,), files=tuple(files or ()))

    def _page(self, title: str, html: str) -> str:
        """Write a page as a file of its own; its name in the folder."""
        self._made += 1
        name = f"pages/{self._made:03} {_file_name(title)}.html"
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        head = f"<!DOCTYPE html><html><head><title>{_escaped(title)}</title></head><body>"
        path.write_text(f"{head}{html}</body></html>", encoding="utf-8")
        return name


def _parsed(path: Path) -> Any:
    """The root of an XML file, with names freed from their namespaces; None where it is missing."""
    from lxml import etree

    if not path.is_file():
        return None
    parser = etree.XMLParser(resolve_entities=False, no_network=True, remove_comments=True)
    try:
        root = etree.parse(str(path), parser).getroot()
    except etree.XMLSyntaxError as error:
        raise SourceError(f"has a damaged {path.name} — export the course again") from error
    for one in root.iter("*"):
        one.tag = one.tag.rpartition("}")[2]
    return root


def _text(node: Any, path: str) -> str:
    """The text at a path in one line; Moodle's mark for nothing is nothing."""
    found = node.findtext(path) if node is not None else None
    text = _SPACES.sub(" ", found or "").strip()
    return "" if text == "$@NULL@$" else text


def _plain(html: str) -> str:
    return _SPACES.sub(" ", re.sub(r"<[^<>]*>|&nbsp;", " ", html)).strip()


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;")


def _file_name(text: str) -> str:
    return _UNSAFE.sub("_", text).strip(" .")[:80] or "page"


# --- Moodle --------------------------------------------------------------------------------------


class _Moodle(_Export):
    """A backup: `sections/*/section.xml` in order, each with the modules of its `sequence`."""

    def sections(self) -> Iterator[tuple[str, list[Reading]]]:
        backup = _parsed(self.folder / "moodle_backup.xml")
        self.title = _text(backup, ".//original_course_fullname")
        self._files = self._stored()
        modules = {_text(one, "moduleid"): one for one in backup.iterfind(".//activities/activity")}
        found = []
        for one in backup.iterfind(".//sections/section"):
            section = _parsed(self._inside(_text(one, "directory")) / "section.xml")
            if section is not None:
                found.append((int(_text(section, "number") or 0), section))
        for number, section in sorted(found, key=lambda pair: pair[0]):
            title = _text(section, "name") or (f"Session {number}" if number else "General")
            if _text(section, "visible") == "0":
                self.hidden.append(title)
                continue
            sequence = [one.strip() for one in _text(section, "sequence").split(",")]
            here = [modules[id_] for id_ in sequence if id_ in modules]
            yield title, [reading for one in here for reading in self._module(one)]

    def _inside(self, directory: str) -> Path:
        path = self.folder / directory
        return path if path.resolve().is_relative_to(self.folder.resolve()) else self.folder / "no"

    def _stored(self) -> dict[tuple[str, str], list[tuple[str, str, str]]]:
        """Context and component → name, content's hash and order of its files in `files.xml`; of
        several files of a resource, such as a page with pictures, the main one has the order 1."""
        out: dict[tuple[str, str], list[tuple[str, str, str]]] = {}
        root = _parsed(self.folder / "files.xml")
        for one in root.iterfind("file") if root is not None else ():
            name, digest = _text(one, "filename"), _text(one, "contenthash")
            if name not in ("", ".") and _text(one, "filearea") == "content":
                key = _text(one, "contextid"), _text(one, "component")
                out.setdefault(key, []).append((name, digest, _text(one, "sortorder")))
        return out

    def _module(self, listed: Any) -> Iterator[Reading]:
        kind, title = _text(listed, "modulename"), _text(listed, "title")
        folder = self._inside(_text(listed, "directory"))
        module = _parsed(folder / "module.xml")
        if _text(module, "visible") == "0":
            self.hidden.append(title)
            return
        activity = _parsed(folder / f"{kind}.xml") if re.fullmatch(r"\w+", kind) else None
        body = activity.find(kind) if activity is not None else None
        title = _text(body, "name") or title
        if body is None or kind not in ("resource", "folder", "url", "page", "book"):
            self.others[kind or "unknown activity"] += kind != "label"
        elif kind == "url":
            yield self._reading(title, url=_text(body, "externalurl"))
        elif kind == "page":
            yield self._reading(title, [self._page(title, body.findtext("content") or "")])
        elif kind == "book":
            chapters = sorted(
                body.iterfind(".//chapter"), key=lambda c: int(_text(c, "pagenum") or 0)
            )
            shown = [one for one in chapters if _text(one, "hidden") != "1"]
            html = "".join(
                f"<h1>{_escaped(_text(one, 'title'))}</h1>{one.findtext('content') or ''}"
                for one in shown
            )
            yield self._reading(title, [self._page(title, html)])
        else:
            context = activity.get("contextid", "") if activity is not None else ""
            stored = self._files.get((context, f"mod_{kind}"), [])
            main = [one for one in stored if one[2] == "1"] if kind == "resource" else []
            named = (self._named(name, digest) for name, digest, _ in main or stored)
            files = [name for name in named if name]
            if not stored:
                self.missing.append(title)
            if files:
                yield self._reading(title, files)

    def _named(self, name: str, digest: str) -> str:
        """Give a stored file the name that it has in the course; empty where it is not there."""
        stored = self.folder / "files" / digest[:2] / digest
        if not re.fullmatch(r"[0-9a-f]{40}", digest) or not stored.is_file():
            self.missing.append(name)
            return ""
        suffix = PurePosixPath(name).suffix[:12]
        target = (
            f"files/{_file_name(PurePosixPath(name).stem)}-{digest[:6]}{_UNSAFE.sub('', suffix)}"
        )
        if not (self.folder / target).exists():
            (self.folder / target).hardlink_to(stored)
        return target


# --- Common Cartridge ----------------------------------------------------------------------------


class _Cartridge(_Export):
    """A cartridge: the items of its organization, whose leaves refer to resources."""

    def sections(self) -> Iterator[tuple[str, list[Reading]]]:
        manifest = _parsed(self.folder / "imsmanifest.xml")
        self.title = _text(manifest, "metadata/lom/general/title/string")
        self._resources = {
            one.get("identifier", ""): one for one in manifest.iterfind("resources/resource")
        }
        self._unpublished = {
            one.get("identifier", "")
            for name in ("module_meta", "files_meta")
            for one in self._settings(name)
            if _text(one, "workflow_state") == "unpublished" or _text(one, "hidden") == "true"
        }
        roots = manifest.findall("organizations/organization/item")
        while (
            len(roots) == 1
            and not roots[0].get("identifierref")
            and roots[0].find("item/item") is not None
        ):
            roots = roots[0].findall("item")
        loose = [one for one in roots if one.get("identifierref")]
        if loose:
            yield "General", [reading for one in loose for reading in self._item(one)]
        for one in roots:
            if not one.get("identifierref"):
                yield _text(one, "title") or "General", list(self._item(one))

    def _settings(self, name: str) -> Iterator[Any]:
        root = _parsed(self.folder / "course_settings" / f"{name}.xml")
        yield from root.iter("module", "item", "file") if root is not None else ()

    def _item(self, item: Any) -> Iterator[Reading]:
        title, reference = _text(item, "title"), item.get("identifierref", "")
        if {item.get("identifier"), reference} & self._unpublished:
            self.hidden.append(title)
            return
        resource = self._resources.get(reference)
        if resource is not None:
            yield from self._resource(title, resource)
        for one in item.iterfind("item"):
            yield from self._item(one)

    def _resource(self, title: str, resource: Any) -> Iterator[Reading]:
        kind = resource.get("type", "")
        file = resource.get("href") or next(
            (one.get("href") for one in resource.iterfind("file")), ""
        )
        name = unquote(file or "").replace("$IMS-CC-FILEBASE$/", "web_resources/")
        path = self.folder / name
        if (
            not name
            or not path.resolve().is_relative_to(self.folder.resolve())
            or not path.is_file()
        ):
            self.missing.append(title or name)
        elif kind.startswith("imswl"):
            link = _parsed(path)
            url = link.find("url")
            label = title or _text(link, "title")
            yield self._reading(label, url=url.get("href", "") if url is not None else "")
        elif kind != "webcontent":
            self.others[_KINDS.get(kind.partition("_")[0], "exercise")] += 1
        elif path.suffix.lower() in (".html", ".htm") and _DRAFT.search(path.read_bytes()[:4096]):
            self.hidden.append(title)
        else:
            yield self._reading(title or PurePosixPath(name).name, [name])


_KINDS = {"imsdt": "discussion", "imsqti": "quiz", "imsbasiclti": "tool"}
_DRAFT = re.compile(rb'name="workflow_state" content="unpublished"')
