"""{{summary}}: of the places that a path means, only the digits stay.

A workflow uses it in one of two ways. A `CustomTransformerAction` gives the path as a
parameter and has no settings; a setting of this class, which `Transformers` links to,
has it in its settings.
"""

import json

from wit_world import exports
from wit_world.imports import parameters
from wit_world.imports.configuring import Configuration
from wit_world.imports.types import Message

from tureen import error, failed

path: str | None = None


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
        global path
        path = json.loads(settings).get("Path")
        if path is None or isinstance(path, str):
            return Configuration([], [])
        return Configuration([error("path.kind", "expected a text", "/Path")], [])


class TransformerStep(exports.TransformerStep):
    def transform(self, target: Message) -> None:
        pattern = parameters.get("Path") or path
        if pattern is None:
            text = "expected a path: as parameter Path, or as setting Path"
            raise failed("path.missing", text)
        for place in target.find(pattern):
            digits = (each for each in target.text(place) if each.isdigit())
            target.set(place, "".join(digits))
