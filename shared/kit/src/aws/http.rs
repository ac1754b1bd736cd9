//! One HTTP client for all AWS clients of the process.

use std::sync::{Arc, OnceLock};

use aws_smithy_async::rt::sleep::TokioSleep;
use aws_smithy_http_client::{
    Connector,
    tls::{Provider, TlsContext, TrustStore, rustls_provider::CryptoMode},
};
use aws_smithy_runtime_api::client::{
    connector_metadata::ConnectorMetadata,
    http::{HttpClient, HttpConnectorSettings, SharedHttpConnector},
    runtime_components::RuntimeComponents,
};

use super::CONNECT_TIMEOUT;
use crate::early::Backlog;

/// A connector that is made once.
///
/// The SDK's own client makes a connector for every AWS client that is built, throws it away, and makes another at the
/// first call. Each parses the system's root certificates: 5 ms for the first (145 roots, release build), more than
/// the rest of a start-up. Here the only one is made while the function polls for its first event; a call that comes
/// sooner makes it, or waits for it.
#[derive(Debug, Clone)]
pub(super) struct LazyHttp {
    tls: bool,
    connector: Arc<OnceLock<SharedHttpConnector>>,
}

impl LazyHttp {
    /// `tls` is false if the only endpoint is an `http` one: then there is nothing to prepare.
    pub(super) fn queued(backlog: &Backlog, tls: bool) -> Self {
        let http = Self { tls, connector: Arc::default() };
        if tls {
            let early = http.clone();
            backlog.add(move || drop(early.connector()));
        }
        http
    }

    fn connector(&self) -> SharedHttpConnector {
        self.connector.get_or_init(|| SharedHttpConnector::new(connector(self.tls))).clone()
    }
}

impl HttpClient for LazyHttp {
    /// All clients have the timeouts of one configuration, so the settings are always the same.
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        self.connector()
    }

    fn connector_metadata(&self) -> Option<ConnectorMetadata> {
        Some(ConnectorMetadata::new("hyper", Some("1.x".into())))
    }
}

fn connector(tls: bool) -> Connector {
    let settings = HttpConnectorSettings::builder().connect_timeout(CONNECT_TIMEOUT).build();
    let mut builder = Connector::builder()
        .connector_settings(settings)
        .sleep_impl(TokioSleep::new())
        .tls_provider(Provider::Rustls(CryptoMode::Ring));
    let roots = TlsContext::builder().with_trust_store(TrustStore::empty().with_native_roots(tls)).build();
    // Building a context has no way to fail, though its signature has; the default is the native roots.
    if let Ok(roots) = roots {
        builder = builder.tls_context(roots);
    }
    builder.build()
}
