//! TLS servers that show certificates, and count what their clients do.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{ServerConfig, SupportedProtocolVersion, version};

use crate::apart::Apart;
use crate::certificates::{Authority, Shown};

/// What a server has seen.
#[derive(Default)]
pub struct Seen {
    pub handshakes: AtomicUsize,
    pub bytes: AtomicUsize,
    pub clean_ends: AtomicUsize,
}

/// What it wants of its clients.
pub struct Wants<'a> {
    pub version: &'static SupportedProtocolVersion,
    /// Signed by this authority.
    pub client: Option<&'a Authority>,
}

pub const TLS13: Wants<'_> = Wants { version: &version::TLS13, client: None };
pub const TLS12: Wants<'_> = Wants { version: &version::TLS12, client: None };

pub fn config(shown: Shown, wants: Wants<'_>) -> Arc<ServerConfig> {
    let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let builder = builder.with_protocol_versions(&[wants.version]).expect("a version");
    let builder = match wants.client {
        None => builder.with_no_client_auth(),
        Some(authority) => {
            let provider = Arc::new(ring::default_provider());
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(authority.roots()), provider);
            builder.with_client_cert_verifier(verifier.build().expect("roots"))
        }
    };
    let key = PrivateKeyDer::try_from(shown.key.serialize_der()).expect("a key");
    Arc::new(builder.with_single_cert(shown.chain, key).expect("a chain and its key"))
}

/// Greets whoever comes, and counts.
pub async fn serve(listener: TcpListener, config: Arc<ServerConfig>, seen: Arc<Seen>) {
    let acceptor = TlsAcceptor::from(config);
    while let Ok((connection, _)) = listener.accept().await {
        let (acceptor, seen) = (acceptor.clone(), Arc::clone(&seen));
        tokio::spawn(async move {
            let mut connection = acceptor.accept(connection).await?;
            seen.handshakes.fetch_add(1, Ordering::SeqCst);
            let mut said = Vec::new();
            // An end without a farewell is an error.
            if connection.read_to_end(&mut said).await.is_ok() {
                seen.clean_ends.fetch_add(1, Ordering::SeqCst);
            }
            seen.bytes.fetch_add(said.len(), Ordering::SeqCst);
            std::io::Result::Ok(())
        });
    }
}

pub fn server_of(config: Arc<ServerConfig>) -> (Apart, Arc<Seen>) {
    let seen = Arc::<Seen>::default();
    let seeing = Arc::clone(&seen);
    (Apart::start(move |listener| serve(listener, Arc::clone(&config), Arc::clone(&seeing))), seen)
}

pub fn showing(shown: Shown) -> Apart {
    server_of(config(shown, TLS13)).0
}

/// Says this, and no more.
pub fn saying(text: &'static [u8]) -> Apart {
    Apart::start(async move |listener: TcpListener| {
        while let Ok((mut connection, _)) = listener.accept().await {
            let mut hello = [0; 1024];
            let _ = connection.read(&mut hello).await;
            let _ = connection.write_all(text).await;
        }
    })
}
