"""The example in docs/channels/http.md does what the page says."""

import json
import os
import re
import subprocess
from pathlib import Path

from tests.integration.ingests import start_ingest, stop_ingest
from tests.shop import SECRET
from tests.stack import Stack

PAGE = Path(__file__).parent.parent.parent / "docs" / "channels" / "http.md"


def test_the_curl_example_sends_a_message(stack: Stack) -> None:
    (example,) = re.findall(r"^```bash\n(.*?)^```", PAGE.read_text(), re.DOTALL | re.MULTILINE)
    ingest = start_ingest(stack)
    try:
        document = {"channel": "http", "shop": "bikes", "secrets": [{"value": SECRET}]}
        stack.run(ingest.put("contact-form", document))
        environment = {**os.environ, "SECRET": SECRET, "ADDRESS": ingest.desk.url("ingest"), "NO_PROXY": "127.0.0.1"}
        ran = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", example], env=environment, capture_output=True, text=True, check=False
        )
        assert ran.returncode == 0, ran.stderr + ran.stdout
        answer = json.loads(ran.stdout)
        event, _ = stack.run(ingest.message(answer["ids"][0]))
    finally:
        stop_ingest(ingest)
    assert answer["accepted"] == 1
    assert (event.data.text, event.data.order) == ("Where is order 1001?", "1001")
    assert (event.data.sender.value, event.data.sender.verified) == ("ada@example.org", False)
