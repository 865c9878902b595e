//! Whom we trust: the system's certificates, and those of `ca_file` beside them.

use std::{
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, OtherError, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::CryptoProvider,
    pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject},
};

use super::issuer;

/// Why a certificate is not taken, and who issued it: behind a proxy that opens TLS, that is its name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the certificate issued by {issuer} is not taken: {reason}")]
pub(crate) struct Rejected {
    pub(crate) why: Why,
    pub(crate) issuer: String,
    /// For the log.
    pub(crate) reason: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Why {
    /// Nobody this device trusts, or withdrawn, or unusable for another reason.
    Untrusted,
    /// Out of its dates, or this device's clock is wrong.
    Expired,
    NotValidYet,
    WrongName,
}

/// Who issued the certificate that was last taken or rejected.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen(Arc<Mutex<Option<String>>>);

impl Seen {
    pub(crate) fn issuer(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Judges like the system does, and remembers whose certificate it was.
#[derive(Debug)]
struct Judge {
    system: rustls_platform_verifier::Verifier,
    seen: Seen,
}

/// # Errors
/// Where `ca_file` cannot be read, or the system has no certificates and there is no `ca_file`.
pub(crate) fn config(ca_file: Option<&Path>, seen: Seen) -> Result<ClientConfig, String> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let own = ca_file.map(read).transpose()?.unwrap_or_default();
    let system = platform(own, Arc::clone(&provider)).map_err(|error| error.to_string())?;
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    let judge = Arc::new(Judge { system, seen });
    let mut config = builder.dangerous().with_custom_certificate_verifier(judge).with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

fn platform(
    own: Vec<CertificateDer<'static>>,
    provider: Arc<CryptoProvider>,
) -> Result<rustls_platform_verifier::Verifier, rustls::Error> {
    if own.is_empty() {
        rustls_platform_verifier::Verifier::new(provider)
    } else {
        rustls_platform_verifier::Verifier::new_with_extra_roots(own, provider)
    }
}

fn read(file: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let failed = |reason: String| format!("ca_file {}: {reason}", file.display());
    let pem = std::fs::read(file).map_err(|error| failed(error.to_string()))?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    let found = found.map_err(|error| failed(error.to_string()))?;
    if found.is_empty() { Err(failed("it holds no certificate".to_owned())) } else { Ok(found) }
}

impl ServerCertVerifier for Judge {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let issuer = issuer::of(end_entity);
        *self.seen.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(issuer.clone());
        let judged = self.system.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        judged.map_err(|error| match error {
            rustls::Error::InvalidCertificate(error) => {
                let rejected = Rejected { why: why(&error), issuer, reason: error.to_string() };
                CertificateError::Other(OtherError(Arc::new(rejected))).into()
            }
            other => other,
        })
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.system.verify_tls12_signature(message, cert, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.system.verify_tls13_signature(message, cert, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.system.supported_verify_schemes()
    }
}

fn why(error: &CertificateError) -> Why {
    match error {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => Why::Expired,
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => Why::NotValidYet,
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => Why::WrongName,
        _ => Why::Untrusted,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_has_its_kind() {
        for (error, kind) in [
            (CertificateError::UnknownIssuer, Why::Untrusted),
            (CertificateError::Revoked, Why::Untrusted),
            (CertificateError::Expired, Why::Expired),
            (CertificateError::NotValidYet, Why::NotValidYet),
            (CertificateError::NotValidForName, Why::WrongName),
        ] {
            assert_eq!(why(&error), kind, "{error:?}");
        }
    }

    #[test]
    fn a_file_without_a_certificate_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ca.pem");
        assert!(config(Some(&file), Seen::default()).unwrap_err().contains("ca.pem"), "it is absent");
        std::fs::write(&file, "no certificate").unwrap();
        assert!(config(Some(&file), Seen::default()).unwrap_err().contains("no certificate"));
    }
}
