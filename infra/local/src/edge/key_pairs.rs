//! Key pairs for signing links locally: what `make keys` does on AWS. The private keys are in a secret of the local
//! Secrets Manager, the public ones in the parameters that a stack is deployed with.

use std::collections::BTreeMap;

use eventide_testing::Aws;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::Mutex;

use super::keys::{PublicKey, p256_pem, pem};

const SECRET: &str = "eventide-local-signing-keys";

/// What is asked for: a pair for a slot, which one signs from now on, or both. Without either, a pair for slot `a`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Asked {
    /// The slot, `a` or `b`, that gets a pair, in the place of one that it has.
    slot: Option<String>,
    /// The slot that signs from now on. The first slot that has a pair does, else.
    current: Option<String>,
    /// A pair that was made elsewhere, both in PEM, the private key in PKCS#8; else one is made, ECDSA on P-256.
    private_key: Option<String>,
    public_key: Option<String>,
}

/// The key pairs that there are.
#[derive(Debug, Default)]
pub(super) struct KeyPairs(Mutex<State>);

#[derive(Default)]
struct State {
    arn: String,
    current: String,
    pairs: BTreeMap<String, Pair>,
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("State")
            .field("arn", &self.arn)
            .field("current", &self.current)
            .finish_non_exhaustive()
    }
}

#[derive(Clone)]
struct Pair {
    private: String,
    public: String,
    algorithm: &'static str,
}

impl KeyPairs {
    /// Makes a pair or changes which one signs, writes the secret, and gives the parameters to deploy with.
    pub(super) async fn change(&self, aws: &Aws, asked: Asked) -> Result<Value, String> {
        let mut state = self.0.lock().await;
        let mut pairs = state.pairs.clone();
        let slot = match (&asked.slot, &asked.current) {
            (None, None) => Some("a"),
            (slot, _) => slot.as_deref(),
        };
        if let Some(slot) = slot {
            if !["a", "b"].contains(&slot) {
                return Err(format!("slot `{slot}`, expected `a` or `b`"));
            }
            let pair = match (asked.private_key, asked.public_key) {
                (None, None) => Pair::generate()?,
                (Some(private), Some(public)) => {
                    let algorithm = PublicKey::parse(&public)?.algorithm();
                    Pair { private, public, algorithm }
                }
                _ => return Err("`privateKey` and `publicKey` go together".into()),
            };
            pairs.insert(slot.to_owned(), pair);
        }
        let first = || pairs.keys().next().cloned().unwrap_or_default();
        let current = asked.current.or_else(|| Some(state.current.clone()).filter(|slot| !slot.is_empty()));
        let current = current.unwrap_or_else(first);
        if !pairs.contains_key(&current) {
            return Err(format!("slot `{current}` has no key pair"));
        }
        let written = Self::write(aws, &state.arn, &current, &pairs).await?;
        *state = State { arn: written, current, pairs };
        Ok(state.describe())
    }

    /// The parameters to deploy with.
    pub(super) async fn describe(&self) -> Value {
        self.0.lock().await.describe()
    }

    /// Writes the secret; its ARN.
    async fn write(
        aws: &Aws,
        arn: &str,
        current: &str,
        pairs: &BTreeMap<String, Pair>,
    ) -> Result<String, String> {
        let keys: BTreeMap<_, _> = pairs
            .iter()
            .map(|(slot, pair)| (slot, json!({ "algorithm": pair.algorithm, "privateKey": pair.private })))
            .collect();
        let secret = json!({ "current": current, "keys": keys }).to_string();
        let answer = if arn.is_empty() {
            let body = json!({ "Name": SECRET, "SecretString": secret });
            aws.json("secretsmanager", "secretsmanager.CreateSecret", &body).await?
        } else {
            let body = json!({ "SecretId": arn, "SecretString": secret });
            aws.json("secretsmanager", "secretsmanager.PutSecretValue", &body).await?
        };
        let arn = answer.get("ARN").and_then(Value::as_str);
        arn.map(str::to_owned).ok_or_else(|| "the secret has no ARN".to_owned())
    }
}

impl State {
    fn describe(&self) -> Value {
        let mut parameters = BTreeMap::new();
        if !self.arn.is_empty() {
            parameters.insert("SigningKeysSecretArn".to_owned(), self.arn.clone());
        }
        for (slot, pair) in &self.pairs {
            parameters.insert(format!("PublicKey{}", slot.to_ascii_uppercase()), pair.public.clone());
        }
        json!({ "current": self.current, "parameters": parameters })
    }
}

impl Pair {
    fn generate() -> Result<Self, String> {
        let random = SystemRandom::new();
        let trouble = |what: String| format!("key pair: {what}");
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random)
            .map_err(|error| trouble(error.to_string()))?;
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, pkcs8.as_ref(), &random)
            .map_err(|error| trouble(error.to_string()))?;
        Ok(Self {
            private: pem("PRIVATE KEY", pkcs8.as_ref()),
            public: p256_pem(pair.public_key().as_ref()),
            algorithm: "ECDSA_P256",
        })
    }
}
