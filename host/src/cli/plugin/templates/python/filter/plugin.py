"""{{summary}}: a message goes on when the value at a place is one of a list."""

import json

from wit_world import exports
from wit_world.exports.filter_step import Verdict, Verdict_Pass, Verdict_Stop
from wit_world.imports.configuring import Configuration
from wit_world.imports.types import Message

from tureen import error

path = ""
values: list[str] = []


class Identity(exports.Identity):
    def name(self) -> str:
        return "{{name}}"

    def version(self) -> str:
        return "0.1.0"

    def summary(self) -> str:
        return "{{summary}}"

    def handles(self) -> list[str]:
        return ["{{handles}}"]


class WitWorld:
    def configure(self, settings: str, owner: str, role: str) -> Configuration:
        """Reads the settings, once; it may call nothing of the host."""
        global path, values
        given = json.loads(settings)
        path = str(given.get("Path", ""))
        values = [value.strip() for value in str(given.get("Values", "")).split(",")]
        findings = []
        if not path:
            findings.append(error("path.missing", "expected a path", "/Path"))
        if "" in values:
            text = "expected values with commas between them, such as A01, A04"
            findings.append(error("values.list", text, "/Values"))
        return Configuration(findings, [])


class FilterStep(exports.FilterStep):
    def decide(self, target: Message) -> Verdict:
        if target.text(path) in values:
            return Verdict_Pass()
        # The reason is logged: it may hold the path, and nothing of the message.
        return Verdict_Stop(f"{path} is none of the values")
