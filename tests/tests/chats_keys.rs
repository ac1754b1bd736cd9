//! `make keys`: key pairs of two slots, in a secret and in the parameters that the stack is deployed with.

#![expect(clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::path::PathBuf;

use eventide_testing::{LocalCloud, repository};
use eventide_tests::Chats;
use serde_json::{Value, json};
use tokio::process::Command;

type Tested = Result<(), String>;

/// The script, with a local cloud in the place of AWS and a folder of its own.
struct Keys {
    endpoint: String,
    folder: tempfile::TempDir,
}

impl Keys {
    fn new(cloud: &LocalCloud) -> Result<Self, String> {
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        Ok(Self { endpoint: cloud.endpoint().to_owned(), folder })
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("voice-to-chat.parameters.json")
    }

    fn parameters(&self) -> Result<Value, String> {
        let text = std::fs::read(self.file()).map_err(|error| error.to_string())?;
        serde_json::from_slice(&text).map_err(|error| error.to_string())
    }

    /// Runs it; `Err` is what it complains of.
    async fn run(&self, arguments: &[&str]) -> Result<Result<String, String>, String> {
        let tools = std::env::var_os("EVENTIDE_TOOLS").ok_or("cargo sets EVENTIDE_TOOLS")?;
        let output = Command::new(PathBuf::from(tools).join("venv/bin/python"))
            .arg("-B")
            .arg(repository().join("infra/scripts/keys"))
            .args(arguments)
            .arg("--parameters")
            .arg(self.file())
            .env("AWS_ENDPOINT_URL", &self.endpoint)
            .env("AWS_DEFAULT_REGION", "us-east-1")
            .env("AWS_ACCESS_KEY_ID", "test")
            .env("AWS_SECRET_ACCESS_KEY", "test")
            .env_remove("AWS_PROFILE")
            .kill_on_drop(true)
            .output()
            .await
            .map_err(|error| error.to_string())?;
        let [said, complained] =
            [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
        Ok(if output.status.success() { Ok(said) } else { Err(complained) })
    }

    /// Runs it and expects that it does what it is asked for.
    async fn does(&self, arguments: &[&str]) -> Result<String, String> {
        self.run(arguments).await?.map_err(|complained| format!("{arguments:?}: {complained}"))
    }

    /// Runs it and expects that it refuses, says this, and changes nothing.
    async fn refuses(&self, cloud: &LocalCloud, arguments: &[&str], why: &str) -> Tested {
        let before = (std::fs::read(self.file()).ok(), secret(cloud).await.ok());
        match self.run(arguments).await? {
            Ok(said) => return Err(format!("{arguments:?} was done: {said}")),
            Err(complained) => assert!(complained.contains(why), "{arguments:?}: {complained}"),
        }
        assert!((std::fs::read(self.file()).ok(), secret(cloud).await.ok()) == before, "{arguments:?}");
        Ok(())
    }
}

/// What the functions read.
async fn secret(cloud: &LocalCloud) -> Result<Value, String> {
    let asked = json!({ "SecretId": "eventide/voice-to-chat/signing-keys" });
    let answer = cloud.aws_json("secretsmanager", "secretsmanager.GetSecretValue", &asked).await?;
    let text = answer["SecretString"].as_str().ok_or("the secret has no text")?;
    serde_json::from_str(text).map_err(|error| error.to_string())
}

fn text<'a>(parameters: &'a Value, name: &str) -> &'a str {
    parameters[name].as_str().unwrap_or_default()
}

#[tokio::test]
async fn slots_are_filled_switched_and_emptied() -> Tested {
    let cloud = LocalCloud::start().await?;
    let keys = Keys::new(&cloud)?;
    let others = json!({ "Brand": "Example Shop", "PublicKeyB": "" });
    std::fs::write(keys.file(), others.to_string()).map_err(|error| error.to_string())?;
    for (arguments, why) in [
        (&["--current", "a"][..], "slot `a` has no key"),
        (&["--slot", "c"], "invalid choice"),
        (&["--slot", "a", "--algorithm", "dsa"], "invalid choice"),
        (&["--slot", "a", "--current", "a"], "not allowed with"),
        (&[], "required"),
    ] {
        keys.refuses(&cloud, arguments, why).await?;
    }

    let said = keys.does(&["--slot", "a"]).await?;
    assert!(said.contains("Slot a") && !said.contains("PRIVATE"), "{said}");
    let first = keys.parameters()?;
    assert!(text(&first, "PublicKeyA").starts_with("-----BEGIN PUBLIC KEY-----\n"), "{first}");
    assert!(text(&first, "SigningKeysSecretArn").starts_with("arn:aws:secretsmanager:us-east-1:"), "{first}");
    assert_eq!((text(&first, "Brand"), text(&first, "PublicKeyB")), ("Example Shop", ""));
    assert!(!first.to_string().contains("PRIVATE"));
    let kept = secret(&cloud).await?;
    assert_eq!(kept["current"], "a", "the first one signs");
    assert_eq!(kept["keys"]["a"]["algorithm"], "ECDSA_P256");
    assert!(text(&kept["keys"]["a"], "privateKey").starts_with("-----BEGIN PRIVATE KEY-----\n"));

    // A key that is there stays, and a file that was lost comes again.
    for arguments in [&["--slot", "a"][..], &["--slot", "a", "--algorithm", "rsa"]] {
        std::fs::write(keys.file(), others.to_string()).map_err(|error| error.to_string())?;
        assert!(keys.does(arguments).await?.contains("already"), "{arguments:?}");
        assert_eq!(keys.parameters()?, first, "{arguments:?}");
        assert_eq!(secret(&cloud).await?, kept, "{arguments:?}");
    }
    keys.refuses(&cloud, &["--empty", "a"], "expected the other slot").await?;
    keys.refuses(&cloud, &["--current", "b"], "slot `b` has no key").await?;

    keys.does(&["--slot", "b", "--algorithm", "rsa"]).await?;
    let both = keys.parameters()?;
    assert_eq!(both["PublicKeyA"], first["PublicKeyA"]);
    assert_eq!(both["SigningKeysSecretArn"], first["SigningKeysSecretArn"]);
    assert!(text(&both, "PublicKeyB").len() > text(&both, "PublicKeyA").len(), "2,048 bits");
    let with_both = secret(&cloud).await?;
    assert_eq!((&with_both["current"], &with_both["keys"]["a"]), (&json!("a"), &kept["keys"]["a"]));
    assert_eq!(with_both["keys"]["b"]["algorithm"], "RSA_2048");

    keys.does(&["--current", "b"]).await?;
    assert_eq!(secret(&cloud).await?["current"], "b");
    keys.refuses(&cloud, &["--empty", "b"], "expected the other slot").await?;
    keys.does(&["--empty", "a"]).await?;
    let emptied = keys.parameters()?;
    assert_eq!((text(&emptied, "PublicKeyA"), &emptied["PublicKeyB"]), ("", &both["PublicKeyB"]));
    let kept = secret(&cloud).await?;
    assert_eq!(
        kept["keys"].as_object().map(|keys| keys.keys().cloned().collect()),
        Some(vec!["b".to_owned()])
    );
    // Round once more.
    keys.does(&["--slot", "a"]).await?;
    assert_ne!(keys.parameters()?["PublicKeyA"], first["PublicKeyA"]);

    // What is no JSON is not written over.
    std::fs::write(keys.file(), "{").map_err(|error| error.to_string())?;
    keys.refuses(&cloud, &["--current", "a"], "is no JSON").await
}

/// Deploys with what the script has written.
async fn deploy(chats: Chats, keys: &Keys, more: &[(&str, &str)]) -> Result<Chats, String> {
    let parameters = keys.parameters()?;
    let mut all = vec![("LinksPerRecipient", "100")];
    all.extend(
        ["PublicKeyA", "PublicKeyB", "SigningKeysSecretArn"].map(|name| (name, text(&parameters, name))),
    );
    all.extend(more);
    chats.redeploy(&all).await
}

/// Which public key verifies a link.
fn key_id(link: &str) -> &str {
    link.split_once("Key-Pair-Id=").and_then(|(_, rest)| rest.split('&').next()).unwrap_or_default()
}

#[tokio::test]
async fn links_that_its_keys_sign_open_the_page_from_slot_to_slot() -> Tested {
    let cloud = LocalCloud::start().await?;
    let keys = Keys::new(&cloud)?;
    keys.does(&["--slot", "a"]).await?;
    let mut chats = deploy(Chats::start_on(cloud, &[]).await?, &keys, &[]).await?;
    let (_, by_a) = chats.caller_with_link().await?;
    assert_eq!(chats.get(&by_a).await?.status, 200);

    keys.does(&["--slot", "b", "--algorithm", "rsa"]).await?;
    chats = deploy(chats, &keys, &[]).await?;
    let (_, still_by_a) = chats.caller_with_link().await?;
    assert_eq!(key_id(&by_a), key_id(&still_by_a), "the new one does not sign yet");
    keys.does(&["--current", "b"]).await?;
    // As after five minutes: another process reads the secret anew.
    chats = deploy(chats, &keys, &[("LinkMinutes", "14")]).await?;
    let (_, by_b) = chats.caller_with_link().await?;
    assert_ne!(key_id(&by_a), key_id(&by_b));
    assert!(by_b.len() > by_a.len() + 200, "RSA's signature has 344 characters");
    for link in [&by_a, &still_by_a, &by_b] {
        assert_eq!(chats.get(link).await?.status, 200);
    }

    keys.does(&["--empty", "a"]).await?;
    chats = deploy(chats, &keys, &[("LinkMinutes", "14")]).await?;
    for (link, status) in [(&by_a, 403), (&still_by_a, 403), (&by_b, 200)] {
        assert_eq!(chats.get(link).await?.status, status);
    }
    assert_eq!(chats.redeem(&by_b, "nonce-of-the-first-page-0001").await?.status, 200);
    // What is deployed last and next goes by the same slots.
    keys.does(&["--slot", "a"]).await?;
    chats = deploy(chats, &keys, &[("Policy", "custom")]).await?;
    let (_, custom) = chats.caller_with_link().await?;
    assert!(custom.contains("&Policy=") && key_id(&custom) == key_id(&by_b), "{}", custom.len());
    assert_eq!(chats.get(&custom).await?.status, 200);
    Ok(())
}
