//! Frames between the server and a worker: a length, then what is said, in the
//! encoding of postcard.
//!
//! Both ends are one program, so the encoding needs no version of its own.

use std::io;

use rustix::fd::AsFd;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;

/// Bytes of a frame to a worker: compiled code is the largest thing that goes there.
pub(super) const TO_WORKER_BYTES_MAX: u32 = 1 << 30;

/// Bytes of the length in front.
const LENGTH_BYTES: usize = 4;

/// What is said as it goes over the socket.
pub(super) fn encode(said: &impl Serialize) -> io::Result<Vec<u8>> {
    let mut frame = postcard::to_extend(said, vec![0; LENGTH_BYTES]).map_err(io::Error::other)?;
    let length = frame.len().saturating_sub(LENGTH_BYTES);
    let length = u32::try_from(length).ok().filter(|length| *length <= TO_WORKER_BYTES_MAX);
    let length = length.ok_or_else(|| io::Error::other("the frame is too long"))?;
    if let Some(place) = frame.first_chunk_mut() {
        *place = length.to_le_bytes();
    }
    Ok(frame)
}

fn decode<T: DeserializeOwned>(frame: &[u8]) -> io::Result<T> {
    postcard::from_bytes(frame)
        .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error.to_string()))
}

/// The server's end.
pub(super) async fn send(socket: &mut UnixStream, said: &impl Serialize) -> io::Result<()> {
    socket.write_all(&encode(said)?).await
}

/// The server's end. Memory is taken as bytes come, not as a length tells.
pub(super) async fn receive<T: DeserializeOwned>(
    socket: &mut UnixStream,
    bytes_max: u32,
) -> io::Result<T> {
    let length = socket.read_u32_le().await?;
    if length > bytes_max {
        let text = format!("a frame of {length} bytes, at most {bytes_max} are taken");
        return Err(io::Error::new(io::ErrorKind::InvalidData, text));
    }
    let mut frame = Vec::new();
    let read = socket.take(length.into()).read_to_end(&mut frame).await?;
    if u32::try_from(read).ok() != Some(length) {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    decode(&frame)
}

/// The worker's end: it has nothing else to do while it waits.
pub(super) fn send_waiting(socket: impl AsFd, said: &impl Serialize) -> io::Result<()> {
    let frame = encode(said)?;
    let mut rest = frame.as_slice();
    while !rest.is_empty() {
        let written = rustix::io::retry_on_intr(|| rustix::io::write(&socket, rest))?;
        rest = rest.get(written..).unwrap_or_default();
    }
    Ok(())
}

/// The worker's end. `None`: the server has closed its own.
pub(super) fn receive_waiting<T: DeserializeOwned>(socket: impl AsFd) -> io::Result<Option<T>> {
    let mut length = [0; LENGTH_BYTES];
    if !fill(&socket, &mut length)? {
        return Ok(None);
    }
    let length = u32::from_le_bytes(length);
    if length > TO_WORKER_BYTES_MAX {
        return Err(io::Error::other("the frame is too long"));
    }
    // The server is trusted with a length.
    let mut frame = vec![0; usize::try_from(length).unwrap_or_default()];
    if !fill(&socket, &mut frame)? {
        return Ok(None);
    }
    decode(&frame).map(Some)
}

/// Fills all of it; `false` where the other end was closed before.
fn fill(socket: impl AsFd, mut place: &mut [u8]) -> io::Result<bool> {
    while !place.is_empty() {
        let read = rustix::io::retry_on_intr(|| rustix::io::read(&socket, &mut *place))?;
        if read == 0 {
            return Ok(false);
        }
        place = place.get_mut(read..).unwrap_or_default();
    }
    Ok(true)
}

/// Bytes that travel as they are, not one by one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Blob(pub(super) Vec<u8>);

impl Serialize for Blob {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Blob {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Bytes;
        impl de::Visitor<'_> for Bytes {
            type Value = Blob;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("bytes")
            }

            fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Blob, E> {
                Ok(Blob(bytes.to_vec()))
            }
        }
        deserializer.deserialize_bytes(Bytes)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixStream as BlockingStream;

    use super::*;

    fn pair() -> (UnixStream, BlockingStream) {
        let (ours, theirs) = BlockingStream::pair().unwrap();
        ours.set_nonblocking(true).unwrap();
        (UnixStream::from_std(ours).unwrap(), theirs)
    }

    #[tokio::test]
    async fn what_is_said_arrives_in_both_directions() {
        let (mut ours, theirs) = pair();
        let said = ("text".to_owned(), Blob(vec![7; 1 << 20]));
        let expected = said.clone();
        let worker = std::thread::spawn(move || {
            let heard: (String, Blob) = receive_waiting(&theirs).unwrap().unwrap();
            send_waiting(&theirs, &heard).unwrap();
            receive_waiting::<()>(&theirs).unwrap()
        });
        send(&mut ours, &said).await.unwrap();
        let heard: (String, Blob) = receive(&mut ours, 2 << 20).await.unwrap();
        assert!(heard == expected);
        drop(ours);
        assert_eq!(worker.join().unwrap(), None, "an end that was closed is no frame");
    }

    #[tokio::test]
    async fn a_frame_over_its_limit_or_of_something_else_is_refused() {
        let (mut ours, theirs) = pair();
        send_waiting(&theirs, &Blob(vec![0; 100])).unwrap();
        let refused = receive::<Blob>(&mut ours, 100).await.unwrap_err();
        assert!(refused.to_string().contains("at most 100"), "{refused}");

        let (mut ours, theirs) = pair();
        send_waiting(&theirs, &u64::MAX).unwrap();
        assert!(receive::<String>(&mut ours, 100).await.is_err());

        let (mut ours, theirs) = pair();
        rustix::io::write(&theirs, &[50, 0, 0, 0, 1, 2]).unwrap();
        drop(theirs);
        let cut = receive::<Blob>(&mut ours, 100).await.unwrap_err();
        assert_eq!(cut.kind(), io::ErrorKind::UnexpectedEof);
    }
}
