"""`cltutor gallery`: make the runs again that come with cltutor."""

import argparse
import os
from contextlib import nullcontext

from ..comparing.parallel import processes
from ..studies.gallery.building import Builder
from ..studies.gallery.settings import FOLDER, SETTINGS, setting_of

WIDGETS = "widgets"


def main(arguments: argparse.Namespace) -> int:
    """Make the gallery's files of the streams, and what widgets start from ("widgets"), of all when none is named;
    stopped, the runs of a stream continue from their store. ``missing``: of a stream only the methods that its file
    lacks.

    Raises:
        ValueError: a stream that is not in the gallery, or a folder that cannot be written to.
    """
    asked = arguments.streams or [*SETTINGS, WIDGETS]
    settings = {name: setting_of(name) for name in asked if name != WIDGETS}
    if not os.access(FOLDER, os.W_OK):
        raise ValueError(f"cannot write to {FOLDER}: make the gallery in a checkout of your own.")
    with processes(arguments.workers) if arguments.workers > 1 else nullcontext() as executor:
        for name, setting in settings.items():
            path = Builder(name, setting, arguments.store, executor).build(FOLDER, arguments.missing)
            print(f"{path}: {path.stat().st_size / 1e6:.2f} MB", flush=True)
    if WIDGETS in asked:
        from ..widgets.starts import build

        for path in build():
            print(f"{path}: {path.stat().st_size / 1e6:.2f} MB", flush=True)
    return 0
