//! The suite of all systems.

use super::*;

#[test]
fn the_suite_hands_its_parameters_on_as_the_systems_declare_them() -> Tested {
    let suite = template("suite.yaml")?;
    let mut checked = 0;
    for (name, resource) in suite["Resources"].as_object().ok_or("no resources")? {
        let nested = resource["Properties"]["TemplateURL"].as_str().ok_or_else(|| format!("`{name}`"))?;
        let nested = template(nested)?;
        for (parameter, value) in resource["Properties"]["Parameters"].as_object().into_iter().flatten() {
            // A list is handed on as text.
            let value = value.pointer("/Fn::Join/1").unwrap_or(value);
            let own = &suite["Parameters"][value["Ref"].as_str().unwrap_or_default()];
            let declared = &nested["Parameters"][parameter];
            // What a system can do without, the suite may ask for.
            let is_asked_for = own["Default"].is_null() && declared["Default"] == "";
            for member in ["Type", "Default", "AllowedValues", "AllowedPattern"] {
                let expected = match (member, declared[member].as_str()) {
                    ("Default", _) if is_asked_for => Value::Null,
                    ("AllowedPattern", Some(pattern)) if is_asked_for => {
                        pattern.trim_start_matches("^$|").into()
                    }
                    _ => declared[member].clone(),
                };
                assert_eq!(own[member], expected, "{name}: {parameter} {member}");
            }
            checked += 1;
        }
    }
    assert!(checked > 0, "the suite hands nothing on");
    Ok(())
}

#[tokio::test]
async fn the_suite_deploys_every_system() -> Tested {
    let cloud = LocalCloud::start().await?;
    let classifier = "arn:aws:comprehend:us-east-1:111122223333:document-classifier/screen/version/1";
    let instance = "arn:aws:connect:us-east-1:111122223333:instance/11111111-2222-3333-4444-555555555555";
    let keys = cloud.control(http::Method::POST, "edge/keys", Some(&json!({ "slot": "a" }))).await?;
    let key = |name: &str| keys["parameters"][name].as_str().unwrap_or_default();
    let parameters = [
        ("Brand", "Example Shop"),
        ("ChatFlowId", "aaaaaaaa-0000-4000-8000-000000000001"),
        ("ClassifierArn", classifier),
        ("CompliantLabels", "compliant"),
        ("ConnectInstanceArn", instance),
        ("PublicKeyA", key("PublicKeyA")),
        ("RestrictedLabels", "gambling,tobacco"),
        ("SenderEmail", "news@example.com"),
        ("SigningKeysSecretArn", key("SigningKeysSecretArn")),
    ];
    let outputs = cloud.deploy("infra/suite.yaml", "eventide", &parameters).await?;
    let stacks: BTreeSet<_> = outputs.values().map(String::as_str).collect();
    let expected = [
        "eventide-ComplianceScreening",
        "eventide-DataMarts",
        "eventide-FindingEnrichment",
        "eventide-VoiceToChat",
    ];
    assert_eq!(stacks, expected.into());
    let answer = cloud.control(http::Method::GET, "stacks", None).await?;
    let names = answer["stacks"].as_array().into_iter().flatten().filter_map(|stack| stack["stack"].as_str());
    let names: BTreeSet<_> = names.collect();
    assert!(stacks.is_subset(&names), "{answer}");
    Ok(())
}
