"""The command line of `switchboard corpus`."""

import argparse
import json
import logging
import os
from pathlib import Path

from rich.console import Console

from shared.errors import SwitchboardError
from switchboard.console import err
from switchboard.corpus.layout import folders
from switchboard.corpus.report import as_json, judged, tell

ABOUT = """Read recorded payloads of providers with the parsers of this version, and hold them against what is known of
them: folders with an index.json, as docs/corpus.md says. Exit code 1 where a parser broke, where a payload came to
nothing, where an invalid one became an event, or where one that must be read was not, or wrongly."""


def main(arguments: list[str]) -> int:
    """Exit code 0 where everything is as expected, 1 where something is not, 2 where there is nothing to read."""
    parser = argparse.ArgumentParser(prog="switchboard corpus", description=ABOUT)
    default = os.environ.get("SWITCHBOARD_CORPORA")
    parser.add_argument("folder", type=Path, nargs="?", default=default, help="where they lie ($SWITCHBOARD_CORPORA)")
    parser.add_argument("--only", action="append", metavar="FOLDER", help="just this folder of it; may be repeated")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of a table")
    parser.add_argument("--verbose", action="store_true", help="also what became of each payload that is as expected")
    given = parser.parse_args(arguments)
    if given.folder is None:
        parser.error("name a folder")
    try:
        found = [one for one in folders(given.folder) if not given.only or one.name in given.only]
    except SwitchboardError as error:
        err.print(f"[red]error:[/] {error}")
        return 2
    logging.basicConfig(level=logging.CRITICAL)  # what libraries think of broken payloads is no news here
    all_ = [judged(one) for one in found]
    if given.json:
        print(json.dumps(as_json(all_, verbose=given.verbose)))
    else:
        tell(all_, Console(highlight=False, width=None if os.isatty(1) else 200), verbose=given.verbose)
    return 1 if any(one.unexpected for one in all_) else 0
