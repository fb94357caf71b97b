//! Passes messages of certain types, events and facilities: the recipe
//! `04-routing` as a filter of its own class, `Cookbook.Route`.
//!
//! Settings, each a list with commas: `Types` for MSH-9.1, `Events` for MSH-9.2,
//! `Facilities` for MSH-4. What is not given does not matter; all that is given
//! must hold.

use tureen_plugin_sdk::prelude::*;

/// The settings, and where in the message each looks.
const SETTINGS: [(&str, &str); 3] =
    [("Types", "MSH-9.1"), ("Events", "MSH-9.2"), ("Facilities", "MSH-4.1")];

#[derive(Debug)]
struct Route {
    rules: Vec<Rule>,
}

/// What may stand at one place.
#[derive(Debug)]
struct Rule {
    setting: &'static str,
    place: &'static str,
    allowed: Vec<String>,
}

impl Configure for Route {
    fn configure(settings: &Settings, _placement: &Placement) -> Result<Self, Findings> {
        let mut rules = Vec::new();
        for (setting, place) in SETTINGS {
            let Some(list) = settings.text(setting)? else { continue };
            let allowed: Vec<String> = list.split(',').map(|item| item.trim().to_owned()).collect();
            if allowed.iter().any(String::is_empty) {
                let text = "expected values with commas between them, such as A01, A04";
                return Err(settings.error(setting, "route.list", text).into());
            }
            rules.push(Rule { setting, place, allowed });
        }
        if rules.is_empty() {
            // Every message would pass: surely not what was meant.
            let text = "expected at least one of Types, Events and Facilities";
            return Err(settings.error("$type", "route.empty", text).into());
        }
        Ok(Self { rules })
    }
}

impl Filter for Route {
    fn decide(&self, _context: &Context, message: &Message) -> Result<Verdict, StepError> {
        for Rule { setting, place, allowed } in &self.rules {
            let value = message.text(place)?;
            if !allowed.iter().any(|allowed| allowed.eq_ignore_ascii_case(&value)) {
                return Ok(Verdict::Stop(format!("{place} is not among the {setting}")));
            }
        }
        Ok(Verdict::Pass)
    }
}

tureen_plugin_sdk::filter!(Route, handles = ["Cookbook.Route"]);

#[cfg(test)]
mod tests {
    use super::*;
    use tureen_plugin_sdk::testkit::TestRun;

    fn route(settings: &[(&str, &str)]) -> TestRun {
        let settings = settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).into()));
        TestRun::new()
            .message(Format::Hl7, include_bytes!("../../cases/admission/message.hl7"))
            .settings(serde_json::Value::Object(settings.collect()))
    }

    #[test]
    fn all_that_is_given_must_hold() {
        for (settings, passes) in [
            (&[("Types", "ADT")][..], true),
            (&[("Types", "ORM, adt")], true),
            (&[("Types", "ADT"), ("Facilities", "NORTH, EAST")], true),
            (&[("Types", "ADT"), ("Facilities", "WEST")], false),
            (&[("Events", "A34, A40")], false),
        ] {
            let decision = route(settings).filter::<Route>().unwrap();
            assert_eq!(decision.verdict == Verdict::Pass, passes, "{settings:?}");
        }
    }

    #[test]
    fn a_rule_that_cannot_be_meant_keeps_the_workflow_from_starting() {
        for (settings, code) in [
            (&[][..], "route.empty"),
            (&[("Events", "A01,,A04")], "route.list"),
            (&[("Types", "")], "route.list"),
        ] {
            assert_eq!(route(settings).filter::<Route>().unwrap_err().code(), code, "{settings:?}");
        }
    }
}
