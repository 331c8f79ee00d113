"""What a Prometheus server does with a port of ours: asks, and reads by the official parser."""

import http.client
from urllib.parse import urlsplit

from prometheus_client.parser import text_string_to_metric_families


def get(url: str, accept: str = "text/plain") -> str:
    place = urlsplit(url)
    connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=20)
    try:
        connection.request("GET", place.path, headers={"Accept": accept})
        answer = connection.getresponse()
        assert answer.status == 200
        return answer.read().decode()
    finally:
        connection.close()


def samples(text: str) -> dict[str, float]:
    """`name{label="value",...}` -> number; our prefix is left out."""
    found: dict[str, float] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = ",".join(f'{name}="{value}"' for name, value in sorted(sample.labels.items()))
            found[f"{sample.name.removeprefix('roma_migrate_')}{{{labels}}}"] = sample.value
    return found
