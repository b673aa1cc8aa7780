use std::fmt;

use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

/// The random key of one profile. The database is opened with it as it is; spool, photo files and file names have keys
/// derived from it.
#[derive(Clone)]
pub struct DataKey(Zeroizing<[u8; 32]>);

impl DataKey {
    /// From the vault.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// A new one, from the operating system's randomness.
    ///
    /// # Errors
    /// Where the operating system has none.
    pub fn generate() -> Result<Self, getrandom::Error> {
        let mut bytes = Zeroizing::new([0u8; 32]);
        getrandom::fill(bytes.as_mut_slice())?;
        Ok(Self(bytes))
    }

    /// For wrapping it in the vault, and for nothing else.
    pub fn expose(&self) -> &[u8; 32] {
        &self.0
    }

    /// SQLCipher's notation for a raw key: no passphrase, no derivation.
    pub(crate) fn raw_notation(&self) -> Zeroizing<String> {
        use fmt::Write;
        let mut text = Zeroizing::new(String::with_capacity(67));
        text.push_str("x'");
        for byte in self.0.iter() {
            // Writing to a String cannot fail.
            let _ = write!(text, "{byte:02x}");
        }
        text.push('\'');
        text
    }

    /// HKDF-Expand (RFC 5869) with SHA-256, one block: the data key is uniformly random already, so that the extract
    /// step has nothing to do. `label` keeps the purposes apart.
    pub(crate) fn derive(&self, label: &str) -> Zeroizing<[u8; 32]> {
        let mut info = Vec::with_capacity(label.len() + 16);
        info.extend_from_slice(b"clara field 1 ");
        info.extend_from_slice(label.as_bytes());
        info.push(1);
        Zeroizing::new(hmac_sha256(&self.0, &info))
    }
}

impl fmt::Debug for DataKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DataKey(..)")
    }
}

/// RFC 2104, for keys of 32 bytes.
pub(crate) fn hmac_sha256(key: &[u8; 32], message: &[u8]) -> [u8; 32] {
    let pad = |byte: u8| {
        let mut block = Zeroizing::new([byte; 64]);
        block.iter_mut().zip(key).for_each(|(b, k)| *b ^= k);
        block
    };
    let inner = Sha256::new().chain_update(pad(0x36).as_slice()).chain_update(message).finalize();
    Sha256::new().chain_update(pad(0x5c).as_slice()).chain_update(inner).finalize().into()
}

/// Lower-case hex.
pub(crate) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        for nibble in [byte >> 4, byte & 15] {
            text.push(char::from(DIGITS.get(usize::from(nibble)).copied().unwrap_or(b'0')));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hmac_is_the_published_one() {
        // RFC 4231 pads a short key with zeros, which is what a 32-byte key with trailing zeros is.
        let mut key = [0u8; 32];
        key[..4].copy_from_slice(b"Jefe");
        assert_eq!(
            hex(&hmac_sha256(&key, b"what do ya want for nothing?")),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
        );
    }

    #[test]
    fn two_purposes_never_share_a_key_and_none_is_printed() {
        let key = DataKey::from_bytes([7; 32]);
        assert_ne!(*key.derive("spool"), *key.derive("photo"));
        assert_eq!(format!("{key:?}"), "DataKey(..)");
    }
}
