//! Real servers on this machine, names that the test resolves.

mod address_tricks;
mod keeping;
mod proxies;
mod servers;
mod times;

use std::net::IpAddr;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tureen_sandbox::outbound::{
    Caller, HttpRequest, HttpResponse, NetworkGrants, NetworkLimits, Outbound, OutboundProblem,
};
use tureen_sandbox::{CertificateGrant, Destination};

use super::HostOutbound;
use super::resolve::{Resolve, Resolving};
use crate::config::Outbound as OutboundConfig;

/// Long enough for a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// Answers each look-up with the next of its lists; the last one stays.
#[derive(Default)]
struct Names {
    answers: Mutex<Vec<Vec<IpAddr>>>,
    asked: AtomicUsize,
}

impl Names {
    fn leading_to(answers: &[&[&str]]) -> Arc<Self> {
        let parsed = |list: &&[&str]| list.iter().map(|it| it.parse().unwrap()).collect();
        let answers = answers.iter().map(parsed).collect();
        Arc::new(Self { answers: Mutex::new(answers), asked: AtomicUsize::new(0) })
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }
}

impl Resolve for Names {
    fn addresses<'a>(&'a self, _name: &'a str) -> Resolving<'a> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let mut answers = self.answers.lock().unwrap();
        let answer = if answers.len() > 1 { answers.remove(0) } else { answers[0].clone() };
        Box::pin(async move { Ok(answer) })
    }
}

fn outbound(names: Arc<dyn Resolve>, config: &OutboundConfig) -> Arc<HostOutbound> {
    HostOutbound::with_resolver(Path::new("/nonexistent"), config, names).0
}

/// A plugin that is granted these HTTP servers and networks.
fn caller(plugin: &str, http: &[String], networks: &[&str]) -> Caller {
    let grants = NetworkGrants {
        http: http.iter().map(|text| Destination::http(text).unwrap()).collect(),
        tcp: Vec::new(),
        tls: Vec::new(),
        private_addresses: networks.iter().map(|text| text.parse().unwrap()).collect(),
        client_certificates: CertificateGrant::None,
    };
    Caller { plugin: Arc::from(plugin), grants: Arc::new(grants), limits: NetworkLimits::default() }
}

fn get(url: &str) -> HttpRequest {
    HttpRequest {
        method: "GET".to_owned(),
        url: url.to_owned(),
        within: PATIENCE,
        ..HttpRequest::default()
    }
}

async fn status(outbound: &HostOutbound, caller: &Caller, url: &str) -> Result<u16, String> {
    let answer: Result<HttpResponse, OutboundProblem> = outbound.http(caller, get(url)).await;
    match answer {
        Ok(response) => Ok(response.status),
        Err(problem) => Err(format!("{} {}", problem.fault.code(), problem.sent.name())),
    }
}
