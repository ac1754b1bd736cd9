use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use bytes::Bytes;
use eventide_testing::LocalCloud;
use http::{HeaderMap, Method, Request};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

/// What a viewer got.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Seen {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_default()
    }
}

/// A local cloud with the stack of `fixtures/edge`.
pub(crate) struct World {
    pub(crate) cloud: LocalCloud,
    pub(crate) outputs: BTreeMap<String, String>,
    /// The private keys by slot.
    pub(crate) keys: BTreeMap<String, String>,
}

impl World {
    pub(crate) async fn start() -> Result<Self, String> {
        let cloud = LocalCloud::start().await?;
        cloud.control(Method::POST, "edge/keys", None).await?;
        let mut world = Self { cloud, outputs: BTreeMap::new(), keys: BTreeMap::new() };
        world.deploy(&[]).await?;
        Ok(world)
    }

    /// Deploys the stack with the key pairs that there are.
    pub(crate) async fn deploy(&mut self, more: &[(&str, &str)]) -> Result<Value, String> {
        let keys = self.cloud.control(Method::GET, "edge/keys", None).await?;
        let mut parameters: BTreeMap<String, String> =
            serde_json::from_value(member(&keys, "parameters")).map_err(|error| error.to_string())?;
        parameters.extend(more.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let request = json!({
            "template": fixtures().join("edge/template.yaml"), "stack": "edge",
            "parameters": parameters, "code": fixtures().join("bin"),
        });
        let deployed = self.cloud.control(Method::POST, "deploy", Some(&request)).await?;
        self.outputs =
            serde_json::from_value(member(&deployed, "outputs")).map_err(|error| error.to_string())?;
        let secret = json!({ "SecretId": parameters.get("SigningKeysSecretArn") });
        let secret = self.cloud.aws_json("secretsmanager", "secretsmanager.GetSecretValue", &secret).await?;
        let secret: Value =
            serde_json::from_str(member(&secret, "SecretString").as_str().unwrap_or_default())
                .map_err(|error| error.to_string())?;
        for (slot, pair) in member(&secret, "keys").as_object().into_iter().flatten() {
            let private = member(pair, "privateKey").as_str().unwrap_or_default().to_owned();
            self.keys.insert(slot.clone(), private);
        }
        Ok(deployed)
    }

    /// The address of a path at the edge.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.cloud.edge())
    }

    pub(crate) async fn get(&self, url: &str) -> Result<Seen, String> {
        send(Method::GET, url, &[], "").await
    }

    pub(crate) async fn post(
        &self,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Result<Seen, String> {
        send(Method::POST, &self.url(path), headers, body).await
    }

    /// What is to be signed for a path, with the key in slot `a`.
    pub(crate) fn link(&self, path: &str, until: i64) -> Value {
        json!({
            "url": self.url(path), "key": self.keys.get("a"), "keyId": self.outputs.get("KeyA"), "until": until,
        })
    }
}

fn member(value: &Value, name: &str) -> Value {
    value.get(name).cloned().unwrap_or_default()
}

pub(crate) fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}

pub(crate) async fn send(
    method: Method,
    url: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Result<Seen, String> {
    let client = Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
    let mut request = Request::builder().method(method).uri(url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Full::new(Bytes::from(body.to_owned()))).map_err(|error| error.to_string())?;
    let (parts, body) = client.request(request).await.map_err(|error| error.to_string())?.into_parts();
    let body = body.collect().await.map_err(|error| error.to_string())?.to_bytes();
    Ok(Seen {
        status: parts.status.as_u16(),
        headers: parts.headers,
        body: String::from_utf8_lossy(&body).into_owned(),
    })
}

/// What botocore and Python's cryptography make of it.
pub(crate) async fn python(asked: &[Value]) -> Result<Vec<Value>, String> {
    let tools = std::env::var_os("EVENTIDE_TOOLS").ok_or("cargo sets EVENTIDE_TOOLS")?;
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/edge_signer.py");
    let mut child = Command::new(PathBuf::from(tools).join("venv/bin/python"))
        .arg("-B")
        .arg(script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| error.to_string())?;
    let mut stdin = child.stdin.take().ok_or("no standard input")?;
    stdin.write_all(json!(asked).to_string().as_bytes()).await.map_err(|error| error.to_string())?;
    drop(stdin);
    let output = child.wait_with_output().await.map_err(|error| error.to_string())?;
    serde_json::from_slice(&output.stdout).map_err(|error| format!("{error}: {}", output.status))
}

/// URLs signed by an independent signer.
pub(crate) async fn sign(asked: &[Value]) -> Result<Vec<String>, String> {
    let signed = python(asked).await?;
    Ok(signed.iter().map(|url| url.as_str().unwrap_or_default().to_owned()).collect())
}
