//! TLS in front of a plain server, with a certificate that may be anything.
//!
//! The certificates lie beside this file, each with its key; they are good for nothing but this.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// Which certificate is shown. All are for 127.0.0.1 and signed by themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Certificate {
    /// Valid from 2020 for a hundred years.
    Good,
    /// Valid from 2099.
    Future,
    /// Was valid in January 2020.
    Past,
    /// As [`Self::Good`], and not in [`Self::TRUSTED`].
    Unknown,
}

impl Certificate {
    /// What a host is to trust: all but the unknown one.
    pub const TRUSTED: [Self; 3] = [Self::Good, Self::Future, Self::Past];

    /// Certificate and key as PEM.
    pub const fn pem(self) -> &'static str {
        match self {
            Self::Good => include_str!("certificates/good.pem"),
            Self::Future => include_str!("certificates/future.pem"),
            Self::Past => include_str!("certificates/past.pem"),
            Self::Unknown => include_str!("certificates/unknown.pem"),
        }
    }

    fn acceptor(self) -> TlsAcceptor {
        let pem = self.pem().as_bytes();
        let chain = CertificateDer::pem_slice_iter(pem);
        let chain: Result<Vec<_>, _> = chain.collect();
        let key = PrivateKeyDer::from_pem_slice(pem).expect("the file has a key");
        let provider = Arc::new(aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("the provider knows TLS")
            .with_no_client_auth()
            .with_single_cert(chain.expect("the file has a certificate"), key)
            .expect("the key belongs to the certificate");
        TlsAcceptor::from(Arc::new(config))
    }
}

/// A listener in front of a plain server. Ends when dropped.
#[derive(Debug)]
pub struct TlsFront {
    /// Its own address.
    pub url: String,
    shown: Arc<Mutex<Certificate>>,
    task: JoinHandle<()>,
}

impl TlsFront {
    /// Listens on a free port in front of `url`, with a good certificate.
    pub async fn start(url: &str) -> Self {
        let target = url.trim_start_matches("http://").parse();
        let target: SocketAddr = target.expect("the server's address is plain");
        let listener = TcpListener::bind("127.0.0.1:0").await;
        let listener = listener.expect("listen on a free port");
        let own = listener.local_addr().expect("a listener has an address");
        let shown = Arc::new(Mutex::new(Certificate::Good));
        Self {
            url: format!("https://{own}"),
            task: tokio::spawn(accept(listener, target, shown.clone())),
            shown,
        }
    }

    /// Shows this certificate from now on.
    pub fn show(&self, certificate: Certificate) {
        *self.shown.lock().expect("no holder panics") = certificate;
    }
}

impl Drop for TlsFront {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(listener: TcpListener, target: SocketAddr, shown: Arc<Mutex<Certificate>>) {
    while let Ok((client, _)) = listener.accept().await {
        let certificate = *shown.lock().expect("no holder panics");
        tokio::spawn(async move {
            // A client that does not like the certificate hangs up, which is what tests look at.
            let Ok(mut client) = certificate.acceptor().accept(client).await else {
                return;
            };
            let Ok(mut server) = TcpStream::connect(target).await else {
                return;
            };
            let _ = copy_bidirectional(&mut client, &mut server).await;
        });
    }
}
