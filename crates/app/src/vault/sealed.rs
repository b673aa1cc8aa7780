//! Sealing: a key under a passphrase (Argon2id, XChaCha20-Poly1305), and small secrets under the key.

use argon2::{Algorithm, Argon2, Params, Version};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::{Key, VaultError};

/// 64 MiB and three passes: RFC 9106's choice for a machine with little memory, about a tenth of a second here.
const MEMORY_KIB: u32 = 64 * 1024;
const PASSES: u32 = 3;
/// A key file that asks for more than this was not written by us.
const MEMORY_KIB_AT_MOST: u32 = 1024 * 1024;
const PASSES_AT_MOST: u32 = 16;

/// A key under a passphrase, as it lies on the disk.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Sealed {
    memory_kib: u32,
    passes: u32,
    salt: String,
    nonce: String,
    sealed: String,
}

impl Sealed {
    pub(super) fn seal(key: &Key, passphrase: &str) -> Result<Sealed, VaultError> {
        let salt = crate::clock::random::<16>()?;
        let nonce = crate::clock::random::<24>()?;
        let wrap = stretch(passphrase, &salt, MEMORY_KIB, PASSES)?;
        let sealed = encrypt(&wrap, &nonce, key.bytes(), b"clara data key 1")?;
        Ok(Sealed {
            memory_kib: MEMORY_KIB,
            passes: PASSES,
            salt: STANDARD.encode(salt),
            nonce: STANDARD.encode(nonce),
            sealed: STANDARD.encode(sealed),
        })
    }

    pub(super) fn open(&self, passphrase: &str) -> Result<Key, VaultError> {
        if self.memory_kib > MEMORY_KIB_AT_MOST || self.passes > PASSES_AT_MOST {
            return Err(VaultError::Cipher);
        }
        let decode = |text: &str| STANDARD.decode(text).map_err(|_| VaultError::Cipher);
        let nonce: [u8; 24] = decode(&self.nonce)?.try_into().map_err(|_| VaultError::Cipher)?;
        let wrap = stretch(passphrase, &decode(&self.salt)?, self.memory_kib, self.passes)?;
        let key =
            decrypt(&wrap, &nonce, &decode(&self.sealed)?, b"clara data key 1").ok_or(VaultError::WrongPassphrase)?;
        Key::from_slice(&key).ok_or(VaultError::Cipher)
    }
}

/// Seals a small secret under the data key. `purpose` must be given again to open it.
pub(crate) fn seal_with_key(key: &Key, purpose: &str, secret: &[u8]) -> Result<Vec<u8>, VaultError> {
    let nonce = crate::clock::random::<24>()?;
    let mut out = nonce.to_vec();
    out.extend(encrypt(key.bytes(), &nonce, secret, purpose.as_bytes())?);
    Ok(out)
}

/// The reverse of [`seal_with_key`]; none where the bytes were changed or sealed for something else.
pub(crate) fn open_with_key(key: &Key, purpose: &str, sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let (nonce, sealed) = sealed.split_first_chunk::<24>()?;
    decrypt(key.bytes(), nonce, sealed, purpose.as_bytes())
}

fn stretch(passphrase: &str, salt: &[u8], memory_kib: u32, passes: u32) -> Result<Zeroizing<[u8; 32]>, VaultError> {
    let params = Params::new(memory_kib, passes, 1, Some(32)).map_err(|_| VaultError::Cipher)?;
    let mut out = Zeroizing::new([0; 32]);
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(passphrase.as_bytes(), salt, out.as_mut_slice())
        .map_err(|_| VaultError::Cipher)?;
    Ok(out)
}

fn encrypt(key: &[u8; 32], nonce: &[u8; 24], secret: &[u8], purpose: &[u8]) -> Result<Vec<u8>, VaultError> {
    XChaCha20Poly1305::new(key.into())
        .encrypt(&XNonce::from(*nonce), Payload { msg: secret, aad: purpose })
        .map_err(|_| VaultError::Cipher)
}

fn decrypt(key: &[u8; 32], nonce: &[u8; 24], sealed: &[u8], purpose: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    XChaCha20Poly1305::new(key.into())
        .decrypt(&XNonce::from(*nonce), Payload { msg: sealed, aad: purpose })
        .ok()
        .map(Zeroizing::new)
}
