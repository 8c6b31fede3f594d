import re
from pathlib import Path

import pytest

from cltutor.runs.provenance import hardware, versions


def test_the_versions_are_those_of_the_packages_that_compute():
    assert re.fullmatch(r"Python 3\.\S+, torch \d\S+, numpy \d\S+, cltutor \d\S+", versions())


@pytest.mark.parametrize("given", [(), (Path("/nowhere/cpuinfo"),)])
def test_the_hardware_has_its_cores_and_threads_also_where_the_system_does_not_name_its_processor(given):
    assert re.search(r"\S, \d+ cores, \d+ threads$", hardware(*given))
