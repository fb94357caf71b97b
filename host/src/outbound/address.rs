//! Which addresses a plugin may be connected to. Pure.
//!
//! # Invariants
//! - Only what is known to be public is: every other kind of address, and every form that hides an
//!   IPv4 address in an IPv6 one, needs the operator's word for it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use tureen_sandbox::AddressRange;

/// What an address is, when it is not public.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NotPublic(pub(super) &'static str);

/// Networks of RFC 6890 and its kin that are reachable by nobody, or by those inside only.
const V4: [([u8; 4], u8, &str); 15] = [
    ([0, 0, 0, 0], 8, "an unspecified address"),
    ([10, 0, 0, 0], 8, "a private address"),
    ([100, 64, 0, 0], 10, "an address of a carrier's own network"),
    ([127, 0, 0, 0], 8, "a loopback address"),
    ([169, 254, 0, 0], 16, "a link-local address"),
    ([172, 16, 0, 0], 12, "a private address"),
    ([192, 0, 0, 0], 24, "an address for protocols"),
    ([192, 0, 2, 0], 24, "an address for documentation"),
    ([192, 88, 99, 0], 24, "an address of a 6to4 relay"),
    ([192, 168, 0, 0], 16, "a private address"),
    ([198, 18, 0, 0], 15, "an address for measurements"),
    ([198, 51, 100, 0], 24, "an address for documentation"),
    ([203, 0, 113, 0], 24, "an address for documentation"),
    ([224, 0, 0, 0], 4, "a multicast address"),
    ([240, 0, 0, 0], 4, "a reserved address"),
];

/// The same of IPv6; what is in none of these and not in 2000::/3 is reserved.
const V6: [([u16; 8], u8, &str); 16] = [
    ([0; 8], 128, "an unspecified address"),
    ([0, 0, 0, 0, 0, 0, 0, 1], 128, "a loopback address"),
    ([0, 0, 0, 0, 0, 0xffff, 0, 0], 96, "an IPv4 address in an IPv6 one"),
    ([0; 8], 96, "an IPv4 address in an IPv6 one"),
    ([0x64, 0xff9b, 0, 0, 0, 0, 0, 0], 96, "an IPv4 address in an IPv6 one (NAT64)"),
    ([0x64, 0xff9b, 1, 0, 0, 0, 0, 0], 48, "an IPv4 address in an IPv6 one (NAT64)"),
    ([0x100, 0, 0, 0, 0, 0, 0, 0], 64, "an address that discards"),
    ([0x2001, 0, 0, 0, 0, 0, 0, 0], 32, "an IPv4 address in an IPv6 one (Teredo)"),
    ([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], 32, "an address for documentation"),
    ([0x2001, 0, 0, 0, 0, 0, 0, 0], 23, "an address for protocols"),
    ([0x2002, 0, 0, 0, 0, 0, 0, 0], 16, "an IPv4 address in an IPv6 one (6to4)"),
    ([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20, "an address for documentation"),
    ([0xfc00, 0, 0, 0, 0, 0, 0, 0], 7, "a unique local address"),
    ([0xfe80, 0, 0, 0, 0, 0, 0, 0], 10, "a link-local address"),
    ([0xfec0, 0, 0, 0, 0, 0, 0, 0], 10, "a site-local address"),
    ([0xff00, 0, 0, 0, 0, 0, 0, 0], 8, "a multicast address"),
];

/// May a name lead here?
///
/// # Errors
/// The address is not public, and in none of the granted networks.
pub(super) fn check(address: IpAddr, granted: &[AddressRange]) -> Result<(), NotPublic> {
    match kind_of(address) {
        None => Ok(()),
        Some(_) if granted.iter().any(|network| network.contains(address)) => Ok(()),
        Some(kind) => Err(NotPublic(kind)),
    }
}

fn kind_of(address: IpAddr) -> Option<&'static str> {
    match address {
        IpAddr::V4(address) => {
            let within = |network: [u8; 4], bits: u8| {
                let mask = u32::MAX.checked_shl(32 - u32::from(bits)).unwrap_or(0);
                address.to_bits() & mask == Ipv4Addr::from(network).to_bits()
            };
            V4.iter().find(|(network, bits, _)| within(*network, *bits)).map(|(_, _, kind)| *kind)
        }
        IpAddr::V6(address) => {
            let within = |network: [u16; 8], bits: u8| {
                let mask = u128::MAX.checked_shl(128 - u32::from(bits)).unwrap_or(0);
                address.to_bits() & mask == Ipv6Addr::from(network).to_bits()
            };
            let known = V6.iter().find(|(network, bits, _)| within(*network, *bits));
            let unicast = address.to_bits() >> 125 == 1;
            known.map(|(_, _, kind)| *kind).or((!unicast).then_some("a reserved address"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_public_addresses_are_public() {
        let cases = [
            ("1.1.1.1", None),
            ("8.8.8.8", None),
            ("100.63.255.255", None),
            ("172.15.255.255", None),
            ("172.32.0.0", None),
            ("2606:4700::1111", None),
            ("2a00:1450::1", None),
            ("2001:200::1", None),
            ("0.0.0.0", Some("unspecified")),
            ("0.1.2.3", Some("unspecified")),
            ("10.0.0.1", Some("private")),
            ("100.64.0.1", Some("carrier")),
            ("100.127.255.255", Some("carrier")),
            ("127.0.0.1", Some("loopback")),
            ("127.255.255.254", Some("loopback")),
            ("169.254.169.254", Some("link-local")),
            ("172.16.0.1", Some("private")),
            ("172.31.255.255", Some("private")),
            ("192.0.0.8", Some("protocols")),
            ("192.0.2.1", Some("documentation")),
            ("192.88.99.1", Some("6to4")),
            ("192.168.1.1", Some("private")),
            ("198.19.255.255", Some("measurements")),
            ("198.51.100.1", Some("documentation")),
            ("203.0.113.1", Some("documentation")),
            ("224.0.0.1", Some("multicast")),
            ("239.255.255.255", Some("multicast")),
            ("240.0.0.1", Some("reserved")),
            ("255.255.255.255", Some("reserved")),
            ("::", Some("unspecified")),
            ("::1", Some("loopback")),
            ("::ffff:127.0.0.1", Some("IPv4")),
            ("::ffff:8.8.8.8", Some("IPv4")),
            ("::ffff:a9fe:a9fe", Some("IPv4")),
            ("::127.0.0.1", Some("IPv4")),
            ("64:ff9b::7f00:1", Some("NAT64")),
            ("64:ff9b:1::1", Some("NAT64")),
            ("100::1", Some("discards")),
            ("2001::1", Some("Teredo")),
            ("2001:1::1", Some("protocols")),
            ("2001:db8::1", Some("documentation")),
            ("2002:7f00:1::1", Some("6to4")),
            ("3fff::1", Some("documentation")),
            ("4000::1", Some("reserved")),
            ("5f00::1", Some("reserved")),
            ("fc00::1", Some("unique local")),
            ("fd12:3456::1", Some("unique local")),
            ("fe80::1", Some("link-local")),
            ("fec0::1", Some("site-local")),
            ("ff02::1", Some("multicast")),
        ];
        for (address, expected) in cases {
            let found = check(address.parse().unwrap(), &[]).err().map(|NotPublic(kind)| kind);
            match (found, expected) {
                (None, None) => {}
                (Some(kind), Some(part)) => assert!(kind.contains(part), "{address}: {kind}"),
                other => panic!("{address}: {other:?}"),
            }
        }
    }

    #[test]
    fn a_granted_network_holds_its_own_addresses_and_no_hidden_ones() {
        let granted: Vec<AddressRange> =
            vec!["127.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()];
        let cases = [
            ("127.0.0.1", true),
            ("fd00::1", true),
            ("10.0.0.1", false),
            // The same machine in another spelling.
            ("::ffff:127.0.0.1", true),
            ("::ffff:10.0.0.1", false),
            ("64:ff9b::7f00:1", false),
            ("fc00::1", false),
        ];
        for (address, expected) in cases {
            assert_eq!(check(address.parse().unwrap(), &granted).is_ok(), expected, "{address}");
        }
    }
}
