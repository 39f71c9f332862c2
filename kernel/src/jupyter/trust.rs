//! Accepts messages with the right signature, each once.

use std::collections::{HashSet, VecDeque};

use jupyter_protocol::ConnectionInfo;
use ring::hmac;
use zeromq::ZmqMessage;

/// How many signatures are remembered, as in Jupyter's own client.
const REMEMBERED: usize = 1 << 16;
/// What stands before a message's signature.
const DELIMITER: &[u8] = b"<IDS|MSG>";

/// The key that signs and verifies, by the connection file's scheme. `None` where messages are not signed.
pub fn key(connection: &ConnectionInfo) -> Result<Option<hmac::Key>, String> {
    if connection.key.is_empty() {
        return Ok(None);
    }
    let algorithm = match connection.signature_scheme.as_str() {
        "hmac-sha256" => hmac::HMAC_SHA256,
        "hmac-sha384" => hmac::HMAC_SHA384,
        "hmac-sha512" => hmac::HMAC_SHA512,
        other => {
            let known = "hmac-sha256, hmac-sha384 and hmac-sha512 are known";
            return Err(format!("its signature scheme is {other}; {known}"));
        }
    };
    Ok(Some(hmac::Key::new(algorithm, connection.key.as_bytes())))
}

/// The signatures of the messages that have come, on all sockets.
#[derive(Default)]
pub struct Seen {
    signatures: HashSet<u128>,
    /// The same, the oldest first.
    order: VecDeque<u128>,
}

impl Seen {
    /// Whether a message of this signature, which must be the right one, has come before. `None`, unsigned, never has.
    pub fn again(&mut self, signature: Option<u128>) -> bool {
        let Some(signature) = signature else { return false };
        if !self.signatures.insert(signature) {
            return true;
        }
        self.order.push_back(signature);
        if self.order.len() > REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.signatures.remove(&oldest);
        }
        false
    }
}

/// The first half of a message's signature; nobody without the key can produce a collision.
pub fn signature(message: &ZmqMessage) -> Option<u128> {
    let at = message.iter().position(|part| &part[..] == DELIMITER)?;
    let text = message.get(at + 1)?.get(..32)?;
    u128::from_str_radix(std::str::from_utf8(text).ok()?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_seen_once_until_it_is_forgotten() {
        let mut seen = Seen::default();
        assert!(!seen.again(Some(1)) && seen.again(Some(1)));
        assert!(!seen.again(None) && !seen.again(None));
        for other in 2..=REMEMBERED as u128 + 1 {
            assert!(!seen.again(Some(other)));
        }
        assert!(seen.again(Some(2)) && !seen.again(Some(1)));
        assert_eq!(seen.order.len(), REMEMBERED);
    }

    #[test]
    fn the_signature_stands_after_the_delimiter() {
        let message = |parts: &[&str]| {
            let mut message = ZmqMessage::from(parts[0].to_owned());
            parts[1..].iter().for_each(|part| message.push_back(part.to_string().into()));
            message
        };
        let hex = "0".repeat(31) + "a" + "rest";
        assert_eq!(signature(&message(&["id", "<IDS|MSG>", &hex, "{}"])), Some(10));
        assert_eq!(signature(&message(&["id", "<IDS|MSG>", "", "{}"])), None);
        assert_eq!(signature(&message(&["id"])), None);
    }
}
