//! Detective's stand-in against a client that is not ours: boto3 calls every operation through the endpoint,
//! and botocore's service model judges the raw answers.

use std::path::PathBuf;

use eventide_testing::LocalCloud;
use tokio::process::Command;

#[tokio::test]
async fn boto3_and_its_service_model_agree_with_every_answer() {
    let cloud = LocalCloud::start().await.unwrap();
    let tools = PathBuf::from(std::env::var_os("EVENTIDE_TOOLS").expect("cargo sets EVENTIDE_TOOLS"));
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/detective_conformance.py");
    let output = Command::new(tools.join("venv/bin/python"))
        .arg("-B")
        .arg(script)
        .arg(cloud.endpoint())
        .kill_on_drop(true)
        .output()
        .await
        .unwrap();
    let (printed, errors) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{printed}{errors}");
}
