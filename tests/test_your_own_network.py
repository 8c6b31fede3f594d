"""The page "Use a network of your own": its code runs as printed, and what it says of it is true."""

import re
import subprocess
import sys
from pathlib import Path

PAGE = (Path(__file__).resolve().parents[1] / "docs" / "your_own_network.md").read_text(encoding="utf-8")
CODE = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
CHECKS = """
import pytest

for wrong in (Mixer(patch=3), Mixer(patch=5)):
    with pytest.raises(ValueError, match="Mixer needs sides that [35] divides, not 8x8"):
        cl.learn(stream, cl.methods.lwf(backbone=wrong), progress=False)
with pytest.raises(ValueError, match="width is a whole number from 1 up, not 0"):
    Mixer(width=0)

for method in (cl.methods.mas, cl.methods.eeil, cl.methods.er, cl.methods.joint):
    own = {"memory": cl.memory.ExemplarMemory(50)} if method is cl.methods.eeil else {}
    assert cl.learn(stream.fewer(0.1), method(backbone=Mixer(), epochs=7, **own), progress=False).complete

run = comparison[-1]
assert run.name == "gated"
run.save("gated.safetensors")
assert cl.Run.load("gated.safetensors").recipe == run.recipe

domains = cl.streams.domains(stream, "rotations", tasks=2)
with pytest.raises(ValueError, match="Gated(Heads)? grows at every task"):
    cl.learn(domains, cl.methods.gated(), progress=False)

before, after = (run.model_after(task) for task in (0, 1))
roles = {role: [id(module) for module in modules] for role, modules in after.parts().items()}
assert roles["shared"] == [id(after.backbone)]
assert len(roles["old"]) == len(roles["new"]) == 2
print("checked")
"""


def test_the_page_runs_as_a_script_and_what_it_says_holds(tmp_path):
    script = tmp_path / "mine.py"
    script.write_text("\n\n".join([*CODE, CHECKS]), encoding="utf-8")
    done = subprocess.run([sys.executable, "-W", "ignore", str(script)], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("MultiHead(backbone=Mixer())\n")
    lines = [line.split() for line in done.stdout.splitlines()]
    assert any(line[:1] == ["gated"] for line in lines)
    assert lines[-1] == ["checked"]
