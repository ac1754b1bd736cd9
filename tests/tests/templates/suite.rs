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
            for member in ["Type", "Default", "AllowedValues", "AllowedPattern"] {
                assert_eq!(
                    own[member], nested["Parameters"][parameter][member],
                    "{name}: {parameter} {member}"
                );
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
    let parameters = [
        ("ClassifierArn", classifier),
        ("CompliantLabels", "compliant"),
        ("RestrictedLabels", "gambling,tobacco"),
        ("SenderEmail", "news@example.com"),
    ];
    let outputs = cloud.deploy("infra/suite.yaml", "eventide", &parameters).await?;
    let stacks: BTreeSet<_> = outputs.values().map(String::as_str).collect();
    let expected = ["eventide-ComplianceScreening", "eventide-DataMarts", "eventide-FindingEnrichment"];
    assert_eq!(stacks, expected.into());
    let answer = cloud.control(http::Method::GET, "stacks", None).await?;
    let names = answer["stacks"].as_array().into_iter().flatten().filter_map(|stack| stack["stack"].as_str());
    let names: BTreeSet<_> = names.collect();
    assert!(stacks.is_subset(&names), "{answer}");
    Ok(())
}
