"""A recipe's equation and its line of code, both to copy."""

import html

import ipywidgets

from ..recipe.parser import code_of
from ..recipe.recipe import Recipe
from .playground_code import method_code

# What is copied is selected first, so that the keyboard's own command copies it too.
COPY = "getSelection().selectAllChildren(this.parentElement.querySelector('code'));document.execCommand('copy')"
CSS = """<style>
.cltutor-playground .cltutor-section { border: 1px solid #d5d5d5; border-radius: 4px; margin: 2px 0;
  padding: 4px 10px; }
.cltutor-playground .widget-toggle-button { height: 26px; line-height: 26px; padding: 0 9px; }
.cltutor-playground .cltutor-knob .widget-hslider { margin: 0; width: 84px !important; }
.cltutor-playground .cltutor-knob { margin-right: 6px; }
.cltutor-playground .cltutor-section .widget-dropdown { margin-right: 8px; max-width: 170px; }
.cltutor-playground .cltutor-reasons, .cltutor-playground details { font-size: 12px; line-height: 1.4; }
.cltutor-playground .cltutor-reasons ul { margin: 2px 0 4px; padding-left: 20px; }
.cltutor-playground summary { cursor: pointer; }
.cltutor-playground summary:focus-visible { outline: 3px solid #e69f00; }
.cltutor-code { display: flex; align-items: baseline; gap: 8px; margin: 2px 0; line-height: 1.35; }
.cltutor-code code { white-space: pre-wrap; overflow-wrap: anywhere; font-size: 12px; flex: 1; }
.cltutor-code button { flex: none; font-size: 12px; cursor: pointer; }
.cltutor-table table { border-collapse: collapse; margin: 4px 0 8px; width: 100%; font-size: 13px; }
.cltutor-table caption { text-align: left; font-weight: bold; padding: 2px 0;
  line-height: 1.35; }
.cltutor-table th, .cltutor-table td { text-align: left; padding: 2px 10px 2px 0; border-bottom: 1px solid #e0e0e0;
  font-weight: normal; line-height: 1.35; }
.cltutor-table thead th { font-weight: bold; border-bottom: 1px solid #888; }
.cltutor-table td.number { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
.cltutor-table small { color: #555; }
</style>"""


class Formula(ipywidgets.VBox):
    """The typeset equation, and below it the code and the LaTeX that make it."""

    def __init__(self) -> None:
        self.equation = ipywidgets.HTMLMath()
        self.words = ipywidgets.HTML(layout=ipywidgets.Layout(width="100%", margin="0"))
        super().__init__([self.equation, self.words], layout=ipywidgets.Layout(margin="6px 0", width="98%"))
        self.add_class("cltutor-formula")

    def show(self, recipe: Recipe) -> None:
        """Set the equation of this recipe, and its code."""
        lines = [recipe._repr_latex_().strip("$").removeprefix(r"\displaystyle ")]
        for phase in recipe.schedule.later:
            if phase.loss is not None:
                own = rf"\mathcal{{L}}_{{\text{{{phase.name}}}}} = {phase.loss.latex(recipe.heads)}"
                lines.append(own)
        self.equation.value = "<br>".join(rf"$\displaystyle {line}$" for line in lines)
        call, code = method_code(recipe), code_of(recipe)
        folded = (copyable("code", code) if call else "") + copyable("LaTeX", r" \\ ".join(lines))
        words = "written out, and the equation in LaTeX" if call else "the equation in LaTeX"
        self.words.value = f"{copyable('code', call or code)}<details><summary>{words}</summary>{folded}</details>"


def copyable(what: str, code: str) -> str:
    """Code with a button that copies it."""
    button = f'<button type="button" title="copy the {what}" onclick="{COPY}">Copy</button>'
    return f'<div class="cltutor-code">{button}<code aria-label="{what}">{html.escape(code)}</code></div>'
