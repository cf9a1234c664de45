"""What thirty rules cost: messages to held tickets with and without them, in turn on one stack."""

import json
import sys
from argparse import Namespace
from typing import Any

from bench import product
from bench.desk import Document
from bench.pipeline import medians
from tests.stack import Stack


def _rule(number: int, when: list[dict[str, Any]], conditions: dict[str, Any] | None, *actions: Any) -> Document:
    document = {"name": f"Rule {number}", "order": number, "when": when, "actions": list(actions)}
    return "rule", f"rule-{number}", document | ({"conditions": conditions} if conditions else {})


def thirty() -> list[Document]:
    """Two that act on each ticket, eight for other channels, ten that read words, five on tags, five that wait."""
    opened, asked = [{"event": "opened"}], [{"event": "opened"}, {"event": "customer-replied"}]
    tag = {"do": "add-tags", "tags": ["seen"]}
    high = {"do": "set-priority", "priority": "high"}
    here = {"field": "channel", "any_of": ["http"]}
    rules = [_rule(0, opened, here, tag), _rule(1, opened, {"field": "tags", "any_of": ["seen"]}, high)]
    rules += [_rule(n, asked, {"field": "channel", "any_of": [f"other-{n}"]}, tag) for n in range(2, 10)]
    words = [["refund", "money back"], ["chargeback"], ["rückerstattung"], ["broken", "damaged"], ["lawyer"]]
    for n in range(10, 20):
        reads = {"all": [here, {"field": "text", "any_of": words[n % 5]}]}
        rules.append(_rule(n, asked, reads, high))
    rules += [_rule(n, asked, {"field": "tags", "all_of": [f"vip-{n}"]}, high) for n in range(20, 25)]
    for n in range(25, 30):
        rules.append(_rule(n, [{"event": "no-reply", "by": "agent", "minutes": 60 * n}], here, high))
    return rules


async def measure(stack: Stack, given: Namespace) -> dict[str, Any]:
    """Throughput in turn: without rules, with thirty, without, with thirty."""
    bare, ruled = [], []
    for _ in range(given.runs):
        bare.append(await product.throughput(stack, given.messages))
        ruled.append(await product.throughput(stack, given.messages, thirty()))
        print(json.dumps([bare[-1], ruled[-1]]), file=sys.stderr, flush=True)
    without, with_rules = medians(bare), medians(ruled)
    ratio = round(with_rules["end_to_end_per_s"] / without["end_to_end_per_s"], 3)
    return {"rules": {"without": without, "with_30": with_rules}, "ratio": {"with_30_rules": ratio}}
