//! The way to DynamoDB, which notes every call and loses responses when told to.

use std::{
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

#[derive(Default)]
struct Notes {
    calls: Vec<String>,
    lose: Option<&'static str>,
}

pub(crate) struct Wire {
    pub(crate) address: SocketAddr,
    notes: Arc<Mutex<Notes>>,
    task: JoinHandle<()>,
}

impl Wire {
    pub(crate) async fn to(server: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let notes = Arc::default();
        let task = tokio::spawn({
            let notes = Arc::clone(&notes);
            async move {
                while let Ok((client, _)) = listener.accept().await {
                    let notes = Arc::clone(&notes);
                    tokio::spawn(async move { carry(client, server, &notes).await });
                }
            }
        });
        Ok(Self { address, notes, task })
    }

    /// The calls since the last time, each with its status, or `lost`.
    pub(crate) fn take_calls(&self) -> Vec<String> {
        std::mem::take(&mut lock(&self.notes).calls)
    }

    /// Loses the response to the next call of `operation`, which the server has carried out.
    pub(crate) fn lose_next(&self, operation: &'static str) {
        lock(&self.notes).lose = Some(operation);
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn lock(notes: &Mutex<Notes>) -> MutexGuard<'_, Notes> {
    notes.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Carries one request and its response, and closes.
async fn carry(mut client: TcpStream, server: SocketAddr, notes: &Mutex<Notes>) -> io::Result<()> {
    let mut request = Vec::new();
    let (head, body_length) = loop {
        if client.read_buf(&mut request).await? == 0 {
            return Ok(());
        }
        if let Some(end) = request.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(request.get(..end).unwrap_or_default()).into_owned();
            let length = header(&head, "content-length").and_then(|length| length.parse().ok());
            break (head, end + 4 + length.unwrap_or(0));
        }
    };
    while request.len() < body_length {
        if client.read_buf(&mut request).await? == 0 {
            return Ok(());
        }
    }
    // A response that ends with its connection needs no parsing.
    let body = request.split_off(head.len());
    request.extend_from_slice(b"\r\nconnection: close");
    request.extend_from_slice(&body);
    let mut upstream = TcpStream::connect(server).await?;
    upstream.write_all(&request).await?;
    let mut response = Vec::new();
    upstream.read_to_end(&mut response).await?;

    let target = header(&head, "x-amz-target").unwrap_or_default();
    let operation = target.rsplit('.').next().unwrap_or_default();
    let status = String::from_utf8_lossy(response.get(9..12).unwrap_or_default()).into_owned();
    let lost = {
        let mut notes = lock(notes);
        let lost = notes.lose.take_if(|lose| *lose == operation).is_some();
        notes.calls.push(format!("{operation} {}", if lost { "lost" } else { &status }));
        lost
    };
    if !lost {
        client.write_all(&response).await?;
    }
    Ok(())
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(field, _)| field.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.trim())
}
