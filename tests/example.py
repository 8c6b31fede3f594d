"""The two methods of docs/add_a_method.md, as an outsider has them: a file in a folder of its own, imported and used.

``tests/conftest.py`` imports it, so that every contract suite covers them like what comes with cltutor.
"""

import atexit
import importlib.util
import re
import shutil
import sys
import tempfile
from pathlib import Path

PAGE = Path(__file__).resolve().parents[1] / "docs" / "add_a_method.md"
FILE, USE, COMPARE, ALIGNING = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


def imported(name: str, code: str):
    """``code`` as the module ``name``, from a file that worker processes find, too."""
    folder = tempfile.mkdtemp(prefix="cltutor-example-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    path = Path(folder) / f"{name}.py"
    path.write_text(code, encoding="utf-8")
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


der = imported("der", f"{FILE}\n\n{ALIGNING}")
