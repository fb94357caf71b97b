//! How long a well-behaved workflow waits while another one's plugin loops, fills
//! memory and floods the host in many messages at the same time.
//!
//! What can be asserted on a machine that does other work at the same time: quiet and
//! hostile phases take turns, so that both have the same weather. That no request is lost
//! and none waits as long as it would take to be refused is asserted; the ratio of the
//! medians of the phases' 99th percentiles is printed. It is the plugin's calls that are
//! looked at, so that its step is not set aside, unless a test says so.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use tokio::task::JoinHandle;

use super::neighbour::Neighbour;
use super::{CALLER, good};
use crate::harness::actions::custom;
use crate::harness::guests::guest;
use crate::harness::http2::{KeptAlive, RUNTIME};
use crate::harness::messages::adt;
use crate::harness::{Home, Server, Workflow};

const PHASES: usize = 3;

/// Answers of the neighbour in each phase, without [`ANSWERS_VARIABLE`].
const ANSWERS: usize = 300;

/// Says how many answers a phase has, where figures matter: on a quiet machine.
const ANSWERS_VARIABLE: &str = "TUREEN_FAIRNESS_ANSWERS";

/// Messages that misbehave at the same time.
const AT_ONCE: usize = 12;

/// The time after which a message would have been refused instead (`message_wait_seconds`).
/// A closer bound, or one on the ratio, fails on a machine that does other work: calls are
/// timed by the wall there, too.
const ALLOWED: Duration = Duration::from_secs(10);

/// Says how much long calls give way, in place of the usual.
const NICENESS_VARIABLE: &str = "TUREEN_FAIRNESS_NICENESS";

struct Hostile {
    enough: Arc<AtomicBool>,
    contained: Arc<AtomicUsize>,
    clients: Vec<JoinHandle<()>>,
}

impl Hostile {
    /// Sends what misbehaves, again and again, until it is stopped.
    fn of(server: &Server) -> Self {
        let (enough, contained) = (Arc::<AtomicBool>::default(), Arc::<AtomicUsize>::default());
        let clients = (0..AT_ONCE).map(|client| {
            let (socket, certificate) = (server.socket(), server.certificate());
            let (enough, contained) = (Arc::clone(&enough), Arc::clone(&contained));
            let behaviour = ["loop", "fill", "host-calls", "stderr"][client % 4];
            RUNTIME.spawn(async move {
                let mut http = KeptAlive::connect(socket, certificate).await.unwrap();
                while !enough.load(Ordering::Acquire) {
                    let body = Bytes::from(adt("BAD", behaviour));
                    let answer = http.post("/hostile", body).await.unwrap();
                    assert_eq!(answer.msa(1), "AE", "{answer:?}");
                    contained.fetch_add(1, Ordering::AcqRel);
                }
            })
        });
        let clients = clients.collect();
        Self { enough, contained, clients }
    }

    fn stop(self) -> usize {
        self.enough.store(true, Ordering::Release);
        for client in self.clients {
            RUNTIME.block_on(client).unwrap();
        }
        self.contained.load(Ordering::Acquire)
    }
}

fn percentile(took: &mut [Duration]) -> Duration {
    took.sort_unstable();
    took[took.len() * 99 / 100]
}

fn median(mut of: Vec<Duration>) -> Duration {
    of.sort_unstable();
    of[of.len() / 2]
}

#[test]
fn the_slowest_answers_of_a_neighbour_stay_what_they_were_beside_endless_loops() {
    measure("every call is made", "[faults]\non = false\n");
}

#[test]
fn the_slowest_answers_of_a_neighbour_stay_what_they_were_beside_a_step_that_is_set_aside() {
    measure("the step is set aside", "");
}

fn measure(what: &str, faults: &str) {
    let niceness = std::env::var(NICENESS_VARIABLE)
        .map_or(String::new(), |it| format!("[limits]\nlong_call_niceness = {it}\n"));
    let home = Home::and(&format!(
        "{CALLER}[plugins.hostile-transformer]\nrunning_time_milliseconds = 500\n{faults}{niceness}"
    ));
    let answers = std::env::var(ANSWERS_VARIABLE).map_or(ANSWERS, |it| it.parse().unwrap());
    home.plugin("hostile-transformer", guest("hostile-transformer"));
    let hostile = Workflow::new("Hostile", "hostile").variables(vec![custom("Test.Hostile")]);
    home.workflow("hostile", &hostile.build());
    good(&home);
    let server = home.serve();
    let neighbour = Neighbour::of(&server);
    neighbour.answers(100);
    let (mut quiet, mut beside, mut contained) = (Vec::new(), Vec::new(), 0);
    for _ in 0..PHASES {
        neighbour.took();
        neighbour.answers(answers);
        quiet.push(percentile(&mut neighbour.took()));
        let hostile = Hostile::of(&server);
        neighbour.answers(answers);
        beside.push(percentile(&mut neighbour.took()));
        contained += hostile.stop();
    }
    println!("99th percentiles, {what}: quiet {quiet:?}, beside {AT_ONCE} hostile {beside:?}");
    let (quiet, beside) = (median(quiet), median(beside));
    let ratio = beside.as_secs_f64() / quiet.as_secs_f64();
    println!(
        "medians {quiet:?} and {beside:?}: ratio {ratio:.2}; {contained} calls were contained"
    );
    assert!(contained > 0);
    assert!(beside < ALLOWED, "{beside:?} beside hostile calls, {quiet:?} without");
    neighbour.stop(&home);
    server.stop();
}
