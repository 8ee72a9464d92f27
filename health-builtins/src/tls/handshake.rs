//! What a server shows to whoever shakes hands with it.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use health_core::Failure;
use tokio::io::AsyncWriteExt as _;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use tokio_rustls::rustls::client::{ResolvesClientCert, Resumption, WebPkiServerVerifier};
use tokio_rustls::rustls::crypto::CryptoProvider;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme, sign,
};

use crate::Fault;
use crate::reach::{Address, why};

#[derive(Clone)]
pub(super) struct Server {
    address: Address,
    pub(super) name: Option<String>,
    pub(super) config: Option<Arc<ClientConfig>>,
    pub(super) roots: Option<Arc<RootCertStore>>,
}

/// What a server has shown.
#[derive(Debug, Default)]
pub(super) struct Shown {
    pub(super) chain: Vec<CertificateDer<'static>>,
    /// Why it is not trusted, if that was asked.
    pub(super) distrust: Option<Error>,
    /// It has proved that it has the key.
    is_signed: bool,
}

impl Shown {
    /// By nobody who could be trusted or not.
    pub(super) fn unasked(chain: Vec<CertificateDer<'static>>) -> Self {
        Self { chain, ..Self::default() }
    }
}

impl Server {
    pub(super) fn at(address: Address) -> Self {
        Self { address, name: None, config: None, roots: None }
    }

    pub(super) async fn shown(&self) -> Result<Shown, Failure> {
        let (config, recorder) = self.recording()?;
        let connection = self.address.connect().await?;
        let name = self.asked_for()?;
        let shaken = TlsConnector::from(Arc::new(config)).connect(name, connection).await;
        let shown = recorder.shown();
        match shaken {
            Ok(mut connection) => {
                // A server that is told the end logs no error; that it could not be told is none of this check.
                let _ = connection.shutdown().await;
            }
            // It has shown what it has, and then wanted a certificate of ours.
            Err(error) if refused_by_it(&error) && self.is_enough(&shown) => {}
            Err(error) => return Err(in_words(error)),
        }
        Ok(shown)
    }

    /// Whoever trusts a certificate trusts who has its key.
    fn is_enough(&self, shown: &Shown) -> bool {
        !shown.chain.is_empty() && (shown.is_signed || self.roots.is_none())
    }

    fn asked_for(&self) -> Result<ServerName<'static>, Failure> {
        let name = self.name.as_deref().or(self.address.host()).unwrap_or_default();
        // The dot of an absolute name is not part of the one in a certificate.
        let name = name.strip_suffix('.').unwrap_or(name).to_owned();
        ServerName::try_from(name)
            .map_err(|error| Failure::new("no certificate can be for this name").because(error))
    }

    fn recording(&self) -> Result<(ClientConfig, Arc<Recorder>), Failure> {
        let provider = match (&self.config, CryptoProvider::get_default()) {
            (Some(config), _) => Arc::clone(config.crypto_provider()),
            (None, Some(provider)) => Arc::clone(provider),
            (None, None) => return Err(Failure::new("this process has no default crypto provider for TLS")),
        };
        let recorder = Arc::new(Recorder::new(Arc::clone(&provider), self.roots.as_ref())?);
        let verifier = Arc::<Recorder>::clone(&recorder);
        let mut config = match &self.config {
            Some(config) => {
                let mut config = ClientConfig::clone(config);
                config.dangerous().set_certificate_verifier(verifier);
                config
            }
            None => ClientConfig::builder_with_provider(provider)
                .with_safe_default_protocol_versions()
                .map_err(unusable)?
                .dangerous()
                .with_custom_certificate_verifier(verifier)
                .with_no_client_auth(),
        };
        // Who is trusted without being known is told nothing. A resumed session shows no certificate, and the ones that
        // are kept are the application's.
        config.client_auth_cert_resolver = Arc::new(Anonymous);
        config.enable_early_data = false;
        config.resumption = Resumption::disabled();
        Ok((config, recorder))
    }
}

fn unusable(error: impl std::error::Error + Send + Sync + 'static) -> Failure {
    Failure::new("the configuration for TLS cannot be used").because(error)
}

/// The error of rustls in one of the operating system.
fn tls(error: &io::Error) -> Option<&Error> {
    error.get_ref().and_then(|inner| inner.downcast_ref())
}

/// It said so, or ended the connection without a word.
fn refused_by_it(error: &io::Error) -> bool {
    matches!(tls(error), None | Some(Error::AlertReceived(_)))
}

fn in_words(error: io::Error) -> Failure {
    match tls(&error) {
        Some(Error::InvalidMessage(_)) => Failure::new("the server does not speak TLS").because(error),
        Some(_) => Fault::Tls.because(error),
        None => why(error),
    }
}

/// Why it is not trusted.
pub(super) fn distrusted(error: Error) -> Failure {
    let summary = match error {
        Error::InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
        ) => "the certificate is for another name",
        // That the server's own has ended is said before anybody comes here.
        Error::InvalidCertificate(CertificateError::Expired | CertificateError::ExpiredContext { .. }) => {
            "a certificate of the chain has ended"
        }
        Error::InvalidCertificate(
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. },
        ) => "a certificate of the chain is not valid yet",
        _ => "the certificate is not trusted",
    };
    Failure::new(summary).because(error)
}

/// Notes what is shown, and goes on whatever it is: nothing is sent to whom it belongs.
#[derive(Debug)]
struct Recorder {
    provider: Arc<CryptoProvider>,
    trust: Option<Arc<WebPkiServerVerifier>>,
    shown: Mutex<Shown>,
}

impl Recorder {
    fn new(provider: Arc<CryptoProvider>, roots: Option<&Arc<RootCertStore>>) -> Result<Self, Failure> {
        let trust = match roots {
            None => None,
            Some(roots) => {
                let verifier =
                    WebPkiServerVerifier::builder_with_provider(Arc::clone(roots), Arc::clone(&provider));
                Some(verifier.build().map_err(unusable)?)
            }
        };
        Ok(Self { provider, trust, shown: Mutex::default() })
    }

    /// Until now.
    fn shown(&self) -> Shown {
        std::mem::take(&mut *self.noted())
    }

    fn noted(&self) -> MutexGuard<'_, Shown> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// That the server has the key of its certificate matters only to whoever trusts the certificate.
    fn signed(
        &self,
        asked: impl FnOnce(&WebPkiServerVerifier) -> Result<HandshakeSignatureValid, Error>,
    ) -> Result<HandshakeSignatureValid, Error> {
        let Some(trust) = &self.trust else {
            return Ok(HandshakeSignatureValid::assertion());
        };
        let valid = asked(trust)?;
        self.noted().is_signed = true;
        Ok(valid)
    }
}

impl ServerCertVerifier for Recorder {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let chain = std::iter::once(end_entity).chain(intermediates);
        let chain = chain.map(|one| one.clone().into_owned()).collect();
        let distrust = self.trust.as_ref().and_then(|trust| {
            trust.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now).err()
        });
        *self.noted() = Shown { chain, distrust, is_signed: false };
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.signed(|trust| trust.verify_tls12_signature(message, cert, dss))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.signed(|trust| trust.verify_tls13_signature(message, cert, dss))
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// A client without a certificate.
#[derive(Debug)]
struct Anonymous;

impl ResolvesClientCert for Anonymous {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<sign::CertifiedKey>> {
        None
    }

    fn has_certs(&self) -> bool {
        false
    }
}
