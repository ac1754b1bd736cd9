//! Starts the local cloud and serves its endpoint.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use http::{Request, Response};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};

use crate::comprehend::Comprehend;
use crate::connect::Connect;
use crate::control;
use crate::deploy::Deployer;
use crate::detective::Detective;
use crate::edge::Edge;
use crate::email::Email;
use crate::events::Bus;
use crate::gateway::{Backend, Body, Gateway, Inbound, Outcome, Settings, plain};
use crate::messages::Messages;
use crate::ministack::MiniStack;
use crate::redshift_data::{RedshiftData, S3, Surroundings};
use crate::securityhub::SecurityHub;
use crate::service::{Clock, Reply, Service};
use crate::sms::Sms;

/// The account that everything is in.
pub const ACCOUNT: &str = "111122223333";
/// The Region of calls that name none, and of stacks.
pub const REGION: &str = "us-east-1";

const BODY_LIMIT: usize = 512 * 1024 * 1024;

/// How to start.
#[derive(Clone, Debug)]
pub struct Options {
    /// The port on 127.0.0.1; 0 for a free one.
    pub port: u16,
    /// The edge's port on 127.0.0.1; 0 for a free one.
    pub edge_port: u16,
    /// The folder with the tools that `make tools` installs.
    pub tools: PathBuf,
    /// The folder for logs and for what MiniStack keeps.
    pub state: PathBuf,
    /// Whether the journal keeps bodies.
    pub journal_bodies: bool,
}

/// A running local cloud.
#[derive(Debug)]
pub struct Cloud {
    /// Where calls go.
    pub gateway: Arc<Gateway>,
    /// The stacks.
    pub deployer: Deployer,
    /// The stand-ins' clock.
    pub clock: Clock,
    /// The emails and SMS that were accepted.
    pub messages: Messages,
    /// Amazon Connect, with the Participant Service.
    pub connect: Connect,
    /// What stands in for CloudFront.
    pub edge: Arc<Edge>,
    endpoint: String,
    ministack: Value,
    ready: AtomicBool,
}

impl Cloud {
    /// Starts MiniStack and the stand-ins and serves the endpoint in the background. MiniStack comes with
    /// it because its end is the caller's to await or to bring about.
    ///
    /// # Errors
    /// A port that is taken, a tool that is missing, or what MiniStack says.
    pub async fn start(options: &Options) -> Result<(Arc<Self>, MiniStack), String> {
        let settings = Settings {
            account: ACCOUNT.into(),
            region: REGION.into(),
            journal_bodies: options.journal_bodies,
        };
        let (listener, address) = listen(options.port).await?;
        let endpoint = format!("http://{address}");
        let (edge_listener, edge_address) = listen(options.edge_port).await?;
        let ministack = MiniStack::start(&options.tools, &options.state, address.port(), &settings).await?;
        let backend = Backend::new(ministack.port(), ministack.pid());
        let bus = Arc::new(Bus::new(backend.clone(), ACCOUNT));
        let clock = Clock::default();
        let messages = Messages::default();
        let connect =
            Connect::new(ACCOUNT, clock.clone(), Arc::clone(&bus) as Arc<dyn crate::service::Events>);
        let services: Vec<Arc<dyn Service>> = vec![
            Arc::new(Comprehend::new(ACCOUNT, clock.clone(), Arc::new(S3::new(backend.clone(), ACCOUNT)))),
            Arc::new(connect.clone()),
            Arc::new(Detective::new(ACCOUNT, clock.clone())?),
            Arc::new(Email::new(
                ACCOUNT,
                &endpoint,
                clock.clone(),
                messages.clone(),
                Arc::clone(&bus) as Arc<dyn crate::service::Events>,
            )),
            Arc::new(RedshiftData::new(
                ACCOUNT,
                clock.clone(),
                Arc::clone(&bus) as Arc<dyn crate::service::Events>,
                Surroundings::local(&backend, ACCOUNT),
            )),
            Arc::new(SecurityHub::new(
                ACCOUNT,
                clock.clone(),
                Arc::clone(&bus) as Arc<dyn crate::service::Events>,
                crate::securityhub::Settings::default(),
            )),
            Arc::new(Sms::new(
                ACCOUNT,
                clock.clone(),
                messages.clone(),
                Arc::clone(&bus) as Arc<dyn crate::service::Events>,
            )),
        ];
        let gateway = Arc::new(Gateway::new(settings.clone(), backend, services));
        bus.connect(&gateway);
        let edge = format!("http://{edge_address}");
        connect.set_origin(&edge);
        let edge = Arc::new(Edge::new(&endpoint, edge, settings.clone(), clock.clone()));
        tokio::spawn(Arc::clone(&edge).serve(edge_listener, connect.participant_router()));
        let cloud = Arc::new(Self {
            gateway,
            deployer: Deployer::new(&endpoint, settings, Arc::clone(&edge)),
            clock,
            messages,
            connect,
            edge,
            ministack: json!({
                "pid": ministack.pid(),
                "endpoint": format!("http://127.0.0.1:{}", ministack.port()),
                "log": ministack.log(),
            }),
            endpoint,
            ready: AtomicBool::new(false),
        });
        tokio::spawn(Arc::clone(&cloud).serve(listener));
        Ok((cloud, ministack))
    }

    /// The endpoint, such as `http://127.0.0.1:4566`.
    #[must_use]
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Says that everything asked for is deployed; health answers 503 until then.
    pub fn set_ready(&self) {
        self.ready.store(true, Ordering::Release);
    }

    /// What runs where.
    #[must_use]
    pub fn health(&self) -> Value {
        json!({
            "ready": self.ready.load(Ordering::Acquire),
            "endpoint": self.endpoint,
            "edge": self.edge.endpoint(),
            "account": ACCOUNT,
            "region": REGION,
            "pid": std::process::id(),
            "ministack": self.ministack,
            "stand_ins": self.gateway.service_names(),
            "stacks": self.deployer.stacks(),
        })
    }

    async fn serve(self: Arc<Self>, listener: TcpListener) {
        loop {
            match listener.accept().await {
                Ok((stream, peer)) => {
                    tokio::spawn(Arc::clone(&self).serve_connection(stream, peer));
                }
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    // Out of file descriptors, most likely: others close theirs meanwhile.
                    tokio::time::sleep(std::time::Duration::from_millis(20)).await;
                }
            }
        }
    }

    async fn serve_connection(self: Arc<Self>, stream: TcpStream, peer: SocketAddr) {
        let Ok(own) = stream.local_addr() else { return };
        let _ = stream.set_nodelay(true);
        let service = service_fn(move |request| {
            let cloud = Arc::clone(&self);
            async move { cloud.answer(request, (peer, own)).await }
        });
        // An error here is a caller that went away, or a connection that a fault rule closes.
        if let Err(error) = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await {
            tracing::debug!(%peer, %error, "connection ended");
        }
    }

    async fn answer(
        self: Arc<Self>,
        request: Request<Incoming>,
        connection: (SocketAddr, SocketAddr),
    ) -> Result<Response<Body>, Closed> {
        let (parts, body) = request.into_parts();
        let body = match Limited::new(body, BODY_LIMIT).collect().await {
            Ok(body) => body.to_bytes(),
            Err(error) if error.is::<LengthLimitError>() => {
                return Ok(plain(Reply::error(413, "RequestEntityTooLarge", "more than 512 MB")));
            }
            Err(_) => return Err(Closed),
        };
        let inbound = Inbound {
            method: parts.method,
            uri: parts.uri,
            headers: parts.headers,
            body,
            connection: Some(connection),
        };
        // A task of its own, so that a caller that goes away neither undoes a call half way nor keeps it
        // out of the journal.
        let answered = tokio::spawn(async move {
            if inbound.uri.path().starts_with("/_local/") {
                return Outcome::Answer(plain(control::answer(&self, inbound).await));
            }
            self.gateway.call(inbound).await
        });
        match answered.await {
            Ok(Outcome::Answer(response)) => Ok(response),
            Ok(Outcome::Closed) | Err(_) => Err(Closed),
        }
    }
}

/// Listens on a port of 127.0.0.1.
async fn listen(port: u16) -> Result<(TcpListener, SocketAddr), String> {
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    let listener = TcpListener::bind(address).await.map_err(|error| format!("{address}: {error}"))?;
    let address = listener.local_addr().map_err(|error| error.to_string())?;
    Ok((listener, address))
}

/// Makes the server close a connection without an answer.
#[derive(Debug)]
struct Closed;

impl std::fmt::Display for Closed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("closed without an answer")
    }
}

impl std::error::Error for Closed {}
