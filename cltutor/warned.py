"""Warnings that point at the user's own line, however many layers of cltutor lie between."""

import os
import sys
import warnings

PACKAGE = os.path.dirname(__file__) + os.sep


def warn(sentence: str) -> None:
    """Warn at the line that called cltutor, such as ``cl.learn(...)`` in a cell, not at the one that noticed."""
    frame, depth, inside = sys._getframe().f_back, 1, 1
    while frame := frame and frame.f_back:  # to the end: decorators of other libraries lie between two of ours
        depth += 1
        if frame.f_code.co_filename.startswith(PACKAGE):
            inside = depth
    warnings.warn(sentence, stacklevel=inside + 2)
