"""What a step raises and what `configure` answers, in few words.

The shapes are those of wit/types.wit; `componentize-py bindings` writes them as
typed Python.
"""

from componentize_py_types import Err
from wit_world.imports.configuring import Finding, Severity
from wit_world.imports.types import (
    Problem,
    StepError_Failed,
    StepError_Rejected,
    StepError_Retryable,
)


def rejected(code: str, text: str, place: str | None = None) -> Err[StepError_Rejected]:
    """To be raised: the message is at fault, its sender is told no (AR)."""
    return Err(StepError_Rejected(Problem(code, text, place, [])))


def failed(code: str, text: str, place: str | None = None) -> Err[StepError_Failed]:
    """To be raised: this step or its settings are at fault (AE)."""
    return Err(StepError_Failed(Problem(code, text, place, [])))


def retryable(
    code: str, text: str, after_ms: int | None = None
) -> Err[StepError_Retryable]:
    """To be raised: something outside is at fault and may recover."""
    return Err(StepError_Retryable((Problem(code, text, None, []), after_ms)))


def error(code: str, text: str, pointer: str) -> Finding:
    """Something wrong with the settings: the workflow does not start."""
    return Finding(Severity.ERROR, Problem(code, text, pointer, []))


def warning(code: str, text: str, pointer: str) -> Finding:
    """Something in the settings that their author should look at."""
    return Finding(Severity.WARNING, Problem(code, text, pointer, []))
