"""Lets messages of patients through who have reached an age.

Settings: `MinimumAge` in years. The day that counts is the message's own
(MSH-7), so that the same message is always judged the same.
"""

import json
from datetime import date

from wit_world import exports
from wit_world.exports.filter_step import Verdict, Verdict_Pass, Verdict_Stop
from wit_world.imports.configuring import Configuration
from wit_world.imports.types import Message

from tureen import error, rejected

OLDEST = 150

minimum_age = 0


class Identity(exports.Identity):
    def name(self) -> str:
        return "age-filter"

    def version(self) -> str:
        return "0.1.0"

    def summary(self) -> str:
        return "Lets messages of patients through who have reached an age"

    def handles(self) -> list[str]:
        return ["Example.AgeFilter"]


class WitWorld:
    def configure(self, settings: str, owner: str, role: str) -> Configuration:
        global minimum_age
        age = json.loads(settings).get("MinimumAge")
        if not isinstance(age, int) or not 0 <= age <= OLDEST:
            text = f"expected a number of years from 0 to {OLDEST}"
            return Configuration([error("age.minimum", text, "/MinimumAge")], [])
        minimum_age = age
        return Configuration([], [])


class FilterStep(exports.FilterStep):
    def decide(self, target: Message) -> Verdict:
        born, day = day_at(target, "PID-7"), day_at(target, "MSH-7")
        birthday_is_to_come = (day.month, day.day) < (born.month, born.day)
        age = day.year - born.year - birthday_is_to_come
        if age >= minimum_age:
            return Verdict_Pass()
        return Verdict_Stop(f"the patient is younger than {minimum_age}")


def day_at(message: Message, place: str) -> date:
    text = message.text(place)
    try:
        return date(int(text[0:4]), int(text[4:6]), int(text[6:8]))
    except ValueError:
        # The text says the shape, never the date: it may be logged.
        raise rejected("age.date", "expected a date as YYYYMMDD", place) from None
