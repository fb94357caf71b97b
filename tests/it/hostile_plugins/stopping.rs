//! How far over its running time an endless loop gets. The figures are printed, since they
//! are the machine's as much as the server's; what is asserted is that each loop is ended
//! by its running time, after all of it, and not by the time of the call around it.

use std::time::Duration;

use super::CALLER;
use crate::harness::actions::custom;
use crate::harness::guests::guest;
use crate::harness::messages::adt;
use crate::harness::{Home, Workflow};

const LOOPS: usize = 60;

/// What the plugin may run.
const ALLOWED: Duration = Duration::from_millis(10);

/// What one breakdown's report says that the plugin ran.
fn ran(line: &str) -> Option<Duration> {
    let (before, _) = line.split_once(" ms of them running")?;
    let milliseconds: f64 = before.rsplit(' ').next()?.parse().ok()?;
    Some(Duration::from_secs_f64(milliseconds / 1_000.0))
}

#[test]
fn an_endless_loop_is_ended_soon_after_its_running_time() {
    let home = Home::and(&format!(
        "{CALLER}[faults]\non = false\n[plugins.hostile-transformer]\n\
         call_time_milliseconds = 30000\nrunning_time_milliseconds = {}\n",
        ALLOWED.as_millis()
    ));
    home.plugin("hostile-transformer", guest("hostile-transformer"));
    let hostile = Workflow::new("Hostile", "hostile").variables(vec![custom("Test.Hostile")]);
    home.workflow("hostile", &hostile.build());
    let server = home.serve();
    let mut http = server.http1();
    for _ in 0..LOOPS {
        let answer = http.post("/hostile", adt("BAD", "loop"));
        assert!(answer.text().contains("plugin.time"), "{answer:?}");
    }
    let log = server.stop();
    assert_eq!(log.matches("  outcome   running").count(), LOOPS, "{log}");
    let mut ran: Vec<Duration> = log.lines().filter_map(ran).collect();
    ran.sort_unstable();
    assert_eq!(ran.len(), LOOPS, "{log}");
    let (first, median, last) = (ran[0], ran[LOOPS / 2], ran[LOOPS - 1]);
    println!(
        "of {LOOPS} loops that may run for {ALLOWED:?}, half had ended after {median:?}, 99 of 100 after {:?}, all after {last:?}",
        ran[LOOPS * 99 / 100]
    );
    assert!(first >= ALLOWED, "{first:?}");
}
