//! What the deployer makes of the templates' parts that are at the edge.

use http::Method;
use serde_json::{Value, json};

use crate::support::World;

#[tokio::test]
async fn a_stack_is_at_the_edge_until_it_is_deleted() -> Result<(), String> {
    let mut world = World::start().await?;
    let deployed = world.deploy(&[]).await?;
    let taken: Vec<_> =
        deployed["taken_out"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    assert_eq!(taken.len(), 7, "{taken:?}");
    assert!(taken.iter().any(|line| line.contains("AWS::CloudFront::KeyGroup")), "{taken:?}");
    assert!(taken.iter().any(|line| line.starts_with("the page: 3 files")), "{taken:?}");
    let own = |name: &str| world.outputs[name].clone();
    assert_eq!(own("LinkOrigin"), world.cloud.edge());
    assert_eq!(own("ParticipantEndpoint"), world.cloud.edge());
    assert!(own("Domain").ends_with(".cloudfront.net"), "{:?}", world.outputs);
    assert!(!world.outputs.keys().any(|name| name.starts_with("LocalEdge")), "{:?}", world.outputs);

    let edge = world.cloud.control(Method::GET, "edge", None).await?;
    assert_eq!(edge["endpoint"], world.cloud.edge());
    let distribution = &edge["stacks"]["edge"]["distributions"][0];
    assert_eq!(distribution["keys"], json!({ world.outputs["KeyA"].clone(): "ECDSA_P256" }));
    assert_eq!(edge["stacks"]["edge"]["apis"][0]["routes"], json!(["POST /api/echo/{name}"]));
    let health = world.cloud.control(Method::GET, "health", None).await?;
    assert_eq!(health["edge"], world.cloud.edge());

    // A key that CloudFront would not take.
    let error = world.deploy(&[("PublicKeyB", "no key")]).await.unwrap_err();
    assert!(error.contains("`SlotB`") && error.contains("no PEM"), "{error}");
    assert_eq!(world.get(&world.url("/assets/app.js")).await?.status, 200, "what was deployed before stays");

    world.cloud.control(Method::DELETE, "stacks/edge", None).await?;
    let nobody = world.get(&world.url("/assets/app.js")).await?;
    assert_eq!(nobody.status, 404, "{nobody:?}");
    Ok(())
}

#[tokio::test]
async fn key_pairs_are_kept_in_their_slots() -> Result<(), String> {
    let world = World::start().await?;
    let change = |body: Value| {
        let cloud = &world.cloud;
        async move { cloud.control(Method::POST, "edge/keys", Some(&body)).await }
    };
    let before = world.cloud.control(Method::GET, "edge/keys", None).await?;
    assert_eq!(before["current"], "a");
    let both = change(json!({ "slot": "b" })).await?;
    assert_eq!(both["current"], "a");
    assert_eq!(both["parameters"]["PublicKeyA"], before["parameters"]["PublicKeyA"]);
    assert_ne!(both["parameters"]["PublicKeyB"], before["parameters"]["PublicKeyA"]);
    assert_eq!(both["parameters"]["LinkOrigin"], world.cloud.edge());
    let switched = change(json!({ "current": "b" })).await?;
    assert_eq!((&switched["current"], &switched["parameters"]), (&json!("b"), &both["parameters"]));
    for wrong in [
        json!({ "slot": "c" }),
        json!({ "current": "c" }),
        json!({ "slot": "a", "publicKey": "x" }),
        json!({ "slot": "a", "privateKey": "x", "publicKey": "x" }),
        json!({ "slots": "a" }),
    ] {
        assert!(change(wrong.clone()).await.is_err(), "{wrong}");
    }
    let after = world.cloud.control(Method::GET, "edge/keys", None).await?;
    assert_eq!(after, switched, "what is refused changes nothing");
    Ok(())
}
