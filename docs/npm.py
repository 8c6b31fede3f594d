"""Scripts of npm that pages load from their own folder: widgets without a kernel, and slides."""

import base64
import hashlib
import io
import json
import re
import shutil
import subprocess
import tarfile
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

Packages = Mapping[str, Mapping[str, str]]
# Packages of npm at these versions: file in the package -> its name here. npm.sha256 has what each must be.
WIDGETS: Packages = {
    "requirejs@2.3.7": {"package/require.js": "require.js"},
    "@jupyter-widgets/html-manager@1.0.15": {
        "package/dist/embed-amd.js": "embed-amd.js",
        "package/dist/1551f4f60c37af51121f.woff2": "icons.woff2",
    },
}
REVEAL: Packages = {
    "reveal.js@4.6.1": {
        "package/dist/reveal.js": "reveal.js",
        "package/dist/reveal.css": "dist/reveal.css",
        "package/dist/theme/white.css": "dist/theme/white.css",
        "package/plugin/notes/notes.js": "notes.js",
    },
}
# The icons of buttons, which the script would look for beside each page.
ICONS = re.compile(r'\w\.p\+"1551f4f60c37af51121f\.woff2"')
DIGESTS = Path(__file__).with_name("npm.sha256")
LOCAL = "requirejs.config({paths: {anywidget: new URL('anywidget', document.currentScript.src).href}});\n"


def vendor(folder: Path, packages: Packages = WIDGETS) -> str | None:
    """Bring the scripts of ``packages``; the reason in one sentence where they cannot be had."""
    digests = dict(line.split()[::-1] for line in DIGESTS.read_text().splitlines())
    folder.mkdir(parents=True, exist_ok=True)
    for package, files in packages.items():
        if all((folder / name).exists() for name in files.values()):
            continue
        npm = shutil.which("npm")
        if npm is None:
            return f"npm, which brings {package}, is not installed"
        done = subprocess.run([npm, "pack", package, "--json"], cwd=folder, capture_output=True, text=True)
        if done.returncode:
            return f"npm cannot bring {package} ({(done.stderr.strip() or 'no network').splitlines()[-1]})"
        archive = folder / json.loads(done.stdout)[0]["filename"].replace("@", "").replace("/", "-")
        with tarfile.open(fileobj=io.BytesIO(archive.read_bytes())) as packed:
            for inside, name in files.items():
                content = packed.extractfile(inside).read()
                if hashlib.sha256(content).hexdigest() != digests[name]:
                    return f"{name} of {package} is not the file that it was; nothing of it is used"
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                (folder / name).write_bytes(content)
        archive.unlink()
    return None


def copy_scripts(npm: Path, folder: Path) -> None:
    """The scripts as pages load them: the icons are in the script, and anywidget is the installed one."""
    shutil.copyfile(npm / "require.js", folder / "require.js")
    icons = base64.b64encode((npm / "icons.woff2").read_bytes()).decode("ascii")
    script = (npm / "embed-amd.js").read_text(encoding="utf-8")
    script, found = ICONS.subn(f'"data:font/woff2;base64,{icons}"', script)
    assert found, "the script looks for its icons elsewhere"
    (folder / "embed-amd.js").write_text(script, encoding="utf-8")
    shutil.copyfile(Path(find_spec("anywidget").origin).parent / "nbextension" / "index.js", folder / "anywidget.js")
    (folder / "widgets-local.js").write_text(LOCAL, encoding="utf-8")
