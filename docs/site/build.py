"""`make site`: the pages, built from this checkout into build/site/html; `python docs/site/build.py`.

Sources are laid out as in the checkout, so that every link between them holds. Notebooks are executed once: their
outputs are kept until the package or a notebook changes. What cannot be had without a network is left out, and named.
"""

import argparse
import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable
from html.parser import HTMLParser
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import unquote, urlsplit

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(HERE.parent))

from npm import copy_scripts, vendor  # noqa: E402

BUILD = ROOT / "build" / "site"
LIMIT = 60 * 2**20
PAGES = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "LICENSE", "CITATION.cff", "notebooks/*.ipynb", "docs/*.md")
MORE = ("docs/*.png", "docs/*.gif", "docs/style.txt", "docs/screenshots*.py")  # what pages show or link to


def stage(source: Path, vendored: Path | None) -> None:
    """Lay out what Sphinx reads as it lies in the checkout."""
    shutil.rmtree(source, ignore_errors=True)
    for pattern in (*PAGES, *MORE):
        for path in sorted(ROOT.glob(pattern)):
            target = source / path.relative_to(ROOT)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
    for name in ("conf.py", "mathml.py", "facts.py", "reference.py", "index.md", "gallery.md"):
        shutil.copyfile(HERE / name, source / name)
    shutil.copytree(HERE / "_static", source / "_static")
    (source / "_vendor").mkdir()
    if vendored:
        copy_scripts(vendored, source / "_vendor")


def cache() -> Path:
    """Where outputs of the package as it is are kept; those of another are removed."""
    digest = hashlib.sha256()
    for path in sorted((ROOT / "cltutor").rglob("*")):
        if path.is_file() and not {"__pycache__", "cli", "grading"} & set(path.parts):  # no notebook runs these
            digest.update(path.relative_to(ROOT).as_posix().encode() + path.read_bytes())
    own = BUILD / f"outputs-{digest.hexdigest()[:12]}"
    for other in BUILD.glob("outputs-*"):
        if other != own:
            shutil.rmtree(other)
    return own


def faults(html: Path) -> Iterable[str]:
    """What a page would ask another host for, and a site that is too large."""
    asked = re.compile(r"""<(?:script|img|iframe|link)\b[^>]*?\b(?:src|href)=["'](https?://[^"']+)""")
    styled = re.compile(r"""(?:url\(["']?|@import\s+["'])(https?://[^"')]+)""")
    for path in sorted(html.rglob("*")):
        if path.suffix in (".html", ".css"):
            text = path.read_text(encoding="utf-8", errors="replace")
            for found in {*asked.findall(text), *(styled.findall(text) if path.suffix == ".css" else ())}:
                yield f"{path.relative_to(html)} asks {found}"
    size = sum(path.stat().st_size for path in html.rglob("*") if path.is_file())
    if size > LIMIT:
        yield f"the site has {size / 2**20:.0f} MB, more than {LIMIT // 2**20}"


class _Page(HTMLParser):
    """Where a page leads to, and the places in it that others can lead to."""

    def __init__(self, path: Path):
        super().__init__()
        self.leads, self.places = set(), set()
        self.feed(path.read_text(encoding="utf-8", errors="replace"))

    def handle_starttag(self, tag, attributes):
        for name, value in attributes:
            if name in ("id", "name"):
                self.places.add(value)
            elif name in ("href", "src") and value and value != "#":
                self.leads.add(value)


def broken(html: Path) -> Iterable[str]:
    """Links to what is not in the site; Sphinx finds none that are written as HTML, as in folded parts."""
    pages = {path.resolve(): _Page(path) for path in sorted(html.rglob("*.html")) if "_static" not in path.parts}
    for path, page in pages.items():
        for lead in sorted(page.leads):
            parts = urlsplit(lead)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            place = unquote(parts.fragment)
            if not target.exists() or (place and target in pages and place not in pages[target].places):
                yield f"{path.relative_to(html.resolve())} leads to {lead}, which is not there"


def main(argv: list[str] | None = None) -> int:
    """Build; 0 when everything holds, 1 with what does not."""
    options = argparse.ArgumentParser(prog="make site", description=__doc__)
    options.add_argument("--offline", action="store_true", help="bring nothing by npm")
    options.add_argument("--without-outputs", action="store_true", help="do not execute the notebooks")
    chosen = options.parse_args(argv)
    if find_spec("myst_nb") is None:
        print('The site needs pip install -e ".[docs]".', file=sys.stderr)
        return 1
    sys.path[:0] = [str(HERE), str(ROOT)]
    import facts
    import reference

    if silent := sorted(reference.undocumented()):
        print(f"Without a docstring: {', '.join(silent)}.", file=sys.stderr)
        return 1
    if lacking := [line for one in facts.every() for line in facts.missing(*one)]:
        print("Missing in the reference:", *lacking, sep="\n", file=sys.stderr)
        return 1
    left, folder = [], BUILD / "npm"
    if why := ("of --offline" if chosen.offline else vendor(folder)):
        left.append(f"widgets in the pages, because {why}")
    if chosen.without_outputs:
        left.append("the notebooks' outputs, because of --without-outputs")
    stage(BUILD / "source", None if why else folder)
    reference.write(BUILD / "source" / "api")
    done = _sphinx(BUILD / "source", BUILD / "html", "off" if chosen.without_outputs else "cache")
    wrong = [f"Sphinx ended with {done}"] if done else [*faults(BUILD / "html"), *broken(BUILD / "html")]
    for line in wrong:
        print(line, file=sys.stderr)
    if not wrong:
        size = sum(path.stat().st_size for path in (BUILD / "html").rglob("*") if path.is_file())
        print(f"{BUILD / 'html' / 'index.html'}: {size / 2**20:.1f} MB.")
    if not any(map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))):
        left.append("opening the pages, as tests/browser/test_site.py does, because there is no Chromium")
    left.append("addresses on other hosts, which sphinx-build -b linkcheck checks with a network")
    print("\n".join(f"Left out: {words}." for words in left))
    return bool(wrong)


def _sphinx(source: Path, html: Path, execution: str) -> int:
    for folder in (html, BUILD / "doctrees"):
        shutil.rmtree(folder, ignore_errors=True)
    environment = {**os.environ, "CLTUTOR_SITE_CACHE": str(cache()), "CLTUTOR_SITE_EXECUTION": execution}
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    words = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-b", "html", "-d", str(BUILD / "doctrees")]
    return subprocess.run([*words, str(source), str(html)], env=environment).returncode


if __name__ == "__main__":
    sys.exit(main())
