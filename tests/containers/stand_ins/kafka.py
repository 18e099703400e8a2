#!/usr/bin/python3
"""Stands in for the start script of the image apache/kafka: a variable becomes a property."""

import os
import subprocess
from pathlib import Path

# Read by the scripts of that image, and no properties of a broker.
SCRIPTS = {"KAFKA_HEAP_OPTS"}
JAVA = ["/opt/java/bin/java", *os.environ["KAFKA_HEAP_OPTS"].split(), "-cp", "/opt/kafka/*"]


def main() -> None:
    file = Path("/tmp/server.properties")  # noqa: S108 - of this container alone
    properties = {
        name.removeprefix("KAFKA_").lower().replace("_", "."): value
        for name, value in os.environ.items()
        if name.startswith("KAFKA_") and name not in SCRIPTS
    }
    file.write_text("".join(f"{name}={value}\n" for name, value in properties.items()))
    cluster = os.environ["CLUSTER_ID"]
    tool = ["kafka.tools.StorageTool", "format", "--ignore-formatted", "-t", cluster]
    subprocess.run([*JAVA, *tool, "-c", str(file)], check=True)
    os.execv(JAVA[0], [*JAVA, "kafka.Kafka", str(file)])  # noqa: S606


main()
