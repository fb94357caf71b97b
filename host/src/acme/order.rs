//! One order: from its authorizations over the proofs to a chain that fits its key (RFC 8555, 7.4).
//!
//! Deliberately does not know files, nor when a certificate is due.
//!
//! # Invariants
//! - Each order has a key of its own; it is in memory only until the certificate is installed.
//! - Only hosts that were ordered are proved.
//! - What is handed back is for exactly the hosts that were ordered, and fits its key.

use std::collections::BTreeSet;
use std::time::Duration;

use instant_acme::{
    Account, AuthorizationHandle, AuthorizationStatus, ChallengeType, Identifier, NewOrder,
    OrderStatus, RetryPolicy,
};
use rcgen::{CertificateParams, DistinguishedName, KeyPair, PKCS_ECDSA_P256_SHA256};

use super::authority::{Authority, ask};
use super::challenge::Proofs;
use super::settings::Host;
use super::store::{Leaf, Pair, check_pair};
use super::{AcmeError, Challenge, ORDER_TIME_MAX};

const POLL_FIRST: Duration = Duration::from_millis(250);
const POLL_BACK_OFF: f32 = 1.5;

/// A certificate that was issued and checked.
pub(super) struct Issued {
    pub(super) pair: Pair,
    pub(super) leaf: Leaf,
}

/// Places an order and sees it through. `proofs` is shown what the authority wants to see; the
/// caller closes it.
///
/// # Errors
/// The authority cannot be reached, refuses, or cannot verify a host.
pub(super) async fn place(
    authority: &Authority<'_>,
    account: &Account,
    hosts: &[Host],
    proofs: &mut Proofs,
) -> Result<Issued, AcmeError> {
    let mut order = new_order(authority, account, hosts).await?;
    if order.state().status == OrderStatus::Pending {
        prove_all(authority, &mut order, hosts, proofs).await?;
    }
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)
        .map_err(|source| AcmeError::Key { source })?;
    let request = certificate_request(hosts, &key)?;
    ask!(authority, "the request for the certificate", order.finalize_csr(&request))?;
    let poll = polling();
    let chain_pem = ask!(authority, "the certificate", order.poll_certificate(&poll))?;
    checked(Pair { chain_pem, key_pem: key.serialize_pem() }, hosts)
}

/// Proves each host, and waits until the authority has seen it.
async fn prove_all(
    authority: &Authority<'_>,
    order: &mut instant_acme::Order,
    hosts: &[Host],
    proofs: &mut Proofs,
) -> Result<(), AcmeError> {
    let proven = match prove(authority, order, hosts, proofs).await {
        Ok(()) => wait_until_ready(authority, order).await,
        failed => failed,
    };
    match proven {
        // Which host it was is told by its authorization alone. An authority that looks at a
        // proof at once refuses it in the answer to its announcement.
        Err(error @ AcmeError::Refused { .. }) => {
            Err(why_invalid(authority, order).await.unwrap_or(error))
        }
        proven => proven,
    }
}

async fn new_order(
    authority: &Authority<'_>,
    account: &Account,
    hosts: &[Host],
) -> Result<instant_acme::Order, AcmeError> {
    let identifiers: Vec<Identifier> = hosts.iter().map(Host::identifier).collect();
    let mut new = NewOrder::new(&identifiers);
    if let Some(profile) = &authority.settings.profile {
        check_profile(account, profile)?;
        new = new.profile(profile);
    }
    ask!(authority, "the order", account.new_order(&new))
}

fn check_profile(account: &Account, profile: &str) -> Result<(), AcmeError> {
    let mut offered: Vec<&str> = account.profiles().map(|profile| profile.name).collect();
    if offered.contains(&profile) {
        return Ok(());
    }
    offered.sort_unstable();
    let offered = if offered.is_empty() { "none".to_owned() } else { offered.join(", ") };
    let offered = super::error::shown(&offered);
    Err(AcmeError::UnknownProfile { profile: profile.to_owned(), offered })
}

/// Shows a proof for each host that the authority has not verified lately.
async fn prove(
    authority: &Authority<'_>,
    order: &mut instant_acme::Order,
    hosts: &[Host],
    proofs: &mut Proofs,
) -> Result<(), AcmeError> {
    // Each of them is looked up by a request of its own, which may have to be repeated.
    ask!(authority, "the authorizations", look_up(order))?;
    let mut authorizations = order.authorizations();
    while let Some(authorization) = authorizations.next().await {
        let authorization =
            authorization.map_err(|error| authority.failed("the authorizations", error))?;
        prove_one(authority, authorization, hosts, proofs).await?;
    }
    Ok(())
}

/// After this all authorizations of the order are known.
async fn look_up(order: &mut instant_acme::Order) -> Result<(), instant_acme::Error> {
    let mut authorizations = order.authorizations();
    while let Some(authorization) = authorizations.next().await {
        authorization?;
    }
    Ok(())
}

async fn prove_one(
    authority: &Authority<'_>,
    mut authorization: AuthorizationHandle<'_>,
    hosts: &[Host],
    proofs: &mut Proofs,
) -> Result<(), AcmeError> {
    let host = host_of(&authorization, hosts)?;
    match authorization.status {
        AuthorizationStatus::Valid => return Ok(()),
        AuthorizationStatus::Pending => {}
        status => {
            let text = format!("an authorization of a new order is {status:?}");
            return Err(AcmeError::Protocol { doing: "the order", text });
        }
    }
    let challenge = authority.settings.challenge;
    let offered: Vec<String> =
        authorization.challenges.iter().map(|challenge| name_of(&challenge.r#type)).collect();
    let Some(mut handle) = authorization.challenge(type_of(challenge)) else {
        let offered = super::error::shown(&offered.join(", "));
        return Err(AcmeError::NotOffered { host: host.to_string(), challenge, offered });
    };
    proofs.show(&host, &handle.token, &handle.key_authorization())?;
    ask!(authority, "the challenge", handle.set_ready())
}

/// Which of the ordered hosts an authorization is for.
fn host_of(authorization: &AuthorizationHandle<'_>, hosts: &[Host]) -> Result<Host, AcmeError> {
    let identifier = authorization.identifier();
    let host = match identifier.identifier {
        Identifier::Dns(name) if !identifier.wildcard => Some(Host::Name(name.to_lowercase())),
        Identifier::Ip(address) => Some(Host::Address(*address)),
        _ => None,
    };
    host.filter(|host| hosts.contains(host)).ok_or_else(|| AcmeError::Protocol {
        doing: "the order",
        text: "it wants a proof for something that was not ordered".to_owned(),
    })
}

async fn wait_until_ready(
    authority: &Authority<'_>,
    order: &mut instant_acme::Order,
) -> Result<(), AcmeError> {
    let poll = polling();
    match ask!(authority, "the order", order.poll_ready(&poll))? {
        OrderStatus::Ready => Ok(()),
        _ => Err(why_invalid(authority, order).await.unwrap_or_else(|| {
            let text = "the order is invalid, and nothing says why".to_owned();
            AcmeError::Protocol { doing: "the order", text }
        })),
    }
}

/// The first host that the authority could not verify.
async fn why_invalid(
    authority: &Authority<'_>,
    order: &mut instant_acme::Order,
) -> Option<AcmeError> {
    let mut authorizations = order.authorizations();
    while let Some(authorization) = authorizations.next().await {
        let mut authorization = authorization.ok()?;
        let refreshed = ask!(authority, "the authorization", refresh(&mut authorization));
        refreshed.ok()?;
        let mut problems = authorization.challenges.iter().filter_map(|one| one.error.as_ref());
        if let Some(problem) = problems.next() {
            return Some(AcmeError::NotVerified {
                host: super::error::shown(&authorization.identifier().to_string()),
                challenge: authority.settings.challenge,
                refusal: authority.refusal(problem),
            });
        }
    }
    None
}

async fn refresh(authorization: &mut AuthorizationHandle<'_>) -> Result<(), instant_acme::Error> {
    authorization.refresh().await.map(drop)
}

/// In DER, for exactly these hosts.
fn certificate_request(hosts: &[Host], key: &KeyPair) -> Result<Vec<u8>, AcmeError> {
    let names: Vec<String> = hosts.iter().map(Host::to_string).collect();
    let made = CertificateParams::new(names).and_then(|mut parameters| {
        parameters.distinguished_name = DistinguishedName::new();
        parameters.serialize_request(key)
    });
    made.map(|request| request.der().to_vec()).map_err(|source| AcmeError::Key { source })
}

fn checked(pair: Pair, hosts: &[Host]) -> Result<Issued, AcmeError> {
    let unusable = |problem| AcmeError::Unusable { problem };
    let leaf = check_pair(pair.chain_pem.as_bytes(), pair.key_pem.as_bytes()).map_err(unusable)?;
    let ordered: BTreeSet<Host> = hosts.iter().cloned().collect();
    if leaf.hosts != ordered {
        return Err(unusable("it is not for the hosts that were ordered".to_owned()));
    }
    Ok(Issued { pair, leaf })
}

fn polling() -> RetryPolicy {
    RetryPolicy::new().initial_delay(POLL_FIRST).backoff(POLL_BACK_OFF).timeout(ORDER_TIME_MAX)
}

fn type_of(challenge: Challenge) -> ChallengeType {
    match challenge {
        Challenge::Http01 => ChallengeType::Http01,
        Challenge::TlsAlpn01 => ChallengeType::TlsAlpn01,
    }
}

fn name_of(challenge: &ChallengeType) -> String {
    match challenge {
        ChallengeType::Http01 => Challenge::Http01.to_string(),
        ChallengeType::TlsAlpn01 => Challenge::TlsAlpn01.to_string(),
        ChallengeType::Dns01 => "dns-01".to_owned(),
        ChallengeType::Unknown(name) => name.clone(),
        _ => "another".to_owned(),
    }
}
