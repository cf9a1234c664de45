"""`switchboard settings`: configuration as files, shown as a diff before it is applied, waited for until all have it.

It speaks the gateway's HTTP API like anybody else.
"""

import os
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated

import httpx
import typer
import yaml
from rich.table import Table

from shared.clock import utc_now
from shared.contracts.settings import KINDS
from shared.errors import NotFound, StoreUnavailable, SwitchboardError
from shared.identity import operator
from switchboard import settings_file
from switchboard.commands import become
from switchboard.console import err, out, step
from switchboard.desk_api import DeskApi, connect, service_urls
from switchboard.settings_plan import Change, plan, shown, unresolved

ABOUT = """Settings as files.

\b
    switchboard settings apply shop.yaml --dry-run     show what would change
    switchboard settings apply shop.yaml               change it, and wait until every service has it
    switchboard settings get agent ada                 one document as it is

\b
A file holds kinds, ids and documents, in YAML or JSON:
    shop:
      north: {name: North, zone: Europe/Amsterdam}
    agent:
      ada: {name: Ada, languages: [en, nl], skills: [{skill: refunds, level: 4}]}
"""

settings_app = typer.Typer(help=ABOUT, no_args_is_help=True, rich_markup_mode=None, add_completion=False)

Url = Annotated[str | None, typer.Option("--url", help="The gateway; else the desk of this folder.")]
Key = Annotated[str | None, typer.Option("--key", help="API key; else SWITCHBOARD_API_KEY, else the kept one.")]
Workspace = Annotated[str | None, typer.Option("--workspace", help="With an installation key; else main.")]

Version = tuple[str, int]
"""`workspace/kind/id` and the version that services should show."""


@settings_app.command()
def apply(
    files: Annotated[list[Path], typer.Argument(help="YAML or JSON, one or several.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would change.")] = False,
    prune: Annotated[bool, typer.Option("--prune", help="Also delete what no file holds.")] = False,
    wait: Annotated[float, typer.Option("--wait", help="Seconds to wait for the services; 0: do not.")] = 30,
    url: Url = None,
    key: Key = None,
    workspace: Workspace = None,
) -> None:
    """Make the workspace's settings like the files.

    Everything is checked first, here and by the gateway; if anything is wrong, nothing is changed."""
    wanted = [one for file in files for one in settings_file.read(file)]
    api, place = connect(url, key, workspace)
    changes = plan(api, wanted, prune=prune)
    for change in changes:
        if change.action != "same":
            out.print(shown(change))
    for change, warning in unresolved(changes):
        out.print(f"! {change.kind} {change.id} {warning}", style="yellow", markup=False)
    todo = [change for change in changes if change.action != "same"]
    out.print(_summary(changes, dry_run=dry_run), markup=False)
    if dry_run or not todo:
        return
    versions = [_apply(api, place, change) for change in todo]
    if wait > 0:
        wait_for(versions, service_urls(), timeout_s=wait)


def _summary(changes: Iterable[Change], *, dry_run: bool) -> str:
    actions = [change.action for change in changes]
    words = ", ".join(
        f"{actions.count(action)} {word}"
        for action, word in (("create", "new"), ("update", "changed"), ("delete", "deleted"), ("same", "as they are"))
        if action in actions
    )
    return f"{words or 'nothing to do'}{' (dry run: nothing was changed)' if dry_run else ''}"


def _apply(api: DeskApi, workspace: str, change: Change) -> Version:
    """Do one change, unless somebody changed the document since the plan was made; gives the new version."""
    path = f"/v1/settings/{change.kind}/{change.id}"
    headers = {"if-match": f'"{change.version}"'} if change.version else {}
    name = f"{workspace}/{change.kind}/{change.id}"
    if change.wanted is None:
        api.ask("DELETE", path, headers=headers)
        return name, change.version + 1
    return name, int(api.ask("PUT", path, json=change.wanted.document, headers=headers)["version"])


def wait_for(versions: list[Version], urls: Mapping[str, str], *, timeout_s: float) -> None:
    """Wait until every service shows these versions; raises StoreUnavailable with those that do not."""
    if not urls:
        out.print("the services' addresses are not known here, so nobody waits for them", style="dim")
        return
    with step(f"{', '.join(urls)}: have the new versions"), httpx.Client(timeout=5, trust_env=False) as client:
        deadline = time.monotonic() + timeout_s
        while True:
            behind = {name: left for name, url in urls.items() if (left := _missing(client, url, versions))}
            if not behind:
                return
            if time.monotonic() > deadline:
                words = "; ".join(f"{name}: {left}" for name, left in behind.items())
                raise StoreUnavailable(
                    f"after {timeout_s:g} s not every service has the new settings ({words}); they are saved, and "
                    "each service takes them as soon as it can",
                    reason="settings_late",
                )
            time.sleep(0.1)


def _missing(client: httpx.Client, url: str, versions: list[Version]) -> str:
    """What a service lacks, in words; empty where it has everything."""
    try:
        have = client.get(f"{url}/internal/settings", headers=_inside()).raise_for_status().json()
    except (httpx.HTTPError, ValueError) as error:
        return f"does not answer ({type(error).__name__})"
    missing = [name for name, version in versions if have.get(name, 0) < version]
    return f"{len(missing)} of {len(versions)} missing, first {missing[0]}" if missing else ""


def _inside() -> dict[str, str]:
    """What opens /internal of a service that strangers reach too; nothing where the installation's key is not known."""
    key = os.environ.get("SWITCHBOARD_KEY", "").split(",")[0]
    return operator(key, utc_now()) if key else {}


@settings_app.command("list")
def list_(
    kind: Annotated[str | None, typer.Argument(help=f"One of {', '.join(KINDS)}; else all.")] = None,
    url: Url = None,
    key: Key = None,
    workspace: Workspace = None,
) -> None:
    """List the workspace's documents."""
    api, place = connect(url, key, workspace)
    table = Table(
        "kind", "id", "name", "version", "changed", title=f"workspace {place}", title_justify="left", box=None
    )
    for one in [kind] if kind else KINDS:
        for item in api.pages(f"/v1/settings/{one}"):
            name = str(item["document"].get("name", ""))
            table.add_row(one, item["id"], name, str(item["version"]), item["updated_at"][:19].replace("T", " "))
    out.print(table)


@settings_app.command()
def get(kind: str, id: str, url: Url = None, key: Key = None, workspace: Workspace = None) -> None:
    """Print one document as YAML that `apply` takes."""
    api, _ = connect(url, key, workspace)
    document = api.ask("GET", f"/v1/settings/{kind}/{id}")["document"]
    out.print(yaml.safe_dump({kind: {id: document}}, allow_unicode=True, sort_keys=False), end="", markup=False)


@settings_app.command()
def republish() -> None:
    """Mend what differs between the gateway's table and the topic, after either was lost or restored."""
    if not os.environ.get("SWITCHBOARD_POSTGRES"):
        raise NotFound("run this as `switchboard settings republish`, which names Kafka and PostgreSQL")
    become("services.gateway", ["republish"], dict(os.environ))


def main() -> None:
    """Run `settings` alone; our own errors are told in plain words, with each field that is wrong."""
    try:
        settings_app(prog_name="switchboard settings")
    except SwitchboardError as error:
        err.print(f"[red]error:[/] {error}")
        for field in error.fields:
            err.print(f"  {field['pointer']}: {field['detail']}", markup=False)
        raise SystemExit(1) from None


if __name__ == "__main__":
    main()
