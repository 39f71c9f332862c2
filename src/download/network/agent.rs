//! The HTTP client: its timeouts and trusted certificates.

use std::time::Duration;

use ureq::Agent;
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};

use crate::{Error, Result};

/// A client that gives up when nothing happens for `patience`.
pub(super) fn agent(patience: Duration) -> Result<Agent> {
    let mut tls = TlsConfig::builder();
    if let Some(own) = own_certificates()? {
        tls = tls.root_certs(RootCerts::new_with_certs(&own));
    }
    let config = Agent::config_builder()
        .tls_config(tls.build())
        .http_status_as_error(false)
        .timeout_resolve(Some(patience))
        .timeout_connect(Some(patience))
        .timeout_recv_response(Some(patience))
        .timeout_per_read(Some(patience))
        .user_agent(concat!("herbarium/", env!("CARGO_PKG_VERSION")))
        // The file's own bytes: with compression, a length or an offset would be meaningless.
        .accept_encoding("identity")
        .max_idle_connections(0);
    Ok(config.build().new_agent())
}

/// The certificates of `SSL_CERT_FILE`, as OpenSSL and Python read it.
fn own_certificates() -> Result<Option<Vec<Certificate<'static>>>> {
    let Some(path) = std::env::var_os("SSL_CERT_FILE").filter(|path| !path.is_empty()) else {
        return Ok(None);
    };
    let pem = std::fs::read(&path).map_err(Error::io("reading SSL_CERT_FILE", &path))?;
    let certificates: Vec<_> = parse_pem(&pem)
        .filter_map(|item| match item {
            Ok(PemItem::Certificate(certificate)) => Some(certificate),
            _ => None,
        })
        .collect();
    if certificates.is_empty() {
        let told = format!("SSL_CERT_FILE is {}, which has no certificates: unset it", path.display());
        return Err(Error::Argument(told));
    }
    Ok(Some(certificates))
}
