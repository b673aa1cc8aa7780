//! One way to encrypt what SQLCipher does not cover: XChaCha20-Poly1305 with a random nonce in front.

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};

/// Bytes of a nonce.
pub(crate) const NONCE: usize = 24;

/// Wrong key, or not the bytes that were sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NotGenuine;

/// `nonce ‖ ciphertext ‖ tag`. `nonce` must never repeat under one key.
pub(crate) fn seal(key: &[u8; 32], nonce: [u8; NONCE], about: &[u8], plain: &[u8]) -> Result<Vec<u8>, NotGenuine> {
    let cipher = XChaCha20Poly1305::new(&(*key).into());
    let sealed = cipher.encrypt(&XNonce::from(nonce), Payload { msg: plain, aad: about }).map_err(|_| NotGenuine)?;
    let mut out = Vec::with_capacity(NONCE + sealed.len());
    out.extend_from_slice(&nonce);
    out.extend_from_slice(&sealed);
    Ok(out)
}

/// The reverse of [`seal`].
pub(crate) fn open(key: &[u8; 32], about: &[u8], sealed: &[u8]) -> Result<Vec<u8>, NotGenuine> {
    let (nonce, body) = sealed.split_first_chunk::<NONCE>().ok_or(NotGenuine)?;
    let cipher = XChaCha20Poly1305::new(&(*key).into());
    cipher.decrypt(&XNonce::from(*nonce), Payload { msg: body, aad: about }).map_err(|_| NotGenuine)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn sealed_bytes_open_with_the_same_key_and_the_same_purpose_and_not_otherwise() {
        let sealed = seal(&[1; 32], [2; NONCE], b"draft", b"belt 4L340").unwrap();
        assert_eq!(open(&[1; 32], b"draft", &sealed).unwrap(), b"belt 4L340");
        assert_eq!(open(&[9; 32], b"draft", &sealed), Err(NotGenuine));
        assert_eq!(open(&[1; 32], b"photo", &sealed), Err(NotGenuine));
        for at in 0..sealed.len() {
            let mut bent = sealed.clone();
            bent[at] ^= 1;
            assert_eq!(open(&[1; 32], b"draft", &bent), Err(NotGenuine), "byte {at}");
        }
        assert_eq!(sealed.len(), "belt 4L340".len() + NONCE + 16);
    }
}
