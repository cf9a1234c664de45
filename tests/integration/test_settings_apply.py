"""`switchboard settings apply` against a real gateway: dry run, order, prune, and waiting until all have it."""

import asyncio
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.desk import ROOT
from tests.integration.gateways import Gateway, start_gateway, stop_gateway
from tests.stack import Stack

SECRET = "a secret that no diff may show"
FILE = f"""\
account:
  apply-form:
    channel: http
    shop: north
    secrets: [{{value: {SECRET}}}]
agent:
  ada: {{name: Ada, team: first, skills: [{{skill: refunds, level: 4}}]}}
shop:
  north: {{name: North}}
team:
  first: {{name: First}}
skill:
  refunds: {{name: Refunds}}
"""


@pytest.fixture
def gateway(stack: Stack) -> Iterator[Gateway]:
    running = start_gateway(stack)
    yield running
    stop_gateway(running)


async def settings(gateway: Gateway, *arguments: str, key: str | None = None) -> tuple[int, str]:
    """Run `switchboard settings`; gives exit code and everything it said."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "switchboard.settings_apply",
        *arguments,
        cwd=ROOT,
        env={**gateway.desk.environment, "SWITCHBOARD_API_KEY": key or gateway.admin_key},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    return process.returncode or 0, output.decode()


async def test_a_file_is_shown_applied_waited_for_and_then_as_it_is(gateway: Gateway, tmp_path: Path) -> None:
    file = tmp_path / "shop.yaml"
    file.write_text(FILE)

    code, dry = await settings(gateway, "apply", str(file), "--dry-run")
    assert code == 0, dry
    assert "+ shop north" in dry
    assert "5 new (dry run: nothing was changed)" in dry
    assert "there is no" not in dry
    async with gateway.client() as admin:
        assert (await admin.get("/v1/settings/shop/north")).status_code == 404

    code, applied = await settings(gateway, "apply", str(file))
    assert code == 0, applied
    assert applied.index("shop north") < applied.index("agent ada") < applied.index("account apply-form")
    assert "have the new versions" in applied
    assert SECRET not in dry + applied

    code, again = await settings(gateway, "apply", str(file))
    assert (code, again.strip()) == (0, "5 as they are")


async def test_what_a_file_does_not_hold_is_deleted_only_when_asked_and_never_the_workspace(
    gateway: Gateway, tmp_path: Path
) -> None:
    file = tmp_path / "shop.yaml"
    file.write_text(FILE)
    await settings(gateway, "apply", str(file))
    file.write_text("shop:\n  north: {name: Noord}\n")
    code, kept = await settings(gateway, "apply", str(file))
    assert (code, "deleted" in kept) == (0, False)
    assert "-name: North" in kept
    assert "+name: Noord" in kept
    code, pruned = await settings(gateway, "apply", str(file), "--prune")
    assert code == 0, pruned
    assert "4 deleted" in pruned
    code, listed = await settings(gateway, "list")
    assert "Noord" in listed
    assert "main" in listed
    assert "Ada" not in listed


async def test_nothing_is_changed_where_anything_is_wrong(gateway: Gateway, tmp_path: Path) -> None:
    file = tmp_path / "shop.yaml"
    file.write_text(
        "shop:\n  north: {name: North}\naccount:\n  form: {channel: http, shop: north, secrets: [{env: FORM}]}\n"
    )
    code, said = await settings(gateway, "apply", str(file))
    assert code == 1
    assert "line 4: account form" in said
    assert "installation key" in said
    file.write_text("shop:\n  north: {nme: North}\n")
    code, said = await settings(gateway, "apply", str(file))
    assert code == 1
    assert "line 2: shop north, /nme" in said
    async with gateway.client() as admin:
        assert (await admin.get("/v1/settings/shop/north")).status_code == 404


async def test_a_document_is_printed_as_the_yaml_that_apply_takes(gateway: Gateway, tmp_path: Path) -> None:
    file = tmp_path / "shop.yaml"
    file.write_text(FILE)
    await settings(gateway, "apply", str(file))
    _, printed = await settings(gateway, "get", "account", "apply-form")
    assert SECRET not in printed
    file.write_text(printed)
    code, said = await settings(gateway, "apply", str(file))
    assert (code, said.strip()) == (0, "1 as they are")


async def test_a_key_that_is_none_and_a_desk_that_is_down_are_told_in_a_line(gateway: Gateway, tmp_path: Path) -> None:
    code, said = await settings(gateway, "list", key="sb_nonsense")
    assert code == 1
    assert "neither an API key" in said
    code, said = await settings(gateway, "list", "--url", "http://127.0.0.1:9")
    assert code == 1
    assert "does not answer" in said
    assert "Traceback" not in said
