"""The runs of the ledger in one file, so that a computation that was stopped continues on another machine.

    python benchmarks/ledger_runs.py pack STORE     # STORE is the folder of `cltutor claims --store STORE`
    python benchmarks/ledger_runs.py unpack STORE   # what is in STORE already stays

Written to benchmarks/results/ledger_runs.jsonl: a line for each run, its key and its record (right answers, not
weights). A record whose recipe or stream no claim uses any longer is never looked up.
"""

import argparse
import json
import sys
from pathlib import Path

PACKED = Path(__file__).resolve().parent / "results" / "ledger_runs.jsonl"


def pack(store: Path) -> int:
    """Write all records of a store; their number."""
    records = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(store.glob("*.json"))}
    lines = (json.dumps([key, record], separators=(",", ":")) for key, record in records.items())
    PACKED.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return len(records)


def unpack(store: Path) -> int:
    """Write the records that the store lacks; their number."""
    store.mkdir(parents=True, exist_ok=True)
    lines = map(json.loads, PACKED.read_text(encoding="utf-8").splitlines())
    lacking = {path: record for key, record in lines if not (path := store / f"{key}.json").exists()}
    for path, record in lacking.items():
        path.write_text(json.dumps(record, separators=(",", ":")), encoding="utf-8")
    return len(lacking)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("do", choices=("pack", "unpack"))
    parser.add_argument("store", type=Path)
    given = parser.parse_args()
    if given.do == "pack" and not any(given.store.glob("*.json")):
        print(f"There are no records in {given.store}.", file=sys.stderr)
        return 2
    print(f"{(pack if given.do == 'pack' else unpack)(given.store)} runs")
    return 0


if __name__ == "__main__":
    sys.exit(main())
