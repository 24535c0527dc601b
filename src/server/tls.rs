//! Certificates and keys for TLS on mail connections. Without them nothing of it is even initialised.

use super::RunError;
use super::settings::{Settings, Tls, TlsFiles};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::path::Path;
use std::sync::Arc;

/// What the listeners need; `None` when none of them speaks TLS.
pub(super) fn load(settings: &Settings) -> Result<Option<Arc<ServerConfig>>, RunError> {
    if settings.listeners.iter().all(|listener| listener.tls == Tls::Off) {
        return Ok(None);
    }
    let files = settings.tls.as_ref().ok_or_else(|| {
        RunError::Tls("tls".into(), "a listener speaks TLS, but no certificate is configured".to_owned())
    })?;
    read(files).map(|config| Some(Arc::new(config)))
}

fn read(files: &TlsFiles) -> Result<ServerConfig, RunError> {
    let chain: Vec<_> = CertificateDer::pem_file_iter(&files.certificate)
        .and_then(Iterator::collect)
        .map_err(|error| unusable(&files.certificate, &error))?;
    let key = PrivateKeyDer::from_pem_file(&files.key).map_err(|error| unusable(&files.key, &error))?;
    ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key))
        .map_err(|error| unusable(&files.certificate, &error))
}

fn unusable(file: &Path, error: &dyn std::fmt::Display) -> RunError {
    RunError::Tls(file.to_path_buf(), error.to_string())
}
