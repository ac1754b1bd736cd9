//! A million links that nobody signed.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::*;
use crate::edge::forgery::{Forger, Forgery};

const FORGED: usize = 1_000_000;
const THREADS: usize = 2;
const SEED: u64 = 0x5eed;

/// What `tests/edge_signer.py` makes of it: another implementation's key pairs and links.
fn python(asked: &[Value]) -> Vec<Value> {
    let tools = std::env::var_os("EVENTIDE_TOOLS").expect("cargo sets EVENTIDE_TOOLS");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/edge_signer.py");
    let mut child = Command::new(PathBuf::from(tools).join("venv/bin/python"))
        .arg("-B")
        .arg(script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(json!(asked).to_string().as_bytes()).unwrap();
    serde_json::from_slice(&child.wait_with_output().unwrap().stdout).unwrap()
}

/// Links of three keys, under both policies, each with a token of its own; and the keys.
fn genuine() -> (Vec<String>, BTreeMap<String, PublicKey>) {
    let pairs = python(&["ecdsa", "ecdsa", "rsa"].map(|kind| json!({ "pair": kind })));
    let ids = ["K2JCJMDEHXQW5F", "K3D5EWEUDCCXON", "K1UA3WV15I7JSD"];
    let mut asked = Vec::new();
    for number in 0..48 {
        let which = number % ids.len();
        let mut link = json!({
            "url": format!("{URL}?t=PVnGzkOTx2GRXtYGbax{number:03}"), "keyId": ids[which],
            "key": pairs[which]["privateKey"], "until": NOW + 600 + i64::try_from(number / 8).unwrap(),
        });
        if number % 2 == 1 {
            link["custom"] = json!({});
        }
        asked.push(link);
    }
    let links = python(&asked).iter().map(|link| link.as_str().unwrap().to_owned()).collect();
    let key = |(id, pair): (&str, &Value)| {
        (id.to_owned(), PublicKey::parse(pair["publicKey"].as_str().unwrap()).unwrap())
    };
    (links, ids.into_iter().zip(&pairs).map(key).collect())
}

fn accepts(link: &str, keys: &BTreeMap<String, PublicKey>) -> Result<String, Refusal> {
    let (url, query) = link.split_once('?').unwrap_or((link, ""));
    check(Asked { url, ..asked(query) }, keys)
}

#[test]
fn of_a_million_forged_links_none_is_accepted() {
    let (links, keys) = genuine();
    let good = |links: &[String]| links.iter().all(|link| accepts(link, &keys).is_ok());
    assert!(good(&links), "what is forged would be refused anyway");
    let forge = |thread: usize| {
        let mut forger = Forger::new(&links, SEED + u64::try_from(thread).unwrap());
        let (mut refused, mut by_kind) = (BTreeMap::new(), BTreeMap::new());
        for number in 0..FORGED / THREADS {
            let kind = Forgery::ALL[number % Forgery::ALL.len()];
            let forged = forger.forge(kind);
            match accepts(&forged, &keys) {
                Ok(_) => panic!("{kind:?}: {forged}"),
                Err(refusal) => *refused.entry(format!("{refusal:?}")).or_insert(0_usize) += 1,
            }
            *by_kind.entry(kind).or_insert(0_usize) += 1;
        }
        (refused, by_kind)
    };
    let mut refused = BTreeMap::<String, usize>::new();
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|thread| scope.spawn(move || forge(thread))).collect();
        for thread in threads {
            let (of_thread, by_kind) = thread.join().unwrap();
            assert_eq!(by_kind.len(), Forgery::ALL.len());
            for (refusal, count) in of_thread {
                *refused.entry(refusal).or_default() += count;
            }
        }
    });
    println!("{refused:?}");
    assert_eq!(refused.values().sum::<usize>(), FORGED);
    // Most of them by what they are signed with, not by their form.
    assert!(refused["AccessDenied"] > FORGED / 2, "{refused:?}");
    assert!(good(&links));
}

#[test]
fn a_stranger_s_signature_under_a_known_id_is_refused() {
    let (own, stranger) = (Signer::new(), Signer::new());
    let keys = own.keys();
    for number in 0..10_000 {
        let query = stranger.canned(&format!("t={number}"), NOW + 600);
        assert_eq!(check(asked(&query), &keys), Err(Refusal::AccessDenied), "{query}");
    }
}
