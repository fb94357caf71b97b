"""{{summary}}. One instance lives as long as its workflow's version, so it can count."""

import json

from wit_world import exports
from wit_world.imports.configuring import Configuration
from wit_world.imports.types import Message

greeting = ""
count = 0


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
        global greeting
        greeting = str(json.loads(settings).get("Greeting", "message"))
        return Configuration([], [])


class ActivityStep(exports.ActivityStep):
    def open(self) -> None:
        """Before the first message; an error keeps the workflow from starting."""
        global count
        count = 0

    def process(self, target: Message) -> Message | None:
        """Performs the step; gives the response when there is one."""
        global count
        count += 1
        response = f"{greeting} {count}: {target.text('MSH-10')}"
        return Message.parse("text", response.encode())

    def all_succeeded(self) -> None:
        pass

    def roll_back(self) -> None:
        pass

    def cancel(self) -> None:
        pass

    def close(self) -> None:
        pass
