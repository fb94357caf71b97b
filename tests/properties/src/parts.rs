//! The parts of an input.

/// Divides the parts of an input: ASCII "record separator".
const SEPARATOR: u8 = 0x1E;

/// Up to `N` parts; those that are not there are empty. The last one keeps
/// further separators.
pub(crate) fn parts<const N: usize>(data: &[u8]) -> [&[u8]; N] {
    let mut found = [&[][..]; N];
    let parts = data.splitn(N, |byte| *byte == SEPARATOR);
    for (slot, part) in found.iter_mut().zip(parts) {
        *slot = part;
    }
    found
}

/// A part as text: what is no UTF-8 is replaced.
pub(crate) fn text(part: &[u8]) -> String {
    String::from_utf8_lossy(part).into_owned()
}
