//! Secrets of the home that the operator granted by name.

use tureen_message::Problem;

use super::Answer;
use crate::bindings::secrets::tureen::plugin::secrets;
use crate::guest::Guest;

impl secrets::Host for Guest {
    fn get(&mut self, name: String) -> Answer<String> {
        let granted = std::sync::Arc::clone(&self.granted);
        let variables = &self.enter()?.run.variables;
        if !granted.grants.secrets.iter().any(|known| known.eq_ignore_ascii_case(&name)) {
            let text =
                format!("the plugin is not granted the secret {name:?} (secrets, in tureen.toml)");
            return Ok(Err(Problem::new("secret.not-granted", text).into()));
        }
        Ok(match variables.secret(&name) {
            Some(Ok(value)) => Ok(value.to_owned()),
            Some(Err(reason)) => {
                let text = format!("the secret {name:?} cannot be used: {reason}");
                Err(Problem::new("secret.unavailable", text).into())
            }
            None => {
                let text = format!("[secrets] has no {name:?}");
                Err(Problem::new("secret.unknown", text).into())
            }
        })
    }
}
