"""Sphinx: equations as MathML, which browsers draw without any script, font or host.

Sphinx is imported where it calls: the tests of `mathml` run without it.
"""

import re
from typing import TYPE_CHECKING, Any

from latex2mathml.converter import convert

if TYPE_CHECKING:
    from sphinx.application import Sphinx

# What latex2mathml 3 lacks, in words that it has.
SAME = (
    (r"\\[lr]Vert(?![A-Za-z])", r"\\|"),
    (r"\\(begin|end)\{aligned\}", r"\\\1{split}"),
    (r"\\operatorname\*\{(\w+)\}", r"\\mathop{\\mathrm{\1}}"),
    (r"\\arg\\(max|min)(?![A-Za-z])", r"\\mathop{\\mathrm{arg\\,\1}}"),
)
TAG = re.compile(r"\\tag\{(.*?)\}")


def mathml(latex: str, display: str) -> str:
    """An equation; its number (``\\tag``) stands at its right.

    Raises:
        ValueError: a command that stays LaTeX, or an alignment that is not drawn.
    """
    tag = TAG.search(latex)
    latex = TAG.sub("", latex)
    for pattern, words in SAME:
        latex = re.sub(pattern, words, latex)
    latex = latex.removeprefix(r"\displaystyle").strip()
    made = convert(latex, display=display)
    left = re.search(r"(?:\\|&#x0005C;)[A-Za-z]+", made)
    if left:
        raise ValueError(f"latex2mathml leaves {left[0].replace('&#x0005C;', chr(92))} in {latex!r}")
    if "&</" in made:
        raise ValueError(f"latex2mathml does not align {latex!r}")
    return f'{made}<span class="cltutor-tag">({tag[1]})</span>' if tag else made


def _visit(display: str) -> Any:
    from docutils.nodes import SkipNode
    from sphinx.util import logging

    log = logging.getLogger(__name__)

    def visit(translator: Any, node: Any) -> None:
        try:
            made = mathml(node.astext(), display)
        except Exception as error:  # the converter has no class of its own for what it cannot read
            log.warning("equation: %s", error, location=node)
            made = node.astext()
        kind = "div" if display == "block" else "span"
        translator.body.append(f'<{kind} class="cltutor-math">{made}</{kind}>')
        raise SkipNode

    return visit


def setup(app: "Sphinx") -> dict[str, Any]:
    app.add_html_math_renderer("mathml", (_visit("inline"), None), (_visit("block"), None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
