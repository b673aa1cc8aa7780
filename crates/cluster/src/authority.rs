//! A certificate authority of our own, and what it issues.

use std::net::{IpAddr, Ipv4Addr};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    SanType, date_time_ymd,
};

use crate::error::Result;

/// When a certificate is valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Validity {
    /// Now, and until 2099: a demo that was left for a year must still open.
    Valid,
    /// It ended in 2001.
    Expired,
}

/// Signs certificates of servers and of clients.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

/// A certificate and its private key.
pub struct Issued {
    /// The certificate alone, as PEM.
    pub certificate_pem: String,
    /// Its key, PKCS #8 as PEM.
    pub key_pem: String,
}

impl Authority {
    /// A fresh authority, which nobody trusts yet.
    pub fn new() -> Result<Authority> {
        let mut params = CertificateParams::new(Vec::new())?;
        params.distinguished_name.push(DnType::CommonName, "Clara Field private authority");
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        limit(&mut params, Validity::Valid);
        let key = KeyPair::generate()?;
        let pem = params.self_signed(&key)?.pem();
        Ok(Authority { issuer: Issuer::new(params, key), pem })
    }

    /// What a client pins.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// A server's certificate for these DNS names, and for 127.0.0.1 where `localhost` is among them.
    pub fn server(&self, names: &[&str], validity: Validity) -> Result<Issued> {
        let mut params = CertificateParams::new(names.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>())?;
        if names.contains(&"localhost") {
            params.subject_alt_names.push(SanType::IpAddress(IpAddr::V4(Ipv4Addr::LOCALHOST)));
        }
        self.issue(params, names.first().copied().unwrap_or_default(), ExtendedKeyUsagePurpose::ServerAuth, validity)
    }

    /// A client's certificate for this role.
    pub fn client(&self, role: &str, validity: Validity) -> Result<Issued> {
        self.issue(CertificateParams::new(Vec::new())?, role, ExtendedKeyUsagePurpose::ClientAuth, validity)
    }

    fn issue(
        &self,
        mut params: CertificateParams,
        name: &str,
        usage: ExtendedKeyUsagePurpose,
        validity: Validity,
    ) -> Result<Issued> {
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::ExplicitNoCa;
        params.use_authority_key_identifier_extension = true;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![usage];
        limit(&mut params, validity);
        let key = KeyPair::generate()?;
        let certificate_pem = params.signed_by(&key, &self.issuer)?.pem();
        Ok(Issued { certificate_pem, key_pem: key.serialize_pem() })
    }
}

fn limit(params: &mut CertificateParams, validity: Validity) {
    (params.not_before, params.not_after) = match validity {
        Validity::Valid => (date_time_ymd(2020, 1, 1), date_time_ymd(2099, 12, 31)),
        Validity::Expired => (date_time_ymd(2000, 1, 1), date_time_ymd(2001, 1, 1)),
    };
}
