//! A server that does to its connections what no server should.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// What is done about a request.
pub(crate) enum Act {
    /// Writes this, and goes on.
    Answer(Vec<u8>),
    /// Writes this, and closes the connection.
    Close(Vec<u8>),
    /// Says nothing, and keeps the connection.
    Hang,
    /// Closes the connection without having read the body.
    CloseUnread,
}

/// A request, of which all was read unless it is [`Act::CloseUnread`].
#[derive(Clone, Debug)]
pub(crate) struct RawSeen {
    /// How many requests came before it.
    pub(crate) number: usize,
    /// Of which connection, counted from 0.
    pub(crate) connection: usize,
    /// Request line and headers, in lower case.
    pub(crate) head: String,
}

impl RawSeen {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }
}

/// An answer as it goes over the wire.
pub(crate) fn http(status: &str, headers: &[(&str, &str)], length: usize, body: &[u8]) -> Vec<u8> {
    let mut head = format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\n");
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    [head.as_bytes(), b"\r\n", body].concat()
}

type Script = dyn Fn(&RawSeen) -> Act + Send + Sync;

pub(crate) struct RawServer {
    pub(crate) endpoint: String,
    seen: Arc<Mutex<Vec<RawSeen>>>,
    task: JoinHandle<()>,
}

impl Drop for RawServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl RawServer {
    pub(crate) async fn start(script: impl Fn(&RawSeen) -> Act + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let seen = Arc::<Mutex<Vec<RawSeen>>>::default();
        let script: Arc<Script> = Arc::new(script);
        let all = Arc::clone(&seen);
        let task = tokio::spawn(async move {
            for connection in 0.. {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(serve(stream, connection, Arc::clone(&all), Arc::clone(&script)));
            }
        });
        Self { endpoint, seen, task }
    }

    /// Every request whose head came, whatever was done about it.
    pub(crate) fn seen(&self) -> Vec<RawSeen> {
        self.seen.lock().unwrap().clone()
    }

    pub(crate) fn hits(&self) -> usize {
        self.seen().len()
    }
}

async fn serve(mut stream: TcpStream, connection: usize, all: Arc<Mutex<Vec<RawSeen>>>, script: Arc<Script>) {
    let mut read = Vec::new();
    while let Some(end) = head(&mut stream, &mut read).await {
        let head = String::from_utf8(read.drain(..end).collect()).unwrap().to_lowercase();
        let seen = {
            let mut all = all.lock().unwrap();
            let seen = RawSeen { number: all.len(), connection, head };
            all.push(seen.clone());
            seen
        };
        let act = script(&seen);
        if !matches!(act, Act::CloseUnread) {
            let length: usize = seen.header("content-length").map_or(0, |length| length.parse().unwrap());
            while read.len() < length {
                assert!(stream.read_buf(&mut read).await.unwrap() > 0, "the body was cut short");
            }
            read.drain(..length);
        }
        match act {
            Act::Answer(answer) => stream.write_all(&answer).await.unwrap(),
            Act::Close(answer) => {
                stream.write_all(&answer).await.unwrap();
                return;
            }
            Act::CloseUnread => return,
            Act::Hang => std::future::pending().await,
        }
    }
}

/// Reads until there is a head, and says where it ends.
async fn head(stream: &mut TcpStream, read: &mut Vec<u8>) -> Option<usize> {
    loop {
        if let Some(at) = read.windows(4).position(|four| four == b"\r\n\r\n") {
            return Some(at + 4);
        }
        if stream.read_buf(read).await.unwrap_or(0) == 0 {
            return None;
        }
    }
}
