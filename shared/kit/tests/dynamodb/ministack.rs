//! A MiniStack of the test's own, with one table.

use std::{
    env, fs,
    io::{self, Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use aws_sdk_dynamodb::{
    Client,
    types::{
        AttributeDefinition, AttributeValue, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType,
    },
};
use eventide_kit::{aws, env::Vars};

use crate::wire::Wire;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

pub(crate) const NAME: &str = "effects";

/// The table, with a client that reaches it over a [`Wire`].
pub(crate) struct Table {
    pub(crate) client: Client,
    pub(crate) wire: Wire,
    _server: Server,
}

impl Table {
    pub(crate) async fn start() -> Result<Self> {
        let server = Server::start().await?;
        let wire = Wire::to(server.address).await?;
        let config = aws::sdk_config(&mut Vars::from_pairs([
            ("AWS_REGION", "eu-central-1".to_owned()),
            ("AWS_ACCESS_KEY_ID", "test".to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "test".to_owned()),
            ("AWS_ENDPOINT_URL", format!("http://{}", wire.address)),
        ]))
        .ok_or("the SDK's configuration was refused")?;
        let client = Client::new(&config);
        client
            .create_table()
            .table_name(NAME)
            .billing_mode(BillingMode::PayPerRequest)
            .attribute_definitions(
                AttributeDefinition::builder()
                    .attribute_name("pk")
                    .attribute_type(ScalarAttributeType::S)
                    .build()?,
            )
            .key_schema(KeySchemaElement::builder().attribute_name("pk").key_type(KeyType::Hash).build()?)
            .send()
            .await?;
        wire.take_calls();
        Ok(Self { client, wire, _server: server })
    }

    /// Writes an item that has no more than a key and perhaps a state.
    pub(crate) async fn put(&self, pk: &str, state: Option<&str>) -> Result<()> {
        let text = |value: &str| AttributeValue::S(value.to_owned());
        let item = [Some(("pk", text(pk))), state.map(|state| ("state", text(state)))];
        let item = item.into_iter().flatten().map(|(name, value)| (name.to_owned(), value)).collect();
        self.client.put_item().table_name(NAME).set_item(Some(item)).send().await?;
        Ok(())
    }

    /// The item's TTL attribute.
    pub(crate) async fn expiry(&self, pk: &str) -> Result<Option<String>> {
        let get = self.client.get_item().table_name(NAME).key("pk", AttributeValue::S(pk.to_owned()));
        let item = get.send().await?.item.ok_or_else(|| format!("there is no item {pk}"))?;
        Ok(item.get("expires_at").and_then(|value| value.as_n().ok()).cloned())
    }
}

struct Server {
    process: Child,
    address: SocketAddr,
    folder: PathBuf,
}

impl Server {
    async fn start() -> Result<Self> {
        let tools = env::var_os("EVENTIDE_TOOLS").map(PathBuf::from).unwrap_or_default();
        let program = tools.join("venv/bin/ministack");
        if !program.exists() {
            return Err(
                format!("{} is missing: install the tools with `make tools`", program.display()).into()
            );
        }
        let address = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?;
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("ministack-{}", address.port()));
        fs::create_dir_all(&folder)?;
        let log = fs::File::create(folder.join("log"))?;
        let process = Command::new(&program)
            .env("BIND_HOST", "127.0.0.1")
            .env("GATEWAY_PORT", address.port().to_string())
            .env("SERVICES", "dynamodb")
            .env("TMPDIR", &folder)
            .env("STATE_DIR", folder.join("state"))
            .env("S3_DATA_DIR", folder.join("s3"))
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()?;
        let mut server = Self { process, address, folder };
        server.wait_until_healthy().await?;
        Ok(server)
    }

    async fn wait_until_healthy(&mut self) -> Result<()> {
        for _attempt in 0..600 {
            if healthy(self.address).unwrap_or(false) {
                return Ok(());
            }
            if let Some(status) = self.process.try_wait()? {
                let log = fs::read_to_string(self.folder.join("log"))?;
                return Err(format!("ministack ended with {status}:\n{log}").into());
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Err("ministack was not healthy within a minute".into())
    }
}

fn healthy(address: SocketAddr) -> io::Result<bool> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    stream.write_all(b"GET /_ministack/health HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer.starts_with("HTTP/1.1 200"))
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}
